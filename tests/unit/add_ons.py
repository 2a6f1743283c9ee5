"""What charts beside the workloads are told, and their rights."""

import json
from typing import Any

from tests.unit.plan import Plan

NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
RELEASE = "kubernetes:helm.sh/v3:Release"
ZONE = "Z0123456789ABCDEFGHIJ"
EVERYTHING = {
    "add_ons.external_secrets": True,
    "add_ons.cert_manager": {"zone_ids": [ZONE]},
    "add_ons.external_dns": {"zone_ids": [ZONE]},
}
TOLERATION = {"key": "CriticalAddonsOnly", "operator": "Equal", "value": "true", "effect": "NoSchedule"}
ON_SYSTEM = {"marlinspike.io/node-group": "system"}


def values(plan: Plan, release: str) -> dict[str, Any]:
    found: dict[str, Any] = plan.only(RELEASE, f"{release}-release").inputs["values"]
    return found


def short(name: str) -> str:
    """What its role is called by."""
    return "load-balancer" if name == "aws-load-balancer-controller" else name


def statements(plan: Plan, identity: str) -> dict[str, dict[str, Any]]:
    [found] = [policy for policy in plan.of(ROLE_POLICY) if policy.name.endswith(f"-{short(identity)}-policy")]
    policy = json.loads(found.inputs["policy"])
    return {statement["Sid"]: statement for statement in policy["Statement"]}
