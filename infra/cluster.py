"""The cluster: an EKS control plane with encrypted secrets, kept logs and access by API only."""

import ipaddress
import json
from typing import Annotated, Literal, cast

import pulumi
import pulumi_aws as aws
import pulumi_eks as eks
from pulumi import Input, Output, ResourceOptions
from pydantic import AfterValidator

from infra import versions
from infra.access import AccessSettings, access_entries
from infra.identity import managed_policy, trusting_pods
from infra.layout import PRIVATE_RANGES
from infra.naming import SYSTEM_NAMESPACE
from infra.network import Network
from infra.settings import LogDays

NETWORK_ADD_ON_POLICY = "AmazonEKS_CNI_Policy"
"""What the VPC CNI may do: network interfaces and their addresses (EKS user guide, "Amazon EKS node IAM role")."""

UNREACHABLE = (
    *PRIVATE_RANGES,
    *(ipaddress.IPv4Network(cidr) for cidr in ("100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3")),
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


def _the_pinned_one(value: str) -> str:
    if value != versions.KUBERNETES:
        raise ValueError(
            f"{value} is not the version that add-ons, nodes and charts are pinned for, {versions.KUBERNETES}; "
            "change the whole table in infra/versions.py, or leave the setting out"
        )
    return value


NETWORK_ACCOUNT = "aws-node"
"""Service account of the VPC CNI's DaemonSet."""


class ClusterSettings(AccessSettings):
    """Section `cluster` of a stack file."""

    version: Annotated[str, AfterValidator(_the_pinned_one)] = versions.KUBERNETES
    """Kubernetes minor version: the one that the add-ons in infra/versions.py are pinned for."""

    private_endpoint: Literal[True] = True
    """The API answers inside the VPC: nodes and in-VPC runners need it."""

    public_access_cidrs: tuple[Annotated[str, AfterValidator(_not_everybody)], ...] = ()
    """Networks that may reach the API from outside; none makes it private only."""

    log_retention_days: LogDays = 30
    """How long the control plane's logs (API, audit, authenticator, controllers, scheduler) are kept."""


class Cluster(pulumi.ComponentResource):
    """An EKS control plane without nodes.

    Type token: `marlinspike:cluster:Cluster`. Makes the log group (before the cluster, which would otherwise make one that
    never expires), a `pulumi-eks` cluster with access entries and the VPC CNI and kube-proxy add-ons, the Pod Identity agent
    add-on, and the VPC CNI's role.
    """

    name: Output[str]
    kubeconfig: Output[str]
    """For `aws eks get-token`; secret."""
    arn: Output[str]
    security_group_id: Output[str]
    """The group that EKS puts on the control plane and on every node of a managed group, and so on every pod."""
    pod_identity_agent: aws.eks.Addon
    """Nodes must come after it: a pod admitted before never gets credentials."""
    network_identity: list[pulumi.Resource]
    """What the VPC CNI on every node needs to give pods their addresses: nodes must come after it too."""

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
            private_subnet_ids=network.cluster_subnet_ids,
            endpoint_private_access=settings.private_endpoint,
            endpoint_public_access=bool(settings.public_access_cidrs),
            public_access_cidrs=list(settings.public_access_cidrs) or None,
            authentication_mode=eks.AuthenticationMode.API,
            access_entries=access_entries(settings),
            encryption_config_key_arn=key_arn,
            enabled_cluster_log_types=["api", "audit", "authenticator", "controllerManager", "scheduler"],
            deletion_protection=deletion_protection,
            upgrade_policy={"support_type": "STANDARD"},  # extended support costs six times as much
            create_oidc_provider=False,  # Pod Identity takes the place of IAM roles for service accounts
            skip_default_node_group=True,
            skip_default_security_groups=True,  # EKS's own cluster security group serves control plane and nodes
            create_instance_role=False,
            vpc_cni_options=_pod_network(),
            kube_proxy_addon_options=eks.KubeProxyAddonOptionsArgs(version=versions.ADD_ONS["kube-proxy"]),
            # CoreDNS comes after the nodes (infra/add_ons/eks.py): without any it stays degraded (pulumi-eks#1819).
            coredns_addon_options=eks.CoreDnsAddonOptionsArgs(enabled=False),
            opts=ResourceOptions(parent=self, depends_on=[logs], transforms=[_beyond_the_component]),
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
            # On every node, whatever its taints and before it is ready: the VPC CNI takes its credentials from there.
            configuration_values=json.dumps({"tolerations": [{"operator": "Exists"}]}),
            opts=ResourceOptions(parent=self),
        )
        self.network_identity = self._network_identity(name)
        self.register_outputs({"name": self.name, "arn": self.arn})

    def _network_identity(self, name: str) -> list[pulumi.Resource]:
        """A role of the VPC CNI's own, so that the nodes' role, and all that runs on the host's network, goes without."""
        child = ResourceOptions(parent=self)
        role = aws.iam.Role(
            f"{name}-network-add-on",
            assume_role_policy=trusting_pods(self.name, SYSTEM_NAMESPACE, NETWORK_ACCOUNT),
            opts=child,
        )
        attachment = aws.iam.RolePolicyAttachment(
            f"{name}-network-add-on", role=role.name, policy_arn=managed_policy(NETWORK_ADD_ON_POLICY), opts=child
        )
        association = aws.eks.PodIdentityAssociation(
            f"{name}-network-add-on",
            cluster_name=self.name,
            namespace=SYSTEM_NAMESPACE,
            service_account=NETWORK_ACCOUNT,
            role_arn=role.arn,
            opts=child,
        )
        return [attachment, association]


def _pod_network() -> eks.VpcCniOptionsArgs:
    return eks.VpcCniOptionsArgs(
        addon_version=versions.ADD_ONS["vpc-cni"],
        enable_network_policy=True,  # off by default: policies would be accepted and ignored
        enable_prefix_delegation=True,  # 110 pods on small nodes
        resolve_conflicts_on_update=eks.ResolveConflictsOnUpdate.OVERWRITE,
    )


def _present(value: str | None) -> str:
    if value is None:
        raise ValueError("EKS answered without a cluster security group; it always makes one for managed nodes")
    return value


def _beyond_the_component(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
    """What pulumi-eks has no argument for (docs/decisions/0001-raw-eks-resources-beside-pulumi-eks.md).

    Its creator is no administrator: one who is nowhere written down is one that nobody removes, and the same principal in
    `administrators` would be refused as there already (pulumi-eks#2373). And zonal shift may take a zone's nodes out of
    service while AWS repairs it, which costs nothing until then (EKS user guide, "Learn about Amazon Application Recovery
    Controller's (ARC) zonal shift in Amazon EKS").
    """
    if args.type_ != "aws:eks/cluster:Cluster":
        return None
    given = cast("dict[str, object]", args.props.get("accessConfig") or {})
    beyond = {
        "accessConfig": {**given, "bootstrapClusterCreatorAdminPermissions": False},
        "zonalShiftConfig": {"enabled": True},
    }
    return pulumi.ResourceTransformResult({**args.props, **beyond}, args.opts)
