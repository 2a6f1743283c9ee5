"""The edge: where the world comes in. A load balancer with its certificate, its log and its firewall."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions
from pydantic import Field

from infra.certificate import Certificate
from infra.fence import admit
from infra.firewall import Firewall, FirewallSettings
from infra.log_bucket import LogBucket
from infra.release import MAINTENANCE, rule_priority
from infra.settings import DomainName, HostedZoneId, LogDays, Section

TLS_POLICY = "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09"
"""TLS 1.3 and 1.2 with forward secrecy, post-quantum key exchange where the client knows it: what AWS recommends and the
console chooses (Elastic Load Balancing, "Security policies for your Application Load Balancer")."""

HEADERS = {
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # For pages that need nothing from other hosts and are in nobody's frame.
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
    ),
}
"""On every answer, a load balancer's own included (OWASP Secure Headers Project)."""

Failover = Literal["none", "primary", "secondary"]
"""Whether a domain leads to one region, or to a first one as long as it is well and else to a second one."""


SHORT_NAME = "edge-"
"""AWS takes 32 characters for the name of a load balancer or a target group, too few for a stack's."""


class EdgeSettings(Section):
    """Section `edge` of a stack file. Without the section, nobody reaches the application from outside."""

    domain: DomainName
    """What people type; certificate and record are made for it."""

    hosted_zone_id: HostedZoneId
    """Of the Route 53 zone that the domain lies in, which must be public and delegated to."""

    firewall: FirewallSettings = FirewallSettings()

    access_log_retention_days: LogDays = 30
    """How long the record of requests, connections and what the firewall refused is kept."""

    idle_timeout_seconds: int = Field(60, ge=1, le=4000)
    """After which a silent connection is closed; the server must keep its end open for longer."""


@dataclass(frozen=True)
class PublicNetwork:
    """Where a load balancer lives, and the security group of the pods behind it."""

    vpc_id: Input[str]
    subnet_ids: Sequence[Input[str]]
    pods_group_id: Input[str]
    ready: Sequence[pulumi.Resource]
    """The way to the internet: AWS refuses a public load balancer before it is there, and its removal while that stands."""


@dataclass(frozen=True)
class Backend:
    """How the pods are reached and asked, and how they leave."""

    port: int
    readiness_path: str
    deregistration_delay_seconds: int
    colours: Sequence[str] = ()
    """Versions that stand side by side, the one that serves first: each has targets of its own. None: one set of targets."""
    maintenance: bool = False
    """Whether a page stands in for the application, with targets of its own."""


NOBODY = "127.0.0.1/32"
"""No request comes from here."""


class Edge(pulumi.ComponentResource):
    """An internet-facing Application Load Balancer that knows one domain and sends it to one target group.

    Type token: `marlinspike:edge:Edge`. Makes a security group (the only one that the world may enter) with its rules, the
    bucket for the logs, the load balancer, a target group for pod addresses, a listener that redirects HTTP, the certificate,
    a listener for HTTPS that answers 404 to other domains, and the firewall unless it is off. With colours, and in maintenance,
    the domain leads nowhere until `lead_to` is told where. The targets are registered by whoever runs the pods
    (infra/binding.py), the name is given by infra/public_name.py. With `protect`, neither Pulumi nor AWS deletes the load
    balancer, and logs are kept with their bucket.
    """

    settings: EdgeSettings
    backend: Backend
    failover: Failover
    url: str
    load_balancer_dns_name: Output[str]
    load_balancer_zone_id: Output[str]
    """Of the zone that AWS keeps for load balancers, which an alias record names."""
    load_balancer_arn_suffix: Output[str]
    """The load balancer in CloudWatch's dimensions."""
    target_group_arns: Mapping[str, Output[str]]
    """By colour; of `""` where there is only one."""
    target_group_arn: Output[str]
    """Of the version that serves."""
    target_group_arn_suffix: Output[str]
    """The target group in CloudWatch's dimensions."""
    certificate_arn: Output[str]
    https_listener_arn: Output[str]
    asked_for_health: Sequence[pulumi.Resource]
    """The rules by which the load balancer asks targets for their health: of targets to which no rule leads it asks nothing."""

    def __init__(
        self,
        name: str,
        settings: EdgeSettings,
        network: PublicNetwork,
        backend: Backend,
        key_arn: Input[str],
        account_id: str,
        region: str,
        protect: bool,
        failover: Failover = "none",
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("marlinspike:edge:Edge", name, {}, opts)
        self.settings, self.backend, self.failover = settings, backend, failover
        self._child = ResourceOptions(parent=self)
        retention = settings.access_log_retention_days
        logs = LogBucket(f"{name}-logs", retention, account_id, region, keep=protect, opts=self._child)
        group_id = self._security_group(name, network, backend.port)
        balancer = aws.lb.LoadBalancer(
            f"{name}-balancer",
            name_prefix=SHORT_NAME,
            load_balancer_type="application",
            internal=False,
            ip_address_type="ipv4",
            subnets=list(network.subnet_ids),
            security_groups=[group_id],
            idle_timeout=settings.idle_timeout_seconds,
            drop_invalid_header_fields=True,
            desync_mitigation_mode="defensive",
            enable_deletion_protection=protect,
            enable_zonal_shift=True,  # a zone in trouble can be left by one command
            access_logs={"bucket": logs.bucket, "prefix": "requests", "enabled": True},
            connection_logs={"bucket": logs.bucket, "prefix": "connections", "enabled": True},
            opts=ResourceOptions(parent=self, protect=protect, depends_on=list(network.ready)),
        )
        sets = (*(backend.colours or ("",)), *((MAINTENANCE,) if backend.maintenance else ()))
        groups = {each: self._target_group(name, each, network.vpc_id) for each in sets}
        targets = next(iter(groups.values()))
        certificate = Certificate(
            name, settings.domain, settings.hosted_zone_id, second=failover == "secondary", opts=self._child
        )
        listener = self._listeners(name, balancer.arn, certificate.arn)
        if settings.firewall.mode != "off":
            Firewall(name, settings.firewall, balancer.arn, retention, key_arn, account_id, region, opts=self._child)
        self.url = f"https://{settings.domain}"
        self.load_balancer_dns_name = balancer.dns_name
        self.load_balancer_zone_id = balancer.zone_id
        self.load_balancer_arn_suffix = balancer.arn_suffix
        self.target_group_arn, self.target_group_arn_suffix = targets.arn, targets.arn_suffix
        self.certificate_arn, self.https_listener_arn = certificate.arn, listener.arn
        self._prefix = name
        self.target_group_arns = {colour: group.arn for colour, group in groups.items()}
        self.asked_for_health = [self.lead_to("")] if sets == ("",) else [self._hold(each) for each in sets]
        self.register_outputs({"url": self.url, "targetGroupArn": self.target_group_arn})

    def lead_to(self, colour: str, depends_on: Sequence[pulumi.Resource] = ()) -> aws.lb.ListenerRule:
        """The rule that sends the domain's requests to a version: at once, since its targets are healthy already."""
        return aws.lb.ListenerRule(
            f"{self._prefix}-domain",
            listener_arn=self.https_listener_arn,
            priority=10,
            conditions=[{"host_header": {"values": [self.settings.domain]}}],
            actions=[{"type": "forward", "target_group_arn": self.target_group_arns[colour]}],
            opts=ResourceOptions(parent=self, depends_on=list(depends_on)),
        )

    def _hold(self, colour: str) -> aws.lb.ListenerRule:
        return aws.lb.ListenerRule(
            f"{self._prefix}-holds-{colour or 'targets'}",
            listener_arn=self.https_listener_arn,
            priority=rule_priority(colour),
            conditions=[{"source_ip": {"values": [NOBODY]}}],
            actions=[{"type": "forward", "target_group_arn": self.target_group_arns[colour]}],
            opts=self._child,
        )

    def _security_group(self, name: str, network: PublicNetwork, port: int) -> Output[str]:
        """From the world to the two listeners, and from here to the pods' port: nothing else."""
        group = aws.ec2.SecurityGroup(
            f"{name}-group",
            vpc_id=network.vpc_id,
            description="The load balancer that the world may reach",
            tags={"Name": name},
            opts=self._child,
        )
        for scheme, public_port, what in (
            ("http", 80, "From everybody, to be sent to HTTPS"),
            ("https", 443, "From everybody"),
        ):
            admit(f"{name}-from-world-{scheme}", group.id, public_port, what, self._child, cidr="0.0.0.0/0")
        aws.vpc.SecurityGroupEgressRule(
            f"{name}-to-pods",
            security_group_id=group.id,
            referenced_security_group_id=network.pods_group_id,
            ip_protocol="tcp",
            from_port=port,
            to_port=port,
            description="To the pods",
            opts=self._child,
        )
        pods_id = network.pods_group_id
        admit(f"{name}-into-pods", pods_id, port, "From the load balancer", self._child, client_id=group.id)
        return group.id

    def _target_group(self, name: str, colour: str, vpc_id: Input[str]) -> aws.lb.TargetGroup:
        return aws.lb.TargetGroup(
            f"{name}-targets-{colour}" if colour else f"{name}-targets",
            name_prefix=SHORT_NAME,
            vpc_id=vpc_id,
            target_type="ip",
            ip_address_type="ipv4",
            protocol="HTTP",
            port=self.backend.port,
            deregistration_delay=self.backend.deregistration_delay_seconds,
            # Requests differ in cost (a cache hit, a search), and a new pod is empty: the least busy one gets the next.
            load_balancing_algorithm_type="least_outstanding_requests",
            health_check={
                "protocol": "HTTP",
                "path": self.backend.readiness_path,
                "matcher": "200",
                # Seconds. A new pod is ready only when it is healthy here too, so that each rollout waits for two of these.
                "interval": 5,
                "timeout": 2,
                "healthy_threshold": 2,
                "unhealthy_threshold": 2,
            },
            opts=self._child,
        )

    def _listeners(self, name: str, balancer_arn: Output[str], certificate_arn: Output[str]) -> aws.lb.Listener:
        aws.lb.Listener(
            f"{name}-http",
            load_balancer_arn=balancer_arn,
            port=80,
            protocol="HTTP",
            default_actions=[
                {"type": "redirect", "redirect": {"protocol": "HTTPS", "port": "443", "status_code": "HTTP_301"}}
            ],
            routing_http_response_server_enabled=False,
            opts=self._child,
        )
        return aws.lb.Listener(
            f"{name}-https",
            load_balancer_arn=balancer_arn,
            port=443,
            protocol="HTTPS",
            ssl_policy=TLS_POLICY,
            certificate_arn=certificate_arn,
            default_actions=[
                {
                    "type": "fixed-response",
                    "fixed_response": {
                        "status_code": "404",
                        "content_type": "text/plain",
                        "message_body": "Not found",
                    },
                }
            ],
            routing_http_response_server_enabled=False,
            routing_http_response_strict_transport_security_header_value=HEADERS["Strict-Transport-Security"],
            routing_http_response_x_content_type_options_header_value=HEADERS["X-Content-Type-Options"],
            routing_http_response_x_frame_options_header_value=HEADERS["X-Frame-Options"],
            routing_http_response_content_security_policy_header_value=HEADERS["Content-Security-Policy"],
            opts=self._child,
        )
