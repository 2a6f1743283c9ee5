"""The cluster: an EKS control plane with encrypted secrets, kept logs and access by API only."""

import ipaddress
from typing import Annotated, Literal, cast

import pulumi
import pulumi_aws as aws
import pulumi_eks as eks
from pulumi import Input, Output, ResourceOptions
from pydantic import AfterValidator, Field, model_validator

from infra import versions
from infra.network import Network
from infra.settings import Section

CLUSTER_ADMIN_POLICY = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
"""EKS user guide, "Review access policy permissions"."""


UNREACHABLE = tuple(
    ipaddress.IPv4Network(cidr)
    for cidr in (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "224.0.0.0/3",
    )
)
"""Ranges that EKS refuses for the public endpoint."""


def _not_everybody(value: str) -> str:
    try:
        network = ipaddress.IPv4Network(value)
    except ValueError as error:
        raise ValueError(f"{error}; write a network such as 203.0.113.0/24") from None
    if network.prefixlen < 8:
        raise ValueError("opens the Kubernetes API to (nearly) everybody; list your own addresses")
    if any(network.overlaps(reserved) for reserved in UNREACHABLE):
        raise ValueError(
            "is no public range, and nobody comes from there: the VPC's own addresses use the private endpoint"
        )
    return value


PrincipalArn = Annotated[str, Field(pattern=r"^arn:aws:iam::[0-9]{12}:(role|user)/[\w+=,.@/-]+$")]


class ClusterSettings(Section):
    """Section `cluster` of a stack file."""

    version: Literal["1.36"] = versions.KUBERNETES
    """Kubernetes minor version: the one that the add-ons in infra/versions.py are pinned for."""

    private_endpoint: Literal[True] = True
    """The API answers inside the VPC: nodes and in-VPC runners need it."""

    public_access_cidrs: tuple[Annotated[str, AfterValidator(_not_everybody)], ...] = ()
    """Networks that may reach the API from outside; none makes it private only."""

    administrators: tuple[PrincipalArn, ...] = Field(min_length=1, max_length=10)
    """ARNs of the IAM roles (or users) that are cluster administrators. The one that runs `pulumi up` must be among them:
    whoever creates the cluster is no administrator by that alone."""

    log_retention_days: Literal[7, 14, 30, 60, 90, 180, 365] = 30
    """How long the control plane's logs (API, audit, authenticator, controllers, scheduler) are kept."""

    @model_validator(mode="after")
    def _administrators_are_distinct(self) -> "ClusterSettings":
        if len(set(self.administrators)) != len(self.administrators):
            raise ValueError("administrators names a role twice; EKS accepts one access entry a role")
        return self


class Cluster(pulumi.ComponentResource):
    """An EKS control plane without nodes.

    Type token: `marlinspike:cluster:Cluster`. Makes the log group (before the cluster, which would otherwise make one that
    never expires), a `pulumi-eks` cluster with the VPC CNI and kube-proxy add-ons, and the Pod Identity agent add-on.
    """

    name: Output[str]
    kubeconfig: Output[str]
    """For `aws eks get-token`; secret."""
    arn: Output[str]
    security_group_id: Output[str]
    """The group that EKS puts on the control plane and on every node of a managed group, and so on every pod."""
    pod_identity_agent: aws.eks.Addon
    """Nodes must come after it: a pod admitted before never gets credentials."""

    def __init__(
        self,
        name: str,
        settings: ClusterSettings,
        network: Network,
        key_arn: Input[str],
        deletion_protection: bool,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("marlinspike:cluster:Cluster", name, {}, opts)
        logs = aws.cloudwatch.LogGroup(
            f"{name}-logs",
            name=f"/aws/eks/{name}/cluster",  # EKS's own name for it, so that EKS writes here
            retention_in_days=settings.log_retention_days,
            kms_key_id=key_arn,
            opts=ResourceOptions(parent=self),
        )
        control_plane = eks.Cluster(
            name,
            name=name,
            version=settings.version,
            vpc_id=network.vpc_id,
            private_subnet_ids=network.private_subnet_ids,
            endpoint_private_access=settings.private_endpoint,
            endpoint_public_access=bool(settings.public_access_cidrs),
            public_access_cidrs=list(settings.public_access_cidrs) or None,
            authentication_mode=eks.AuthenticationMode.API,
            access_entries={
                _entry_name(arn): eks.AccessEntryArgs(
                    principal_arn=arn,
                    access_policies={
                        "administrator": eks.AccessPolicyAssociationArgs(
                            policy_arn=CLUSTER_ADMIN_POLICY,
                            access_scope=aws.eks.AccessPolicyAssociationAccessScopeArgs(type="cluster"),
                        )
                    },
                )
                for arn in settings.administrators
            },
            encryption_config_key_arn=key_arn,
            enabled_cluster_log_types=["api", "audit", "authenticator", "controllerManager", "scheduler"],
            deletion_protection=deletion_protection,
            upgrade_policy={"support_type": "STANDARD"},  # extended support costs six times as much
            create_oidc_provider=False,  # Pod Identity takes the place of IAM roles for service accounts
            skip_default_node_group=True,
            skip_default_security_groups=True,  # EKS's own cluster security group serves control plane and nodes
            create_instance_role=False,
            vpc_cni_options=eks.VpcCniOptionsArgs(
                addon_version=versions.ADD_ONS["vpc-cni"],
                enable_network_policy=True,  # off by default: policies would be accepted and ignored
                enable_prefix_delegation=True,  # 110 pods on small nodes
                resolve_conflicts_on_update=eks.ResolveConflictsOnUpdate.OVERWRITE,
            ),
            kube_proxy_addon_options=eks.KubeProxyAddonOptionsArgs(version=versions.ADD_ONS["kube-proxy"]),
            # CoreDNS comes after the nodes (infra/add_ons/eks.py): without any it stays degraded (pulumi-eks#1819).
            coredns_addon_options=eks.CoreDnsAddonOptionsArgs(enabled=False),
            opts=ResourceOptions(parent=self, depends_on=[logs], transforms=[_creator_is_no_administrator]),
        )
        self.name = control_plane.eks_cluster.name
        self.arn = control_plane.eks_cluster.arn
        self.kubeconfig = Output.secret(control_plane.kubeconfig_json)
        self.security_group_id = control_plane.eks_cluster.vpc_config.cluster_security_group_id.apply(_present)
        self.pod_identity_agent = aws.eks.Addon(
            f"{name}-pod-identity-agent",
            cluster_name=self.name,
            addon_name="eks-pod-identity-agent",
            addon_version=versions.ADD_ONS["eks-pod-identity-agent"],
            opts=ResourceOptions(parent=self),
        )
        self.register_outputs({"name": self.name, "arn": self.arn})


def _present(value: str | None) -> str:
    if value is None:
        raise ValueError("EKS answered without a cluster security group; it always makes one for managed nodes")
    return value


def _entry_name(arn: str) -> str:
    """A name for an access entry that no other principal shares: account, kind and path."""
    account, resource = arn.split(":")[4:6]
    return f"{account}-{resource.replace('/', '-')}"


def _creator_is_no_administrator(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
    """pulumi-eks makes the creator an administrator and has no argument against it.

    An administrator who is nowhere written down is one that nobody removes; and the same principal in `administrators` would
    be refused as there already (pulumi-eks#2373).
    """
    if args.type_ != "aws:eks/cluster:Cluster":
        return None
    given = cast("dict[str, object]", args.props.get("accessConfig") or {})
    access = {**given, "bootstrapClusterCreatorAdminPermissions": False}
    return pulumi.ResourceTransformResult({**args.props, "accessConfig": access}, args.opts)
