"""What lies where: boxes for what a stack runs, in strips of subnets, with the zones that they are in."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rehearsal.report.architecture.model import PEOPLE, Box, Strip
from rehearsal.report.cluster import Cluster, Pod
from rehearsal.report.graph import SUBNET, Graph, Resource

BALANCER, DATABASE, CACHE = "balancer", "database", "cache"
NAT, NODES, CONTROL_PLANE, ENDPOINTS = "nat", "nodes", "control-plane", "endpoints"

RELEASE = "kubernetes:helm.sh/v3:Release"
TO = "\N{EN DASH}"

ORDER = ("public", "private", "control-plane", "data")
"""Of strips, from the entrance to what is kept furthest from it."""


SUBNET_GROUPS = ("aws:rds/subnetGroup:SubnetGroup", "aws:elasticache/subnetGroup:SubnetGroup")


def role(subnet: Resource) -> str:
    """What a subnet is for, by its name: `private` of `marlinspike-prod-private-a`."""
    found = re.search(r"(public|private|control-plane|data)-\w$", subnet.name)
    return found[1] if found else "other"


def zone_of(subnet: Resource) -> str:
    """The zone of a subnet."""
    return str(subnet.value("availabilityZone") or "")


def subnets_of(graph: Graph, resource: Resource) -> list[Resource]:
    """The subnets in which a resource lies: its own, or those of its subnet group."""
    own = (
        resource.value("subnets") or resource.value("subnetIds") or (resource.value("vpcConfig") or {}).get("subnetIds")
    )
    if own:
        return graph.all_by_id(own, SUBNET)
    group = resource.value("dbSubnetGroupName") or resource.value("subnetGroupName")
    found = graph.by_id(group, *SUBNET_GROUPS)
    return graph.all_by_id(found.value("subnetIds") if found else (), SUBNET)


def entrance(graph: Graph) -> list[Box]:
    """From the people to the load balancer: the name that they use and what stands before it."""
    boxes = [Box(PEOPLE, "People", "browsers, programs", "edge")]
    balancers = {str(each.outputs.get("dnsName")) for each in graph.of("aws:lb/loadBalancer:LoadBalancer")}
    records = [
        record
        for record in graph.of("aws:route53/record:Record")
        if any(alias.get("name") in balancers for alias in record.value("aliases") or ())
    ]
    if records:
        certificate = " · ACM" if graph.of("aws:acm/certificate:Certificate") else ""
        failover = " · failover" if records[0].value("failoverRoutingPolicies") else ""
        boxes.append(Box("name", str(records[0].value("name")), f"Route 53{failover}{certificate}", "edge"))
    if graph.of("aws:cloudfront/distribution:Distribution"):
        boxes.append(Box("cdn", "CloudFront", "static files, near to people", "edge"))
    if graph.of("aws:wafv2/webAclAssociation:WebAclAssociation"):
        rules = len(graph.of("aws:wafv2/webAcl:WebAcl")[0].value("rules") or ())
        boxes.append(Box("firewall", "AWS WAF", f"{rules} rules, limits for each client", "edge"))
    return boxes


def strips(graph: Graph, cluster: Cluster) -> list[Strip]:
    """Strips of subnets with their boxes; one strip for the whole cluster where there is no network."""
    placed = list(_placed(graph))
    nodes = {each["name"]: str(each["zone"]) for each in cluster.nodes}
    inside = [box for box in [_nodes(graph, cluster), *workloads(graph, cluster, nodes), *charts(graph)] if box]
    if not graph.of(SUBNET):
        return [Strip("cluster", {}, inside)]
    home = next((role(s) for g in graph.of("aws:eks/nodeGroup:NodeGroup") for s in subnets_of(graph, g)), "private")
    found: dict[str, dict[str, str]] = {}
    for subnet in graph.of(SUBNET):
        found.setdefault(role(subnet), {})[zone_of(subnet)] = str(subnet.value("cidrBlock"))
    ordered = sorted(found, key=lambda name: ORDER.index(name) if name in ORDER else len(ORDER))
    return [
        Strip(
            f"{name} subnets",
            found[name],
            [*(box for where, box in placed if where == name), *(inside if name == home else [])],
        )
        for name in ordered
    ]


def _placed(graph: Graph) -> Iterable[tuple[str, Box]]:
    """Boxes of AWS with the role of the subnets that they lie in."""
    for balancer in graph.of("aws:lb/loadBalancer:LoadBalancer"):
        internal = "internal" if balancer.value("internal") else "public"
        yield from _in_subnets(graph, [balancer], Box(BALANCER, "Load balancer", f"ALB, {internal}", "edge"), "")
    gateways = graph.of("aws:ec2/natGateway:NatGateway")
    if gateways:
        homes = graph.all_by_id((gateway.value("subnetId") for gateway in gateways), SUBNET)
        chips = {zone_of(home): ("NAT",) for home in homes}
        yield role(homes[0]), Box(NAT, "NAT gateways", "the way out", "network", chips)
    clusters = graph.of("aws:eks/cluster:Cluster")
    if clusters:
        public = clusters[0].inputs.get("vpcConfig", {}).get("publicAccessCidrs")
        access = f"API private and to {', '.join(public)}" if public else "API private"
        detail = f"Kubernetes {clusters[0].value('version')} · {access}"
        box = Box(CONTROL_PLANE, "EKS control plane", detail, "cluster")
        yield from _in_subnets(graph, clusters[:1], box, "interface")
    endpoints = [e for e in graph.of("aws:ec2/vpcEndpoint:VpcEndpoint") if e.value("vpcEndpointType") == "Interface"]
    if endpoints:
        # `com.amazonaws.eu-west-3.ecr.api` and `...ecr.dkr` are one service to a reader.
        names = sorted({str(each.value("serviceName")).split(".")[3] for each in endpoints})
        box = Box(ENDPOINTS, "AWS services", f"endpoints: {', '.join(names)}", "network")
        yield from _in_subnets(graph, endpoints[:1], box, "")
    yield from _stores(graph)


def _in_subnets(graph: Graph, resources: Sequence[Resource], box: Box, chip: str) -> Iterable[tuple[str, Box]]:
    homes = [subnet for resource in resources for subnet in subnets_of(graph, resource)]
    chips = {zone_of(home): (chip,) for home in homes} if chip else {}
    yield role(homes[0]) if homes else "other", Box(box.key, box.title, box.detail, box.layer, chips)


def _stores(graph: Graph) -> Iterable[tuple[str, Box]]:
    for database in graph.of("aws:rds/instance:Instance")[:1]:
        spread = "Multi-AZ: a standby in another zone" if database.value("multiAz") else "one zone"
        days = database.value("backupRetentionPeriod")
        detail = f"RDS {database.value('instanceClass')} · {spread} · {days} days of backups"
        version = str(database.value("engineVersion") or "").partition(".")[0]
        yield from _in_subnets(graph, [database], Box(DATABASE, f"PostgreSQL {version}", detail, "data"), "")
    for group in graph.of("aws:elasticache/replicationGroup:ReplicationGroup")[:1]:
        count, engine = int(group.value("numCacheClusters") or 1), str(group.value("engine") or "").title()
        failover = ", automatic failover" if group.value("automaticFailoverEnabled") else ""
        detail = f"ElastiCache {group.value('nodeType')} · {count} node{'s' if count > 1 else ''}{failover}"
        yield from _in_subnets(
            graph, [group], Box(CACHE, f"{engine} {group.value('engineVersion')}", detail, "data"), ""
        )
    for cache in graph.of("aws:elasticache/serverlessCache:ServerlessCache")[:1]:
        engine = str(cache.value("engine") or "").title()
        yield from _in_subnets(graph, [cache], Box(CACHE, engine, "ElastiCache, serverless", "data"), "")


def _nodes(graph: Graph, cluster: Cluster) -> Box | None:
    if not cluster.nodes:
        return None
    chips: dict[str, list[str]] = {}
    for node in cluster.nodes:
        chips.setdefault(node["zone"], []).append(f"{node['type']} {node['group']}".strip())
    sizes = []
    for group in graph.of("aws:eks/nodeGroup:NodeGroup"):
        size = group.value("scalingConfig")
        labels = group.value("labels") or {}
        name = labels.get("marlinspike.io/node-group") or group.name
        spot = ", spot" if group.value("capacityType") == "SPOT" else ""
        sizes.append(f"{name} {size['minSize']:g}{TO}{size['maxSize']:g}{spot}")
    return Box(NODES, "Nodes", " · ".join(sorted(sizes)), "cluster", chips)


def workloads(graph: Graph, cluster: Cluster, zones: Mapping[str, str]) -> list[Box]:
    """A box for each owner of pods, with a chip for each pod in its zone."""
    scalers = {
        each["spec"]["scaleTargetRef"]["name"]: each["spec"] for each in graph.kubernetes("HorizontalPodAutoscaler")
    }
    boxes: dict[str, Box] = {}
    for owner, labels in graph.pod_owners():
        kind = str(owner["kind"])
        name = labels.get("app.kubernetes.io/name") or owner["metadata"].get("name", "")
        scaler = scalers.get(owner["metadata"].get("name", ""))
        count = f" · {scaler['minReplicas']:g}{TO}{scaler['maxReplicas']:g} pods by load" if scaler else ""
        own = [pod for pod in cluster.pods if _belongs(pod, owner, labels)]
        chips: dict[str, list[str]] = {}
        for pod in own:
            said = "pod" if pod["phase"] == "Running" else "done" if pod["phase"] == "Succeeded" else "pending"
            chips.setdefault(zones.get(pod["node"], ""), []).append(said)
        layer = "data" if kind == "StatefulSet" else "workload"
        boxes[name] = Box(f"pods/{name}", name, f"{kind}{count}", layer, chips)
    # Those that stay before those that run once.
    return sorted(
        boxes.values(), key=lambda box: (box.layer != "workload", box.detail.startswith(("Job", "CronJob")), box.title)
    )


def _belongs(pod: Pod, owner: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    return pod["namespace"] == owner["metadata"].get("namespace") and labels.items() <= pod["labels"].items()


def charts(graph: Graph) -> list[Box]:
    """A box for each namespace of the monitoring's charts."""
    found: dict[str, list[str]] = {}
    for release in graph.of(RELEASE):
        if release.layer == "monitoring":
            found.setdefault(str(release.value("namespace")), []).append(str(release.value("chart")))
    return [
        Box(f"chart/{namespace}", namespace, f"chart {', '.join(sorted(names))}", "monitoring")
        for namespace, names in sorted(found.items())
    ]
