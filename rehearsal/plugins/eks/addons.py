"""The add-ons that the component installs: kube-proxy, coredns and vpc-cni.

Source: nodejs/eks/cluster/cluster.ts and nodejs/eks/addons/cni-addon.ts of pulumi-eks.
"""

import json
from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_aws as aws
from pulumi import Input, InvokeOptions, Output, ResourceOptions

# For each option of the CNI its variable and its default; None leaves the variable out.
_ENVIRONMENT: tuple[tuple[str, str, str | None], ...] = (
    ("nodePortSupport", "AWS_VPC_CNI_NODE_PORT_SUPPORT", None),
    ("customNetworkConfig", "AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG", None),
    ("warmEniTarget", "WARM_ENI_TARGET", "1"),
    ("warmIpTarget", "WARM_IP_TARGET", None),
    ("warmPrefixTarget", "WARM_PREFIX_TARGET", None),
    ("enablePrefixDelegation", "ENABLE_PREFIX_DELEGATION", None),
    ("logLevel", "AWS_VPC_K8S_CNI_LOGLEVEL", "DEBUG"),
    ("logFile", "AWS_VPC_K8S_CNI_LOG_FILE", "/host/var/log/aws-routed-eni/ipamd.log"),
    ("vethPrefix", "AWS_VPC_K8S_CNI_VETHPREFIX", "eni"),
    ("eniMtu", "AWS_VPC_ENI_MTU", "9001"),
    ("eniConfigLabelDef", "ENI_CONFIG_LABEL_DEF", None),
    ("pluginLogLevel", "AWS_VPC_K8S_PLUGIN_LOG_LEVEL", "DEBUG"),
    ("pluginLogFile", "AWS_VPC_K8S_PLUGIN_LOG_FILE", "/var/log/aws-routed-eni/plugin.log"),
    ("enablePodEni", "ENABLE_POD_ENI", "false"),
    ("cniConfigureRpfilter", "AWS_VPC_K8S_CNI_CONFIGURE_RPFILTER", None),
    ("cniCustomNetworkCfg", "AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG", "false"),
    ("externalSnat", "AWS_VPC_K8S_CNI_EXTERNALSNAT", None),
    ("cniExternalSnat", "AWS_VPC_K8S_CNI_EXTERNALSNAT", "false"),
)
_INIT_ENVIRONMENT: tuple[tuple[str, str, str | None], ...] = (
    ("disableTcpEarlyDemux", "DISABLE_TCP_EARLY_DEMUX", "false"),
)


def simple(
    name: str, addon: str, options: Mapping[str, Any], cluster: aws.eks.Cluster, tags: Any, parent: pulumi.Resource
) -> aws.eks.Addon:
    """kube-proxy or coredns as the component sets them: conflicts overwritten, kept when the cluster goes."""
    return aws.eks.Addon(
        f"{name}-{addon}",
        cluster_name=cluster.name,
        addon_name=addon,
        preserve=True,
        tags=tags,
        addon_version=_version(addon, options.get("version"), cluster, parent),
        resolve_conflicts_on_create=options.get("resolveConflictsOnCreate") or "OVERWRITE",
        resolve_conflicts_on_update=options.get("resolveConflictsOnUpdate") or "OVERWRITE",
        configuration_values=_text(options.get("configurationValues")),
        opts=ResourceOptions(parent=parent),
    )


class VpcCniAddon(pulumi.ComponentResource):
    """The network add-on. Type token: `eks:index:VpcCniAddon`."""

    addon: aws.eks.Addon

    def __init__(
        self, name: str, options: Mapping[str, Any], cluster: aws.eks.Cluster, tags: Any, opts: ResourceOptions
    ) -> None:
        super().__init__("eks:index:VpcCniAddon", name, {}, opts)
        self.addon = aws.eks.Addon(
            name,
            cluster_name=cluster.name,
            addon_name="vpc-cni",
            preserve=True,
            tags=tags,
            addon_version=_version("vpc-cni", options.get("addonVersion"), cluster, self),
            resolve_conflicts_on_create=options.get("resolveConflictsOnCreate") or "OVERWRITE",
            resolve_conflicts_on_update=options.get("resolveConflictsOnUpdate") or "OVERWRITE",
            configuration_values=_text(Output.from_input(dict(options)).apply(cni_configuration)),
            service_account_role_arn=options.get("serviceAccountRoleArn"),
            opts=ResourceOptions(parent=self),
        )
        self.register_outputs({"addon": self.addon})


def cni_configuration(options: Mapping[str, Any]) -> dict[str, Any]:
    """The add-on's configuration: the program's own, network policies, and the variables that the options stand for."""
    configuration = dict(options.get("configurationValues") or {})
    if "enableNetworkPolicy" not in configuration and options.get("enableNetworkPolicy") is not None:
        configuration["enableNetworkPolicy"] = _word(options["enableNetworkPolicy"])
    configuration["env"] = {**_variables(_ENVIRONMENT, options), **(configuration.get("env") or {})}
    init = dict(configuration.get("init") or {})
    configuration["init"] = {**init, "env": {**_variables(_INIT_ENVIRONMENT, options), **(init.get("env") or {})}}
    return configuration


def _variables(table: tuple[tuple[str, str, str | None], ...], options: Mapping[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for option, variable, default in table:
        if options.get(option):
            found[variable] = _word(options[option])
        elif default is not None and variable not in found:
            found[variable] = default
    return found


def _word(value: Any) -> str:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)


def _text(values: Any) -> Output[str] | None:
    """A configuration as JSON with sorted keys, so that it never differs by their order."""
    if values is None:
        return None
    return Output.from_input(values).apply(lambda known: json.dumps(known, sort_keys=True, separators=(",", ":")))


def _version(addon: str, given: Input[str] | None, cluster: aws.eks.Cluster, parent: pulumi.Resource) -> Input[str]:
    """The pinned version, else the newest for the cluster's Kubernetes version."""
    if given is not None:
        return given
    options = InvokeOptions(parent=parent)
    return aws.eks.get_addon_version_output(
        addon_name=addon, kubernetes_version=cluster.version, most_recent=True, opts=options
    ).version
