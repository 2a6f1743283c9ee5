"""Physical names: `<logical name>-<7 hex digits>` where the program gives none, as the real provider's auto-naming does.

Sources: pulumi-aws provider/resources.go (`prov.SetAutonaming(255, "-")` gives every `name` property a default, the
entries with `AutoName` and `AutoNameTransform` the others) and pulumi-terraform-bridge pkg/tfbridge/names.go (a property
is left alone when one that conflicts with it is set).
"""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rehearsal.plugins.inputs import InputShape

RANDOM_DIGITS = 7
DEFAULTS = "__defaults"
"""The key under which checked inputs list what was not the program's own choice, as the real provider records it."""


@dataclass(frozen=True)
class NameRule:
    """How one name is made: the property, the greatest length that AWS takes, whether it must be in lower case."""

    property: str
    longest: int = 255
    lower: bool = False


_ALIAS = "aws:kms/alias:Alias"

_RULES = {
    "aws:cloudfront/originAccessControl:OriginAccessControl": NameRule("name", 64),
    "aws:backup/selection:Selection": NameRule("name", 50),
    "aws:backup/vault:Vault": NameRule("name", 50),
    "aws:ec2/launchTemplate:LaunchTemplate": NameRule("name", 125),
    "aws:ecr/repository:Repository": NameRule("name", 256, lower=True),
    "aws:eks/cluster:Cluster": NameRule("name", 100),
    "aws:eks/nodeGroup:NodeGroup": NameRule("nodeGroupName", 63),
    "aws:elasticache/parameterGroup:ParameterGroup": NameRule("name", 255, lower=True),
    "aws:elasticache/replicationGroup:ReplicationGroup": NameRule("replicationGroupId", 40, lower=True),
    "aws:elasticache/subnetGroup:SubnetGroup": NameRule("name", 255, lower=True),
    "aws:iam/instanceProfile:InstanceProfile": NameRule("name", 128),
    "aws:iam/policy:Policy": NameRule("name", 128),
    "aws:iam/role:Role": NameRule("name", 64),
    "aws:iam/rolePolicy:RolePolicy": NameRule("name", 128),
    _ALIAS: NameRule("name", 256),
    "aws:lb/loadBalancer:LoadBalancer": NameRule("name", 32),
    "aws:lb/targetGroup:TargetGroup": NameRule("name", 32),
    "aws:rds/instance:Instance": NameRule("identifier", 63, lower=True),
    "aws:rds/parameterGroup:ParameterGroup": NameRule("name", 255, lower=True),
    "aws:rds/subnetGroup:SubnetGroup": NameRule("name", 255, lower=True),
    "aws:s3/bucket:Bucket": NameRule("bucket", 63, lower=True),
}


class NameTooLongError(Exception):
    """An automatic name does not fit what AWS takes."""


def rule(token: str, inputs: InputShape) -> NameRule | None:
    """How the physical name of a type is made; None when the type has no optional name."""
    if token in _RULES:
        return _RULES[token]
    if "name" in inputs.types and "name" not in inputs.required:
        return NameRule("name")
    return None


def named(
    token: str, logical_name: str, shape: InputShape, news: Mapping[str, Any], olds: Mapping[str, Any], seed: bytes
) -> dict[str, Any]:
    """The inputs with their physical name: the given one, the automatic one of before, or a new one.

    `seed` is the engine's for this resource; the name follows from it, so a plan and its execution agree.
    Raises NameTooLongError.
    """
    inputs = dict(news)
    chosen = rule(token, shape)
    if (
        chosen is None
        or inputs.get(chosen.property) is not None
        or inputs.get(f"{chosen.property}Prefix") is not None
        or inputs.get("namePrefix") is not None
    ):
        return inputs
    if chosen.property in olds.get(DEFAULTS, []) and chosen.property in olds:
        inputs[chosen.property] = olds[chosen.property]
    else:
        inputs[chosen.property] = _automatic_name(token, logical_name, chosen, seed)
    inputs[DEFAULTS] = [chosen.property]
    return inputs


def _automatic_name(token: str, logical_name: str, chosen: NameRule, seed: bytes) -> str:
    digits = hashlib.sha256(seed or secrets.token_bytes(16)).hexdigest()[:RANDOM_DIGITS]
    name = f"{logical_name}-{digits}"
    if token == _ALIAS:
        name = f"alias/{name}"
    if len(name) > chosen.longest:
        raise NameTooLongError(
            f"the automatic name '{name}' of {token} is longer than the {chosen.longest} characters that AWS takes: "
            f"shorten the logical name '{logical_name}', or set '{chosen.property}'"
        )
    return name.lower() if chosen.lower else name


def is_automatic(inputs: Mapping[str, Any], token: str, shape: InputShape) -> bool:
    """Whether the type has no physical name, or has one that the provider made."""
    chosen = rule(token, shape)
    return chosen is None or chosen.property not in inputs or chosen.property in inputs.get(DEFAULTS, [])
