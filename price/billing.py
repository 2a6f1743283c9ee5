"""How AWS bills each type of resource that costs something while it exists, and what is billed by use."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from infra.settings import mebibytes
from infra.usage import UsageSettings
from price.resources import Resource
from price.table import Table

HOURS = 730
"""Of a month, as AWS's calculator counts: 365 days of 24 hours, divided by 12."""

CACHE_SERVERLESS = "aws:elasticache/serverlessCache:ServerlessCache"
BACKUP_COPIES = "aws:rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication"
LAUNCH_TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"


@dataclass(frozen=True)
class Line:
    """One position of the estimate: dollars a month before taxes."""

    component: str
    """The section of the stack file that decides on it."""
    what: str
    quantity: float
    unit: str
    usd: float
    origin: str
    """Where the price was read: `AWS`, `third party` or `memory`."""


@dataclass(frozen=True)
class Bill:
    """What the lines are made of: region, prices, assumptions, and other resources by name."""

    region: str
    prices: Table
    usage: UsageSettings
    others: Mapping[str, Resource]

    def line(
        self, component: str, what: str, price: str, quantity: float, region: str | None = None, factor: float = 1
    ) -> Line:
        """A quantity at a price of the table, `Service/item`; raises UnknownPriceError when the table does not have it."""
        service, item = price.split("/")
        usd = self.prices.price(service, item, region or self.region)
        unit = self.prices.services[service].prices[item].unit
        return Line(component, what, quantity, unit, usd * quantity * factor, self.prices.origin(service, item))


def uses(resources: Iterable[Resource], usage: UsageSettings) -> Iterator[tuple[str, str, str, float, str | None]]:
    """What is billed by use, each once for a stack that has what is used: the arguments of `Bill.line`."""
    first: dict[str, Resource] = {}
    for resource in resources:
        first.setdefault(resource.type, resource)
        if resource.type == "aws:ec2/vpcEndpoint:VpcEndpoint" and resource.inputs.get("vpcEndpointType") == "Interface":
            first.setdefault("interface endpoint", resource)
    for kind, component, what, price, quantity in _uses(usage):
        if kind in first:
            yield component, what, price, quantity, first[kind].inputs.get("region") if kind == BACKUP_COPIES else None


def _uses(usage: UsageSettings) -> Iterator[tuple[str, str, str, str, float]]:
    """Type that must be there, component, what is used, its price and how much of it."""
    balancer, group = "aws:lb/loadBalancer:LoadBalancer", "aws:cloudwatch/logGroup:LogGroup"
    bucket_copies, serverless = "aws:s3/bucketReplicationConfig:BucketReplicationConfig", CACHE_SERVERLESS
    yield "aws:ec2/natGateway:NatGateway", "network", "data through NAT", "AmazonVPC/nat-gateway-data", usage.nat_gb
    yield (
        "interface endpoint",
        "network",
        "data through endpoints",
        "AmazonVPC/interface-endpoint-data",
        usage.endpoint_gb,
    )
    yield "aws:ec2/flowLog:FlowLog", "network", "flow logs", "AmazonVPC/flow-log-vended", usage.flow_logs_gb
    yield balancer, "edge", "answers to the internet", "AmazonVPC/internet-out", usage.internet_gb
    yield balancer, "edge", "capacity units", "AWSELB/capacity-unit", usage.load_balancer_units * HOURS
    yield "aws:wafv2/webAcl:WebAcl", "edge", "requests through the firewall", "awswaf/requests", usage.requests_millions
    yield group, "logs", "logs written", "AmazonCloudWatch/logs", usage.logs_gb
    yield group, "logs", "logs kept", "AmazonCloudWatch/logs-stored", usage.logs_stored_gb
    yield "aws:s3/bucket:Bucket", "storage", "files", "AmazonS3/standard", usage.files_gb
    yield bucket_copies, "recovery", "copies of files", "AmazonS3/standard", usage.files_gb
    yield "aws:backup/plan:Plan", "backup", "recovery points", "AWSBackup/storage", usage.backups_gb
    yield BACKUP_COPIES, "recovery", "copies of backups", "AmazonRDS/backup", usage.backups_gb
    yield BACKUP_COPIES, "recovery", "data to the second region", "AmazonVPC/between-regions", usage.copied_gb
    yield "aws:ecr/repository:Repository", "registry", "images", "AmazonECR/storage", usage.images_gb
    yield (
        "aws:cloudfront/distribution:Distribution",
        "cdn",
        "answers from CloudFront",
        "AmazonCloudFront/data-out",
        usage.cdn_gb,
    )
    yield serverless, "cache", "data", "AmazonElastiCache/serverless-data", usage.cache_gb * HOURS
    yield serverless, "cache", "requests", "AmazonElastiCache/serverless-units", usage.requests_millions


def _cluster(_: Resource, bill: Bill) -> Iterator[Line]:
    yield bill.line("cluster", "control plane", "AmazonEKS/cluster", HOURS)


def _node_group(resource: Resource, bill: Bill) -> Iterator[Line]:
    """The nodes that are wished for at first, of the first type; autoscaling adds more, up to the group's maximum."""
    nodes, kind = resource.inputs["scalingConfig"]["desiredSize"], resource.inputs["instanceTypes"][0]
    spot = resource.inputs.get("capacityType") == "SPOT"
    what = f"{nodes:.0f} {kind}{' spot' if spot else ''}"
    yield bill.line("nodes", what, f"AmazonEC2/{kind}", nodes * HOURS, factor=bill.usage.spot_share if spot else 1)
    template = bill.others.get(resource.name)
    for mapping in template.inputs["blockDeviceMappings"] if template else ():
        disk = mapping["ebs"]
        size = float(disk["volumeSize"]) * nodes
        yield bill.line("nodes", f"{nodes:.0f} disks", f"AmazonEBS/{disk['volumeType']}", size)


def _nat_gateway(_: Resource, bill: Bill) -> Iterator[Line]:
    yield bill.line("network", "NAT gateway", "AmazonVPC/nat-gateway", HOURS)


def _address(_: Resource, bill: Bill) -> Iterator[Line]:
    yield bill.line("network", "public address", "AmazonVPC/public-ipv4", HOURS)


def _endpoint(resource: Resource, bill: Bill) -> Iterator[Line]:
    """Gateway endpoints are free."""
    if resource.inputs.get("vpcEndpointType") == "Interface":
        zones = len(resource.inputs["subnetIds"])
        yield bill.line("network", "interface endpoint", "AmazonVPC/interface-endpoint", zones * HOURS)


def _load_balancer(resource: Resource, bill: Bill) -> Iterator[Line]:
    yield bill.line("edge", "load balancer", f"AWSELB/{resource.inputs['loadBalancerType']}", HOURS)
    if not resource.inputs.get("internal"):
        addresses = len(resource.inputs["subnets"])
        yield bill.line("edge", "public addresses", "AmazonVPC/public-ipv4", addresses * HOURS)


def _firewall(resource: Resource, bill: Bill) -> Iterator[Line]:
    yield bill.line("edge", "firewall", "awswaf/web-acl", 1)
    yield bill.line("edge", "firewall's rules", "awswaf/rule", len(resource.inputs["rules"]))


def _health_check(resource: Resource, bill: Bill) -> Iterator[Line]:
    """AWS asks for HTTPS, and for a check every ten seconds, as for optional features of one price."""
    yield bill.line("edge", "health check", "AmazonRoute53/health-check", 1)
    features = ("HTTPS" in resource.inputs["type"]) + (resource.inputs.get("requestInterval") == 10)
    yield bill.line("edge", "health check's features", "AmazonRoute53/health-check-https", features)


def _database(resource: Resource, bill: Bill) -> Iterator[Line]:
    inputs = resource.inputs
    instances = 2 if inputs.get("multiAz") else 1
    kind = inputs["instanceClass"]
    yield bill.line("database", f"{instances} {kind}", f"AmazonRDS/{kind}", instances * HOURS)
    size = float(inputs.get("allocatedStorage") or 0) * instances
    if size:
        yield bill.line("database", "disk", f"AmazonRDS/{inputs['storageType']}", size)
    if inputs.get("databaseInsightsMode") == "advanced":
        yield bill.line("database", "insights", "AmazonRDS/insights-advanced", instances * _processors(kind) * HOURS)
    if inputs.get("manageMasterUserPassword"):
        yield bill.line("database", "master secret", "AWSSecretsManager/secret", 1)


def _processors(kind: str) -> int:
    """The vCPUs of a Graviton class: two up to `large`, four of `xlarge`, n times four of `<n>xlarge`."""
    size = kind.rsplit(".", 1)[1]
    if not size.endswith("xlarge"):
        return 2
    return 4 * int(size.removesuffix("xlarge") or 1)


def _cache(resource: Resource, bill: Bill) -> Iterator[Line]:
    nodes, kind = float(resource.inputs["numCacheClusters"]), resource.inputs["nodeType"]
    yield bill.line("cache", f"{nodes:.0f} {kind}", f"AmazonElastiCache/{kind}", nodes * HOURS)


def _with_others(_: Resource, __: Bill) -> Iterator[Line]:
    """Nothing of its own: a template's disks are billed with the group that has its name, a serverless cache by use."""
    yield from ()


def _key(resource: Resource, bill: Bill) -> Iterator[Line]:
    """In its first year: each of the first two yearly rotations adds as much again."""
    yield bill.line("encryption", "KMS key", "awskms/key", 1, resource.inputs.get("region"))


def _secret(resource: Resource, bill: Bill) -> Iterator[Line]:
    copies = resource.inputs.get("replicas") or ()
    yield bill.line("secrets", "secret and its copies", "AWSSecretsManager/secret", 1 + len(copies))


def _alarm(resource: Resource, bill: Bill) -> Iterator[Line]:
    """An alarm on an expression is billed for each metric in it."""
    queries = resource.inputs.get("metricQueries") or ()
    metrics = sum("metric" in query for query in queries) or 1
    yield bill.line("alarms", "alarm", "AmazonCloudWatch/alarm", metrics)


def _release(resource: Resource, bill: Bill) -> Iterator[Line]:
    """The disks that a chart's values ask for, on the cluster's default class of storage."""
    for size in _claims(resource.inputs.get("values")):
        yield bill.line("monitoring", f"disk of {resource.name}", "AmazonEBS/gp3", size)


def _claims(values: Any, replicas: int = 1) -> Iterator[float]:
    """GiB of each claim template within, times the replicas that the same specification asks for."""
    if isinstance(values, Mapping):
        replicas = int(values.get("replicas") or replicas)
        template = values.get("volumeClaimTemplate")
        if isinstance(template, Mapping):
            yield mebibytes(template["spec"]["resources"]["requests"]["storage"]) / 1024 * replicas
        for value in values.values():
            yield from _claims(value, replicas)


BILLED: Mapping[str, Callable[[Resource, Bill], Iterator[Line]]] = {
    "eks:index:Cluster": _cluster,
    "aws:eks/nodeGroup:NodeGroup": _node_group,
    LAUNCH_TEMPLATE: _with_others,
    "aws:ec2/natGateway:NatGateway": _nat_gateway,
    "aws:ec2/eip:Eip": _address,
    "aws:ec2/vpcEndpoint:VpcEndpoint": _endpoint,
    "aws:lb/loadBalancer:LoadBalancer": _load_balancer,
    "aws:wafv2/webAcl:WebAcl": _firewall,
    "aws:route53/healthCheck:HealthCheck": _health_check,
    "aws:rds/instance:Instance": _database,
    "aws:elasticache/replicationGroup:ReplicationGroup": _cache,
    CACHE_SERVERLESS: _with_others,
    "aws:kms/key:Key": _key,
    "aws:secretsmanager/secret:Secret": _secret,
    "aws:cloudwatch/metricAlarm:MetricAlarm": _alarm,
    "kubernetes:helm.sh/v3:Release": _release,
}
"""By type token; a type that is billed by use alone stands in price/uncounted.yaml or in `_uses`."""
