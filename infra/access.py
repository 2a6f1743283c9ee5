"""Who may do what in the cluster: one EKS access entry for each principal, by purpose."""

from collections.abc import Mapping
from typing import Annotated

import pulumi_aws as aws
import pulumi_eks as eks
from pydantic import AfterValidator, Field, model_validator

from infra.roles import OPERATORS, VIEWERS
from infra.settings import Section

POLICIES = "arn:aws:eks::aws:cluster-access-policy"
"""Where EKS keeps its access policies (EKS user guide, "Review access policy permissions")."""

CLUSTER_ADMIN_POLICY = f"{POLICIES}/AmazonEKSClusterAdminPolicy"
EDIT_POLICY = f"{POLICIES}/AmazonEKSEditPolicy"
VIEW_POLICY = f"{POLICIES}/AmazonEKSViewPolicy"
"""Reads no Secrets; AmazonEKSAdminViewPolicy does."""

PrincipalArn = Annotated[str, Field(pattern=r"^arn:aws:iam::[0-9]{12}:(role|user)/[\w+=,.@/-]+$")]


def _not_the_clusters_own(namespace: str) -> str:
    if namespace.startswith("kube-"):
        raise ValueError(
            "belongs to Kubernetes itself: who edits it acts as any of its service accounts, and so rules the cluster; "
            "make the principal an administrator instead"
        )
    return namespace


NamespaceName = Annotated[
    str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"), AfterValidator(_not_the_clusters_own)
]


class AccessSettings(Section):
    """The part of section `cluster` that says who comes in: ARNs of IAM roles (or users) that exist, for EKS refuses others."""

    administrators: tuple[PrincipalArn, ...] = Field(min_length=1, max_length=10)
    """They may do anything. The one that runs `pulumi up` must be among them or the deployers: whoever creates the cluster
    is no administrator by that alone."""

    deployers: tuple[PrincipalArn, ...] = Field((), max_length=10)
    """The roles with which CI runs `pulumi up`. They may do anything too, since the program makes namespaces, custom resource
    definitions and roles; listed apart, so that one can see who is a person."""

    readers: tuple[PrincipalArn, ...] = Field((), max_length=20)
    """They see everything of every namespace but Secrets, and change nothing: previews, on-call, auditors."""

    viewers: tuple[PrincipalArn, ...] = Field((), max_length=20)
    """They see the workloads' namespace and their logs, and no Secret (infra/roles.py)."""

    operators: tuple[PrincipalArn, ...] = Field((), max_length=20)
    """Viewers who also restart, scale and evict there. They change no pod, and so come by no Secret either."""

    namespace_editors: Mapping[PrincipalArn, Annotated[tuple[NamespaceName, ...], Field(min_length=1)]] = {}
    """Principal to the namespaces whose objects it changes, Secrets included. It may act as any service account there, and so
    with the AWS role of each."""

    @model_validator(mode="after")
    def _each_principal_comes_in_once(self) -> "AccessSettings":
        lists = {
            "administrators": self.administrators,
            "deployers": self.deployers,
            "readers": self.readers,
            "viewers": self.viewers,
            "operators": self.operators,
            "namespace_editors": self.namespace_editors,
        }
        places: dict[str, list[str]] = {}
        for name, principals in lists.items():
            for principal in principals:
                places.setdefault(principal, []).append(name)
        wrong = [f"{principal} is in {' and '.join(names)}" for principal, names in places.items() if len(names) > 1]
        if wrong:
            raise ValueError(
                f"{'; '.join(wrong)}: EKS accepts one access entry a principal; leave it where it has all that it needs"
            )
        return self


def access_entries(settings: AccessSettings) -> dict[str, eks.AccessEntryArgs]:
    """The access entries of a cluster, each with its one policy or group, by a name that no other principal has."""
    whole = aws.eks.AccessPolicyAssociationAccessScopeArgs(type="cluster")
    entries = {
        **{arn: _entry(arn, "administrator", CLUSTER_ADMIN_POLICY, whole) for arn in settings.administrators},
        **{arn: _entry(arn, "deployer", CLUSTER_ADMIN_POLICY, whole) for arn in settings.deployers},
        **{arn: _entry(arn, "reader", VIEW_POLICY, whole) for arn in settings.readers},
    }
    for group, members in ((VIEWERS, settings.viewers), (OPERATORS, settings.operators)):
        entries |= {arn: eks.AccessEntryArgs(principal_arn=arn, kubernetes_groups=[group]) for arn in members}
    for arn, namespaces in settings.namespace_editors.items():
        scope = aws.eks.AccessPolicyAssociationAccessScopeArgs(type="namespace", namespaces=list(namespaces))
        entries[arn] = _entry(arn, "editor", EDIT_POLICY, scope)
    return {_entry_name(arn): entry for arn, entry in entries.items()}


def _entry(
    arn: str, purpose: str, policy: str, scope: aws.eks.AccessPolicyAssociationAccessScopeArgs
) -> eks.AccessEntryArgs:
    association = eks.AccessPolicyAssociationArgs(policy_arn=policy, access_scope=scope)
    return eks.AccessEntryArgs(principal_arn=arn, access_policies={purpose: association})


def _entry_name(arn: str) -> str:
    """Account, kind and path: roles of the same name on different paths are different."""
    account, resource = arn.split(":")[4:6]
    return f"{account}-{resource.replace('/', '-')}"
