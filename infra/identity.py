"""Who may do what on AWS: IAM's policies, and the role of a workload, which EKS Pod Identity hands to its pods."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions

POLICY_VERSION = "2012-10-17"
"""Of IAM's policy language; the other one is older."""


def policy_of(*statements: Mapping[str, Any]) -> dict[str, Any]:
    """A policy of these statements, whatever it is attached to; to be written as JSON."""
    return {"Version": POLICY_VERSION, "Statement": list(statements)}


def managed_policy(name: str) -> str:
    """ARN of one of AWS's own policies, by its name, with a path before it where it has one."""
    return f"arn:aws:iam::aws:policy/{name}"


def zone_arns(zone_ids: Sequence[str]) -> list[str]:
    """Of hosted zones, which belong to no region and carry no account."""
    return [f"arn:aws:route53:::hostedzone/{zone}" for zone in zone_ids]


def trusting_pods(cluster_name: Input[str], namespace: str, service_account: str) -> Output[str]:
    """The trust policy of a role for the pods of one service account in one cluster, as JSON.

    Pod Identity tags each session with where the pod is; without the conditions any association of the account could hand out
    the role (EKS user guide, "Create IAM role with trust policy required by EKS Pod Identity").
    """
    session = {
        "aws:RequestTag/eks-cluster-name": cluster_name,
        "aws:RequestTag/kubernetes-namespace": namespace,
        "aws:RequestTag/kubernetes-service-account": service_account,
    }
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "pods.eks.amazonaws.com"},
        "Action": ["sts:AssumeRole", "sts:TagSession"],
        "Condition": {"StringEquals": session},
    }
    return Output.json_dumps(policy_of(statement))


@dataclass(frozen=True)
class Permission:
    """One statement of an identity policy: actions on named resources, on `*` only under a condition."""

    actions: Sequence[str]
    resources: Sequence[Input[str]]
    conditions: Mapping[str, Mapping[str, Input[Any]]] = field(default_factory=dict)
    """Operator (`StringEquals`) to condition key to value or values."""
    effect: Literal["Allow", "Deny"] = "Allow"
    all_but: bool = False
    """Whether it is about every resource but these; for denials."""


def document(permissions: Mapping[str, Permission]) -> dict[str, Any]:
    """An identity policy with one statement for each permission, named by its key (`Sid`)."""
    return policy_of(
        *(
            {
                "Sid": sid,
                "Effect": permission.effect,
                "Action": list(permission.actions),
                "NotResource" if permission.all_but else "Resource": list(permission.resources),
                **({"Condition": permission.conditions} if permission.conditions else {}),
            }
            for sid, permission in permissions.items()
        )
    )


def granting(permissions: Mapping[str, Permission]) -> Output[str]:
    """The `document` of these permissions as JSON, once their resources are known."""
    return Output.json_dumps(document(permissions))


class WorkloadIdentity(pulumi.ComponentResource):
    """An IAM role that the pods of one service account assume through EKS Pod Identity.

    Type token: `marlinspike:identity:WorkloadIdentity`. Pods depend on the whole of it; nodes on the `association` alone,
    which waits for nothing that the policy names (a database takes ten minutes). `managed_policies` are AWS's own, by name,
    beside the permissions.
    """

    association: aws.eks.PodIdentityAssociation
    """Must exist before the pods: one admitted earlier never gets credentials (terraform-provider-aws#40852)."""

    def __init__(
        self,
        name: str,
        cluster_name: Input[str],
        namespace: str,
        service_account: str,
        permissions: Mapping[str, Permission],
        managed_policies: Sequence[str] = (),
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("marlinspike:identity:WorkloadIdentity", name, {}, opts)
        child = ResourceOptions(parent=self)
        role = aws.iam.Role(
            f"{name}-role",
            assume_role_policy=trusting_pods(cluster_name, namespace, service_account),
            opts=child,
        )
        aws.iam.RolePolicy(
            f"{name}-policy",
            role=role.id,
            policy=granting(permissions),
            opts=child,
        )
        for policy in managed_policies:
            aws.iam.RolePolicyAttachment(
                f"{name}-{policy}", role=role.name, policy_arn=managed_policy(policy), opts=child
            )
        self.association = aws.eks.PodIdentityAssociation(
            f"{name}-association",
            cluster_name=cluster_name,
            namespace=namespace,
            service_account=service_account,
            role_arn=role.arn,
            opts=child,
        )
        self.register_outputs({"roleArn": role.arn})
