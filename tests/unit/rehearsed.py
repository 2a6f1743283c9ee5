"""What a report is made of, from the program under mocks: as a rehearsal would leave it, without an engine."""

import datetime
from collections.abc import Mapping
from typing import Any

from rehearsal.events import STACK_TYPE
from rehearsal.report.architecture.places import SUBNET_GROUPS
from rehearsal.report.cluster import Cluster, Node, Pod
from rehearsal.report.graph import Graph, Resource
from rehearsal.report.material import Material
from tests.unit.plan import PROJECT, Plan, planned

ZONES = ("eu-west-3a", "eu-west-3b", "eu-west-3c")


def graph(stack: str, plan: Plan | None = None) -> Graph:
    """The plan of a stack as a graph, with the ids that the mocks give, and the cluster's child that only the engine makes."""
    plan = plan or planned(stack)
    types: dict[str, str] = {}
    found = [
        Resource(f"urn:pulumi:{stack}::{PROJECT}::{STACK_TYPE}::{PROJECT}-{stack}", STACK_TYPE, "", "", False, {}, {})
    ]
    for each in plan.resources:
        above = types.get(each.parent, "")
        kind = f"{above}${each.type}" if above else each.type
        types[each.key] = kind
        urn = f"urn:pulumi:{stack}::{PROJECT}::{kind}::{each.name}"
        outputs = {"arn": f"arn:aws:test:eu-west-3:111122223333:{each.name}", **answers(each.type)}
        identifier = each.name if each.type in SUBNET_GROUPS else f"{each.name}-id"  # AWS calls these by their names
        found.append(Resource(urn, each.type, identifier, "", each.custom, each.inputs, outputs))
    if stack != "local":
        subnets = [f"marlinspike-{stack}-control-plane-{letter}-id" for letter in "abc"]
        inputs = {"version": "1.36", "vpcConfig": {"subnetIds": subnets}}
        outputs = {"vpcConfig": {"clusterSecurityGroupId": "sg-cluster"}}
        kind = "marlinspike:cluster:Cluster$eks:index:Cluster$aws:eks/cluster:Cluster"
        urn = f"urn:pulumi:{stack}::{PROJECT}::{kind}::marlinspike-{stack}-eksCluster"
        found.append(Resource(urn, "aws:eks/cluster:Cluster", "cluster", "", True, inputs, outputs))
    return Graph(found)


def answers(kind: str) -> dict[str, Any]:
    """What AWS adds to some resources, as the mocks do."""
    return {"aws:lb/loadBalancer:LoadBalancer": {"dnsName": "balancer.example"}}.get(kind, {})


def cluster(stack: str = "prod") -> Cluster:
    """Three nodes in three zones, three pods of the stack's application on them, and a job that is done."""
    labels = {
        owner["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/name"]: owner["spec"]["template"][
            "metadata"
        ]["labels"]
        for kind in ("Deployment", "Job")
        for owner in graph(stack).kubernetes(kind)
    }
    nodes = [
        Node(
            name=f"node-{zone}", zone=zone, type="c7g.xlarge", group="application", cpu=3.9, memory=6900, simulated=True
        )
        for zone in ZONES
    ]
    pods = [pod("app", f"app-{zone}", f"node-{zone}", labels["app"]) for zone in ZONES]
    return Cluster(
        "v1.36.3",
        nodes,
        [
            *pods,
            {
                **pod("database-migrate", "migrate-1", "node-eu-west-3a", labels["database-migrate"]),
                "phase": "Succeeded",
            },
        ],
    )


def pod(owner: str, name: str, node: str, labels: Mapping[str, str] | None = None) -> Pod:
    return Pod(
        namespace="marlinspike",
        name=name,
        owner=owner,
        node=node,
        phase="Running" if node else "Pending",
        why="" if node else "0/3 nodes are available: 3 Insufficient cpu.",
        cpu=0.5,
        memory=256,
        labels=labels or {"app.kubernetes.io/name": owner},
    )


def records(found: Graph) -> list[Mapping[str, Any]]:
    """The graph as the engine's own records: the cluster first, then everything else."""
    return [{"urn": each.urn, "type": each.type, "parent": "", "dependencies": []} for each in found.resources]


def material(stack: str = "prod", **others: Any) -> Material:
    """Everything of a stack that a report shows."""
    found = graph(stack)
    times = {each.urn: (5.0 + index / 20, 6.0 + index / 8) for index, each in enumerate(found.resources)}
    known: dict[str, Any] = {
        "stack": stack,
        "when": datetime.datetime(2026, 11, 22, 1, 0, tzinfo=datetime.UTC),
        "graph": found,
        "resources": records(found),
        "cluster": cluster(),
        "times": times,
        "changes": {"create": len(found.resources)},
        "versions": {"Kubernetes": "1.36.3"},
        "simulated": ["AWS, played by a plugin"],
        "real": ["the program"],
        "left": {},
    }
    return Material(**{**known, **others})


COST = {
    "usd_a_month": 30.0,
    "limit_usd": 50.0,
    "region": "eu-west-3",
    "prices_of": "2026-11-21",
    "components": {"nodes": 20.0, "network": 10.0},
    "lines": [
        {"component": "nodes", "what": "2 t4g.medium", "usd": 20.0, "origin": "memory"},
        {"component": "network", "what": "NAT gateway", "usd": 10.0, "origin": "AWS"},
    ],
}

JUDGES = {
    "judges": [
        {
            "judge": "checkov (terraform)",
            "version": "3.3.30",
            "passed": 439,
            "failed": [{"check": "CKV_1", "resource": "aws_x.y", "meaning": "Ensure it is so"}],
            "skipped": [{"check": "CKV_2", "resource": "aws_x.z", "meaning": "", "reason": "Nobody waits for it."}] * 2,
        }
    ]
}

DRILLS = {
    "when": "2026-11-22 01:00",
    "autoscaling": {
        "shortened": 10,
        "load": [2.0, 40.0],
        "samples": [[0, 3, 3, 0], [14, 6, 3, 3], [18, 6, 6, 0], [44, 3, 3, 0]],
    },
    "zone": {
        "lost": "eu-west-3c",
        "pods": 6,
        "at": [3.0, 12.0],
        "seconds": 2.5,
        "samples": [
            [0, {"eu-west-3a": 2, "eu-west-3b": 2, "eu-west-3c": 2}],
            [3, {"eu-west-3a": 2, "eu-west-3b": 2}],
            [6, {"eu-west-3a": 3, "eu-west-3b": 3}],
        ],
    },
}

POLICY = {
    "pack": "marlinspike 0.1.0",
    "passed": {"database-is-private": 1, "no-wildcard-writes": 12},
    "mandatory": 1,
    "advisory": 0,
    "violations": [{"rule": "no-public-bucket", "level": "mandatory", "name": "files", "message": "it is public"}],
}

LEFT = {"cost": COST, "judges": JUDGES, "drills": DRILLS, "policy": POLICY}
"""What others leave beside a rehearsal, small."""
