"""TLS on every way on which data travels."""

import json

from policy.planned_resource import UNKNOWN, Resource
from policy.rule import Findings, Rule, many

PARAMETERS = ("aws:rds/parameterGroup:ParameterGroup", "aws:rds/clusterParameterGroup:ClusterParameterGroup")


def _listener(it: Resource) -> Findings:
    protocol = it["protocol"]
    if protocol == "HTTP":
        for action in it.each("defaultActions"):
            target = action.get("redirect") or {}
            if it.seen(action.get("type")) != "redirect" or target.get("protocol") != "HTTPS":
                yield "It answers HTTP by something else than a redirect to HTTPS."
    elif protocol in ("HTTPS", "TLS"):
        chosen = it["sslPolicy"]
        if chosen is not UNKNOWN and not str(chosen or "").startswith("ELBSecurityPolicy-TLS13-"):
            yield f"sslPolicy is {chosen or 'left out'}: that takes older versions of TLS."


def _database(it: Resource) -> Findings:
    family = it["family"]
    if family is UNKNOWN or not str(family).startswith(("postgres", "aurora-postgresql")):
        return
    given = {each.get("name"): it.seen(each.get("value")) for each in it.each("parameters")}
    if not it.incomplete and str(given.get("rds.force_ssl")) != "1":
        yield f"rds.force_ssl is {given.get('rds.force_ssl', 'left out')}: the database takes connections without TLS."


def _cache(it: Resource) -> Findings:
    if it.is_off("transitEncryptionEnabled"):
        yield "transitEncryptionEnabled is not true."
    elif it["transitEncryptionMode"] == "preferred":
        yield "transitEncryptionMode is preferred: clients without TLS are served too."


def _content_delivery(it: Resource) -> Findings:
    for path in ("defaultCacheBehavior", "orderedCacheBehaviors"):
        for behaviour in it.each(path):
            if it.seen(behaviour.get("viewerProtocolPolicy")) == "allow-all":
                yield f"viewerProtocolPolicy of {path} is allow-all."
    least = it["viewerCertificate.minimumProtocolVersion"]
    if least not in (None, UNKNOWN) and not str(least).startswith(("TLSv1.2", "TLSv1.3")):
        yield f"minimumProtocolVersion is {least}."


def _bucket(it: Resource) -> Findings:
    policy = it["policy"]
    if not isinstance(policy, str):
        return
    statements = many(json.loads(policy)["Statement"])
    demanded = [
        statement
        for statement in statements
        if statement["Effect"] == "Deny"
        and str(statement.get("Condition", {}).get("Bool", {}).get("aws:SecureTransport", "")).lower() == "false"
    ]
    if not demanded:
        yield "Its policy does not deny requests without TLS (aws:SecureTransport)."


def _ingress(it: Resource) -> Findings:
    if it.lacks("spec.tls"):
        yield "spec.tls is left out: it serves plain HTTP."


RULES = (
    Rule(
        name="listeners-use-tls",
        says="Load balancers speak TLS 1.2 with forward secrecy, or 1.3; HTTP only to send to HTTPS.",
        why="Who listens on the way reads sessions and passwords of anything else.",
        fix="Set protocol HTTPS and ssl_policy ELBSecurityPolicy-TLS13-1-2-…, or a redirect.",
        types=("aws:lb/listener:Listener", "aws:alb/listener:Listener"),
        check=_listener,
    ),
    Rule(
        name="database-demands-tls",
        says="PostgreSQL refuses connections without TLS.",
        why="Queries, their answers and login tokens travel between zones.",
        fix="Set the parameter rds.force_ssl to 1.",
        types=PARAMETERS,
        check=_database,
    ),
    Rule(
        name="cache-demands-tls",
        says="Caches refuse connections without TLS.",
        why="Sessions and login tokens travel between zones.",
        fix="Set transit_encryption_enabled, and transit_encryption_mode to required.",
        types=("aws:elasticache/replicationGroup:ReplicationGroup",),
        check=_cache,
    ),
    Rule(
        name="content-delivery-uses-tls",
        says="CloudFront serves HTTPS only.",
        why="Who listens on the way could change scripts that browsers run.",
        fix="Set viewer_protocol_policy to redirect-to-https, and minimum_protocol_version to TLSv1.2_2021 or newer.",
        types=("aws:cloudfront/distribution:Distribution",),
        check=_content_delivery,
    ),
    Rule(
        name="bucket-demands-tls",
        says="Bucket policies deny requests without TLS.",
        why="S3 answers plain HTTP otherwise.",
        fix="Make buckets with the component of infra/buckets.py, whose policy does that.",
        types=("aws:s3/bucketPolicy:BucketPolicy",),
        check=_bucket,
    ),
    Rule(
        name="ingress-uses-tls",
        says="Ingresses have a certificate.",
        why="Who listens on the way reads sessions and passwords of anything else.",
        fix="Name hosts and the certificate's Secret in spec.tls.",
        types=("kubernetes:networking.k8s.io/v1:Ingress",),
        check=_ingress,
    ),
)
