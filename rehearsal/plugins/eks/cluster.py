"""`eks:index:Cluster`: the component and its children.

Source: createCore and createCluster in nodejs/eks/cluster/cluster.ts of pulumi-eks.
"""

from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_aws as aws
from pulumi import InvokeOptions, Output, ResourceOptions

from rehearsal.plugins.eks import addons, authentication, kubeconfig, security_groups
from rehearsal.plugins.eks.authentication import RefusedArgumentsError
from rehearsal.plugins.eks.service_role import ServiceRole

CLUSTER_POLICIES = ("AmazonEKSClusterPolicy",)
NODE_POLICIES = ("AmazonEKSWorkerNodePolicy", "AmazonEKS_CNI_Policy", "AmazonEC2ContainerRegistryReadOnly")

_HERE = "rehearsal/plugins/eks/cluster.py"

# Arguments that describe the default node group, which excludes `nodeGroupOptions`.
_NODE_ARGUMENTS = [
    "nodeSubnetIds",
    "nodeAssociatePublicIpAddress",
    "instanceType",
    "instanceProfileName",
    "nodePublicKey",
    "nodeRootVolumeSize",
    "nodeUserData",
    "minSize",
    "maxSize",
    "desiredCapacity",
    "nodeAmiId",
    "gpu",
]


class KubernetesProvider(pulumi.ProviderResource):
    """The provider `<name>-eks-k8s` through which the component makes its own Kubernetes objects."""

    def __init__(
        self, name: str, kubeconfig_json: Output[str], enable_config_map_mutable: Any, opts: ResourceOptions
    ) -> None:
        super().__init__(
            "kubernetes",
            name,
            {"kubeconfig": kubeconfig_json, "enableConfigMapMutable": enable_config_map_mutable},
            opts,
        )


class Cluster(pulumi.ComponentResource):
    """An EKS cluster with everything around it.

    `arguments` are those of `pulumi_eks.ClusterArgs` with their names on the wire. Raises RefusedArgumentsError for what
    pulumi-eks refuses or the rehearsal does not simulate, KubeconfigError without a control plane.
    """

    state: dict[str, Any]
    """The component's outputs, names on the wire."""

    def __init__(self, name: str, arguments: Mapping[str, Any], opts: ResourceOptions | None = None) -> None:
        super().__init__("eks:index:Cluster", name, {}, opts)
        check(arguments)
        kubeconfig.file()
        self._name = name
        self._arguments = arguments
        self._tags = arguments.get("tags")
        partition = aws.get_partition_output(opts=InvokeOptions(parent=self))
        self._partition, self._dns_suffix = partition.partition, partition.dns_suffix

        group = self._cluster_security_group()
        cluster, role = self._control_plane(group)
        if (arguments.get("kubeProxyAddonOptions") or {}).get("enabled", True):
            addons.simple(name, "kube-proxy", arguments.get("kubeProxyAddonOptions") or {}, cluster, self._tags, self)

        configuration = self._kubeconfig(cluster)
        text: Output[str] = Output.secret(configuration.apply(lambda _there: kubeconfig.as_json()))
        provider = KubernetesProvider(
            f"{name}-eks-k8s", text, arguments.get("enableConfigMapMutable"), ResourceOptions(parent=self)
        )
        instance_roles = self._instance_roles()
        entries = self._access(cluster, instance_roles)
        if not arguments.get("useDefaultVpcCni"):
            options = ResourceOptions(parent=self, depends_on=list(entries))
            addons.VpcCniAddon(f"{name}-vpc-cni", arguments.get("vpcCniOptions") or {}, cluster, self._tags, options)
        self._coredns(cluster)
        secret: Output[dict[str, Any]] = Output.secret(configuration)
        core = {
            "cluster": cluster,
            "vpcId": arguments.get("vpcId"),
            "subnetIds": self._subnet_ids(),
            "publicSubnetIds": arguments.get("publicSubnetIds"),
            "privateSubnetIds": arguments.get("privateSubnetIds"),
            "endpoint": cluster.endpoint,
            "clusterSecurityGroup": group,
            "provider": provider,
            "instanceRoles": instance_roles,
            "nodeGroupOptions": {},
            "kubeconfig": secret,
            "clusterIamRole": role,
            "oidcProvider": self._oidc_provider(cluster),
            "tags": self._tags,
        }
        self.state = _outputs(core, text, *self._node_security_group(cluster, group))
        self.register_outputs(self.state)

    def _subnet_ids(self) -> Output[list[str]]:
        """The given subnets, or the public and then the private ones."""
        if self._arguments.get("subnetIds") is not None:
            return Output.from_input(self._arguments["subnetIds"])
        both = Output.all(self._arguments.get("publicSubnetIds") or [], self._arguments.get("privateSubnetIds") or [])
        return both.apply(lambda known: [*known[0], *known[1]])

    def _cluster_security_group(self) -> Any:
        if self._arguments.get("clusterSecurityGroup") is not None:
            return self._arguments["clusterSecurityGroup"]
        if self._arguments.get("skipDefaultSecurityGroups"):
            return None
        return security_groups.cluster_group(
            self._name, self._arguments["vpcId"], self._tags, self._arguments.get("clusterSecurityGroupTags"), self
        )

    def _control_plane(self, group: Any) -> tuple[aws.eks.Cluster, Any]:
        """The cluster and its service role."""
        arguments = self._arguments
        role, role_arn, waits_for = arguments.get("serviceRole"), None, []
        if role is None:
            service = ServiceRole(
                f"{self._name}-eksRole",
                "eks.amazonaws.com",
                CLUSTER_POLICIES,
                self._partition,
                actions=("sts:AssumeRole", "sts:TagSession"),
                description="Allows EKS to manage clusters on your behalf.",
                tags=self._tags,
                opts=ResourceOptions(parent=self),
            )
            role, role_arn, waits_for = service.role, service.role.arn, [service.role, *service.attachments]
        cluster = aws.eks.Cluster(
            f"{self._name}-eksCluster",
            name=arguments.get("name"),
            role_arn=role_arn if role_arn is not None else Output.from_input(role).arn,
            kubernetes_network_config=_network(arguments),
            bootstrap_self_managed_addons=arguments.get("bootstrapSelfManagedAddons", True),
            vpc_config=aws.eks.ClusterVpcConfigArgs(
                security_group_ids=[group.id] if group else None,
                subnet_ids=self._subnet_ids(),
                endpoint_private_access=arguments.get("endpointPrivateAccess"),
                endpoint_public_access=arguments.get("endpointPublicAccess"),
                public_access_cidrs=arguments.get("publicAccessCidrs"),
            ),
            version=arguments.get("version"),
            enabled_cluster_log_types=arguments.get("enabledClusterLogTypes"),
            tags=security_groups.merged(f"{self._name}-eksCluster", arguments.get("clusterTags"), self._tags),
            encryption_config=_encryption(arguments.get("encryptionConfigKeyArn")),
            access_config=_access(arguments.get("authenticationMode")),
            upgrade_policy=arguments.get("upgradePolicy"),
            deletion_protection=arguments.get("deletionProtection"),
            opts=ResourceOptions(
                parent=self,
                depends_on=waits_for,
                ignore_changes=["accessConfig.bootstrapClusterCreatorAdminPermissions", "bootstrapSelfManagedAddons"],
            ),
        )
        return cluster, role

    def _kubeconfig(self, cluster: aws.eks.Cluster) -> Output[dict[str, Any]]:
        """Known once the cluster is there."""
        there = Output.all(cluster.name, cluster.endpoint, cluster.certificate_authority)
        return there.apply(lambda _there: kubeconfig.content())

    def _instance_roles(self) -> list[Any]:
        arguments = self._arguments
        if arguments.get("instanceRoles"):
            return list(arguments["instanceRoles"])
        if arguments.get("instanceRole") is not None:
            return [arguments["instanceRole"]]
        if not arguments.get("createInstanceRole"):
            return []
        service = Output.format("ec2.{0}", self._dns_suffix)
        made = ServiceRole(
            f"{self._name}-instanceRole",
            service,
            NODE_POLICIES,
            self._partition,
            tags=self._tags,
            opts=ResourceOptions(parent=self),
        )
        aws.iam.InstanceProfile(
            f"{self._name}-instanceProfile",
            role=made.role.name,
            opts=ResourceOptions(parent=self, depends_on=made.attachments),
        )
        return [made.role]

    def _access(self, cluster: aws.eks.Cluster, instance_roles: list[Any]) -> list[aws.eks.AccessEntry]:
        if self._arguments.get("authenticationMode") not in authentication.ACCESS_ENTRY_MODES:
            return []
        entries: dict[str, Any] = {}
        if instance_roles:
            entries["defaultNodeGroupInstanceRole"] = {"principalArn": instance_roles[0].arn, "type": "EC2_LINUX"}
        entries.update(self._arguments.get("accessEntries") or {})
        return list(authentication.access_entries(self._name, cluster, entries, self))

    def _coredns(self, cluster: aws.eks.Cluster) -> None:
        """Without a default node group only where the program says so: there would be no node to run it."""
        options = self._arguments.get("corednsAddonOptions") or {}
        if options.get("enabled") is True or options.get("configurationValues"):
            addons.simple(self._name, "coredns", options, cluster, self._tags, self)

    def _oidc_provider(self, cluster: aws.eks.Cluster) -> aws.iam.OpenIdConnectProvider | None:
        if not self._arguments.get("createOidcProvider"):
            return None
        return aws.iam.OpenIdConnectProvider(
            f"{self._name}-oidcProvider",
            client_id_lists=["sts.amazonaws.com"],
            url=cluster.identities[0].oidcs[0].issuer,
            # The real component asks the issuer for its certificate; this one is AWS's documented root for EKS.
            thumbprint_lists=["9e99a48a9960b14926bb7f3b02e22da2b0ab7280"],
            opts=ResourceOptions(parent=self),
        )

    def _node_security_group(self, cluster: aws.eks.Cluster, group: Any) -> tuple[Any, Any]:
        if self._arguments.get("skipDefaultSecurityGroups"):
            return None, None
        own_tags = self._arguments.get("nodeSecurityGroupTags")
        return security_groups.node_group(
            self._name, self._arguments["vpcId"], cluster, group.id, self._tags, own_tags, self
        )


def _outputs(core: dict[str, Any], kubeconfig_json: Output[str], node_group: Any, ingress: Any) -> dict[str, Any]:
    """The component's outputs; without groups of its own all traffic is in the one that EKS makes."""
    cluster, group, oidc = core["cluster"], core["clusterSecurityGroup"], core["oidcProvider"]
    own_group = cluster.vpc_config.cluster_security_group_id
    issuer = cluster.identities[0].oidcs[0].issuer
    return {
        "kubeconfig": core["kubeconfig"],
        "kubeconfigJson": kubeconfig_json,
        "clusterSecurityGroup": group,
        "clusterSecurityGroupId": group.id if group else own_group,
        "instanceRoles": core["instanceRoles"],
        "nodeSecurityGroup": node_group,
        "nodeSecurityGroupId": node_group.id if node_group else own_group,
        "eksClusterIngressRule": ingress,
        "clusterIngressRuleId": ingress.security_group_rule_id if ingress else "",
        "eksCluster": cluster,
        "core": core,
        "defaultNodeGroupAsgName": "",
        "fargateProfileId": "",
        "fargateProfileStatus": "",
        "oidcProviderArn": oidc.arn if oidc else "",
        "oidcProviderUrl": issuer,
        "oidcIssuer": issuer.apply(lambda url: url.removeprefix("https://")),
        "autoModeNodeRoleName": "",
    }


def check(arguments: Mapping[str, Any]) -> None:
    """Raises RefusedArgumentsError for what the real component refuses, and for what the rehearsal does not simulate."""
    authentication.check(arguments.get("authenticationMode"), arguments)
    if arguments.get("instanceRole") is not None and arguments.get("instanceRoles") is not None:
        raise RefusedArgumentsError("instanceRole and instanceRoles are mutually exclusive, and cannot both be set.")
    if arguments.get("subnetIds") is not None and (
        arguments.get("publicSubnetIds") is not None or arguments.get("privateSubnetIds") is not None
    ):
        raise RefusedArgumentsError(
            "subnetIds, and the use of publicSubnetIds and/or privateSubnetIds are mutually exclusive. Choose a single approach."
        )
    if arguments.get("nodeGroupOptions") and any(arguments.get(name) for name in _NODE_ARGUMENTS):
        raise RefusedArgumentsError(
            "Setting nodeGroupOptions, and any set of singular node group option(s) on the cluster, is mutually exclusive. "
            "Choose a single approach."
        )
    if (arguments.get("creationRoleProvider") or {}).get("provider") is not None:
        raise RefusedArgumentsError(
            "The `creationRoleProvider.provider` option is not supported in non-nodejs Pulumi programs. "
            "Please use the `providerCredentialOpts` option instead."
        )
    if arguments.get("publicAccessCidrs") is not None and arguments.get("endpointPublicAccess") is False:
        raise RefusedArgumentsError("`publicAccessCidrs` can only be set when `endpointPublicAccess` is true")
    _check_simulated(arguments)


def _check_simulated(arguments: Mapping[str, Any]) -> None:
    missing = {
        "a default node group: set skipDefaultNodeGroup": not arguments.get("skipDefaultNodeGroup"),
        "Fargate profiles (fargate)": bool(arguments.get("fargate")),
        "EKS Auto Mode (autoMode)": bool((arguments.get("autoMode") or {}).get("enabled")),
        "storage classes made by the component (storageClasses)": bool(arguments.get("storageClasses")),
        "the aws-auth ConfigMap: set authenticationMode to API": arguments.get("authenticationMode")
        in authentication.CONFIG_MAP_MODES,
        "the default VPC, which the simulated account does not have: set vpcId": arguments.get("vpcId") is None,
        "securityContextPrivileged of the VPC CNI": bool(
            (arguments.get("vpcCniOptions") or {}).get("securityContextPrivileged")
        ),
    }
    found = [what for what, asked in missing.items() if asked]
    if found:
        raise RefusedArgumentsError(f"the rehearsal does not simulate {'; '.join(found)}. To add it, extend {_HERE}")


def _network(arguments: Mapping[str, Any]) -> aws.eks.ClusterKubernetesNetworkConfigArgs | None:
    """The service range counts only for IPv4."""
    block, family = arguments.get("kubernetesServiceIpAddressRange"), arguments.get("ipFamily")
    if block is None and family is None:
        return None
    counts = family in (None, "ipv4")
    return aws.eks.ClusterKubernetesNetworkConfigArgs(
        service_ipv4_cidr=block if counts else None, ip_family=family or "ipv4"
    )


def _encryption(key_arn: Any) -> aws.eks.ClusterEncryptionConfigArgs | None:
    """Envelope encryption of Kubernetes secrets, the only thing that EKS encrypts this way."""
    if key_arn is None:
        return None
    key = aws.eks.ClusterEncryptionConfigProviderArgs(key_arn=key_arn)
    return aws.eks.ClusterEncryptionConfigArgs(provider=key, resources=["secrets"])


def _access(mode: str | None) -> aws.eks.ClusterAccessConfigArgs | None:
    """The component makes its creator an administrator whatever the mode."""
    if not mode:
        return None
    return aws.eks.ClusterAccessConfigArgs(authentication_mode=mode, bootstrap_cluster_creator_admin_permissions=True)
