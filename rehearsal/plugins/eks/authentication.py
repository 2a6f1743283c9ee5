"""Who may reach the cluster: access entries, and what the authentication modes exclude.

Source: nodejs/eks/cluster/authenticationMode.ts of pulumi-eks.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import pulumi_aws as aws
from pulumi import ResourceOptions

CONFIG_MAP_MODES = (None, "CONFIG_MAP", "API_AND_CONFIG_MAP")
ACCESS_ENTRY_MODES = ("API", "API_AND_CONFIG_MAP")


class RefusedArgumentsError(Exception):
    """The component refuses the combination of arguments, in pulumi-eks' own words."""


def check(mode: str | None, arguments: Mapping[str, Any]) -> None:
    """Raises RefusedArgumentsError for arguments that the authentication mode excludes."""
    if mode not in CONFIG_MAP_MODES:
        for name in ("roleMappings", "userMappings", "instanceRoles"):
            value = arguments.get(name)
            if value is not None and value != []:
                raise RefusedArgumentsError(
                    f"The '{name}' property does not support non-empty values when 'authenticationMode' is set to '{mode}'."
                )
    if mode not in ACCESS_ENTRY_MODES and arguments.get("accessEntries"):
        said = f"set to '{mode}'" if mode else "not set"
        raise RefusedArgumentsError(
            f"The 'accessEntries' property is not supported when 'authenticationMode' is {said}."
        )


def access_entries(
    name: str, cluster: aws.eks.Cluster, entries: Mapping[str, Any], parent: pulumi.Resource
) -> Sequence[aws.eks.AccessEntry]:
    """An access entry for each of `entries`, with its policy associations as children."""
    made = []
    for key, entry in entries.items():
        access = aws.eks.AccessEntry(
            f"{name}-{key}",
            cluster_name=cluster.name,
            principal_arn=entry["principalArn"],
            kubernetes_groups=entry.get("kubernetesGroups"),
            type=entry.get("type"),
            user_name=entry.get("username"),
            tags=entry.get("tags"),
            opts=ResourceOptions(parent=parent, depends_on=[cluster]),
        )
        for policy_key, association in (entry.get("accessPolicies") or {}).items():
            policy = pulumi.Output.from_input(association)
            aws.eks.AccessPolicyAssociation(
                f"{name}-{key}-{policy_key}",
                cluster_name=cluster.name,
                principal_arn=entry["principalArn"],
                policy_arn=policy["policyArn"],
                access_scope=policy["accessScope"],
                opts=ResourceOptions(parent=access, depends_on=[access]),
            )
        made.append(access)
    return made
