"""What stands between the world and the pods: load balancers, certificates, firewalls, names (elbv2, acm, wafv2, route53)."""

import hashlib
from typing import Any

from rehearsal.plugins.aws.errors import AwsError
from rehearsal.plugins.aws.subject import DNS_SUFFIX, Computed, Subject, makes

BUCKET_POLICY = "aws:s3/bucketPolicy:BucketPolicy"
LOG_DELIVERY = "logdelivery.elasticloadbalancing.amazonaws.com"
CERTIFICATE = "aws:acm/certificate:Certificate"
VALIDATION = "aws:acm/certificateValidation:CertificateValidation"
RECORD = "aws:route53/record:Record"
FIREWALL_LOG_PREFIX = "aws-waf-logs-"


@makes("aws:lb/loadBalancer:LoadBalancer")
def load_balancer(subject: Subject) -> Computed:
    """A load balancer; it tries at once whether it may write its logs."""
    name = subject.text("name")
    for logs in ("accessLogs", "connectionLogs"):
        _may_write_to(subject, subject.inputs.get(logs) or {})
    kind = {"network": "net", "gateway": "gwy"}.get(subject.text("loadBalancerType"), "app")
    suffix = f"{kind}/{name}/{subject.hex(16)}"
    arn = subject.arn("elasticloadbalancing", f"loadbalancer/{suffix}")
    scheme = "internal-" if subject.inputs.get("internal") else ""
    address = f"{scheme}{name}-{int(subject.hex(8), 16) % 10**9}.{subject.region}.elb.{DNS_SUFFIX}"
    found = {
        "arn": arn,
        "arnSuffix": suffix,
        "dnsName": address,
        "zoneId": f"Z{subject.letters(13, 'zone')}",
        "loadBalancerType": "application",
    }
    for place in subject.subnets(subject.inputs.get("subnets"))[:1]:
        found["vpcId"] = place.value("vpcId")
    return Computed(arn, found)


def _may_write_to(subject: Subject, logs: dict[str, Any]) -> None:
    bucket = logs.get("bucket")
    if not logs.get("enabled"):
        return
    for policy in subject.account.all(BUCKET_POLICY):
        if policy.value("bucket") == bucket and LOG_DELIVERY in str(policy.value("policy")):
            return
    raise AwsError(
        "InvalidConfigurationRequest", f"Access Denied for bucket: {bucket}. Please check S3bucket permission"
    )


@makes("aws:lb/targetGroup:TargetGroup")
def target_group(subject: Subject) -> Computed:
    """A target group."""
    suffix = f"targetgroup/{subject.text('name')}/{subject.hex(16)}"
    arn = subject.arn("elasticloadbalancing", suffix)
    return Computed(arn, {"arn": arn, "arnSuffix": suffix})


@makes("aws:lb/listener:Listener")
def listener(subject: Subject) -> Computed:
    """A listener; its certificate must be issued."""
    certificate = subject.text("certificateArn")
    if certificate and not any(done.value("certificateArn") == certificate for done in subject.account.all(VALIDATION)):
        raise AwsError(
            "UnsupportedCertificate",
            f"The certificate '{certificate}' must have a fully-qualified domain name, a supported signature, and a "
            "supported key size.",
        )
    arn = f"{subject.text('loadBalancerArn').replace(':loadbalancer/', ':listener/')}/{subject.hex(16)}"
    return Computed(arn, {"arn": arn})


@makes("aws:lb/listenerRule:ListenerRule")
def listener_rule(subject: Subject) -> Computed:
    """A listener's rule; no two share a priority."""
    owner = subject.text("listenerArn")
    wanted = (owner, subject.inputs.get("priority"))
    if any((other.value("listenerArn"), other.value("priority")) == wanted for other in subject.others()):
        raise AwsError("PriorityInUse", f"Priority '{subject.text('priority')}' is currently in use")
    arn = f"{owner.replace(':listener/', ':listener-rule/')}/{subject.hex(16)}"
    return Computed(arn, {"arn": arn})


@makes(CERTIFICATE)
def certificate(subject: Subject) -> Computed:
    """A certificate, waiting for its validation. What proves a domain is the same for all its certificates of an account."""
    arn = subject.arn("acm", f"certificate/{subject.uuid()}")
    domains = [subject.text("domainName"), *(subject.inputs.get("subjectAlternativeNames") or [])]
    options = [
        {
            "domainName": domain,
            "resourceRecordName": f"_{_digits(domain)}.{domain.removeprefix('*.')}.",
            "resourceRecordType": "CNAME",
            "resourceRecordValue": f"_{_digits(domain + ' value')}.acm-validations.aws.",
        }
        for domain in dict.fromkeys(domains)
        if domain
    ]
    return Computed(
        arn, {"arn": arn, "status": "PENDING_VALIDATION", "type": "AMAZON_ISSUED", "domainValidationOptions": options}
    )


def _digits(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


@makes(VALIDATION)
def certificate_validation(subject: Subject) -> Computed:
    """The wait for a certificate. Without the records that prove its domains it would be waited for in vain."""
    arn = subject.text("certificateArn")
    waiting = subject.existing(CERTIFICATE, arn, "ResourceNotFoundException", f"Could not find certificate {arn}.")
    known = {_without_dot(record.value("name")) for record in subject.account.all(RECORD)}
    for option in waiting.value("domainValidationOptions") or []:
        if _without_dot(option["resourceRecordName"]) not in known:
            raise AwsError(
                "RequestError",
                f"waiting for ACM Certificate ({arn}) to be issued: timeout while waiting for state to become 'ISSUED' "
                f"(last state: 'PENDING_VALIDATION'): no record {option['resourceRecordName']} proves the domain",
            )
    return Computed(subject.created_at, {})


@makes(RECORD)
def record(subject: Subject) -> Computed:
    """A DNS record; only `allowOverwrite` takes one that is there."""
    zone, kind, name = subject.text("zoneId"), subject.text("type"), _without_dot(subject.text("name"))
    chosen = subject.text("setIdentifier")
    for other in subject.others():
        same = (other.value("zoneId"), other.value("type"), _without_dot(other.value("name"))) == (zone, kind, name)
        if same and not subject.inputs.get("allowOverwrite"):
            if (other.value("setIdentifier") or "") == chosen:
                raise AwsError(
                    "InvalidChangeBatch",
                    f"[Tried to create resource record set [name='{name}.', type='{kind}'] but it already exists]",
                )
            if not (other.value("setIdentifier") and chosen):
                raise AwsError(
                    "InvalidChangeBatch",
                    f"[RRSet with DNS name {name}., type {kind}, SetIdentifier {chosen or 'null'} cannot be created as a "
                    "non multi-answer or multi-answer resource record set already exists with the same name.]",
                )
    identifier = "_".join(part for part in (zone, name, kind, chosen) if part)
    return Computed(identifier, {"fqdn": name})


def _without_dot(name: Any) -> str:
    return str(name).rstrip(".").lower()


@makes("aws:route53/healthCheck:HealthCheck")
def health_check(subject: Subject) -> Computed:
    """A health check."""
    identifier = subject.uuid()
    return Computed(identifier, {"arn": f"arn:aws:route53:::healthcheck/{identifier}"})


@makes("aws:wafv2/webAcl:WebAcl")
def web_acl(subject: Subject) -> Computed:
    """A firewall."""
    identifier, name = subject.uuid(), subject.text("name")
    scope = "global" if subject.text("scope") == "CLOUDFRONT" else "regional"
    return Computed(identifier, {"arn": subject.arn("wafv2", f"{scope}/webacl/{name}/{identifier}")})


@makes("aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration")
def web_acl_logging(subject: Subject) -> Computed:
    """Where a firewall writes: a log group of the right name that lets it."""
    for destination in subject.inputs.get("logDestinationConfigs") or []:
        group = str(destination).split(":log-group:")
        if len(group) == 2 and not group[1].startswith(FIREWALL_LOG_PREFIX):
            raise AwsError(
                "WAFInvalidParameterException",
                "Error reason: The ARN isn't valid. A valid ARN begins with arn: and includes other information "
                f"separated by colons or slashes., field: LOG_DESTINATION, parameter: {destination}",
            )
    return Computed(subject.text("resourceArn"), {})
