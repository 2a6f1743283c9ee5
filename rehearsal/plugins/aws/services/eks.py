"""Kubernetes control planes and what hangs on them (service `eks`)."""

import base64
import json
import re
from typing import Any

from rehearsal.plugins.aws import ACCOUNT_ID
from rehearsal.plugins.aws.account import Record
from rehearsal.plugins.aws.errors import AwsError
from rehearsal.plugins.aws.subject import DNS_SUFFIX, Computed, Subject, makes

CLUSTER = "aws:eks/cluster:Cluster"
ACCESS_ENTRY = "aws:eks/accessEntry:AccessEntry"

DEFAULT_VERSION = "1.36"
"""The Kubernetes version that a cluster without one gets."""


@makes(CLUSTER)
def cluster(subject: Subject) -> Computed:
    """A cluster: endpoint, certificate, OIDC issuer, and the security group that EKS makes for it."""
    name = subject.text("name")
    if any(other.id == name for other in subject.others()):
        raise AwsError("ResourceInUseException", f"Cluster already exists with name: {name}")
    wanted: dict[str, Any] = subject.inputs.get("vpcConfig") or {}
    places = subject.subnets(wanted.get("subnetIds"))
    zones = {place.value("availabilityZone") for place in places}
    if len(zones) < 2 and len(places) == len(wanted.get("subnetIds") or []):
        raise AwsError("InvalidParameterException", "Subnets specified must be in at least two different AZs")
    _stays_in_its_zones(subject, zones)
    if wanted.get("endpointPublicAccess") is False and not wanted.get("endpointPrivateAccess"):
        raise AwsError("InvalidParameterException", "Private and public endpoint access cannot be false")
    return Computed(
        name,
        {
            "arn": subject.arn("eks", f"cluster/{name}"),
            "clusterId": None,  # only local clusters on Outposts have one
            "endpoint": f"https://{subject.hex(32).upper()}.gr7.{subject.region}.eks.{DNS_SUFFIX}",
            "certificateAuthority": {
                "data": base64.b64encode(f"simulated certificate authority of {subject.seed}".encode()).decode()
            },
            "createdAt": subject.created_at,
            "identities": [
                {
                    "oidcs": [
                        {
                            "issuer": f"https://oidc.eks.{subject.region}.{DNS_SUFFIX}/id/{subject.hex(32, 'oidc').upper()}"
                        }
                    ]
                }
            ],
            "platformVersion": "eks.1",
            "status": "ACTIVE",
            "version": DEFAULT_VERSION,
            "deletionProtection": False,
            "bootstrapSelfManagedAddons": True,
            "vpcConfig": {
                "endpointPrivateAccess": False,
                "endpointPublicAccess": True,
                "publicAccessCidrs": ["0.0.0.0/0"],
                "clusterSecurityGroupId": f"sg-{subject.hex(salt='cluster')}",
                "vpcId": next((str(place.value("vpcId")) for place in places), ""),
            },
            "kubernetesNetworkConfig": {
                "ipFamily": "ipv4",
                "serviceIpv4Cidr": "172.20.0.0/16",
                "elasticLoadBalancing": {"enabled": False},
            },
            "accessConfig": {"authenticationMode": "CONFIG_MAP", "bootstrapClusterCreatorAdminPermissions": True},
            "upgradePolicy": {"supportType": "EXTENDED"},
        },
    )


def _stays_in_its_zones(subject: Subject, zones: set[Any]) -> None:
    """A cluster's subnets may change, the set of their zones may not."""
    before = (subject.previous_inputs.get("vpcConfig") or {}).get("subnetIds")
    first = {place.value("availabilityZone") for place in subject.subnets(before)}
    if first and zones != first:
        raise AwsError(
            "InvalidParameterException",
            f"Provided subnets belong to the AZs '{','.join(sorted(zones))}'. But they should belong to the exact set of AZs "
            f"'{','.join(sorted(first))}' in which subnets were provided during cluster creation.",
        )


def existing(subject: Subject) -> Record:
    """The cluster that `clusterName` names. Raises AwsError when there is none."""
    name = subject.text("clusterName")
    return subject.existing(CLUSTER, name, "ResourceNotFoundException", f"No cluster found for name: {name}.")


@makes("aws:eks/nodeGroup:NodeGroup")
def node_group(subject: Subject) -> Computed:
    """A managed node group; `nodes.py` brings its nodes up in the control plane."""
    owner = existing(subject)
    name = subject.text("nodeGroupName")
    identifier = f"{owner.id}:{name}"
    _check_sizes(subject.inputs.get("scalingConfig") or {})
    template = subject.inputs.get("launchTemplate") or {}
    version = subject.text("version") or str(owner.value("version"))
    outputs: dict[str, Any] = {
        "arn": subject.arn("eks", f"nodegroup/{owner.id}/{name}/{subject.uuid()}"),
        "nodeGroupName": name,
        "amiType": "AL2023_x86_64_STANDARD",
        "capacityType": "ON_DEMAND",
        "diskSize": 0 if template else 20,
        "instanceTypes": [] if template else ["t3.medium"],
        "status": "ACTIVE",
        "version": version,
        "releaseVersion": f"{version}.0-20261101",
        "nodeRepairConfig": {"enabled": False},
        "updateConfig": {"maxUnavailable": 1},
        "resources": [
            {"autoscalingGroups": [{"name": f"eks-{name}-{subject.uuid('asg')}"}], "remoteAccessSecurityGroupId": ""}
        ],
    }
    if template:
        found = _launch_template(subject, template)
        outputs["launchTemplate"] = {"id": found.id, "name": str(found.value("name"))}
    return Computed(identifier, outputs)


def _check_sizes(scaling: dict[str, Any]) -> None:
    """Raises AwsError in EKS' words (terraform-provider-aws#18310): updates of one size meet those that are there."""
    minimum, desired, maximum = (scaling.get(size, 0) for size in ("minSize", "desiredSize", "maxSize"))
    if minimum > desired:
        raise AwsError(
            "InvalidParameterException", f"Minimum capacity {minimum} can't be greater than desired size {desired}"
        )
    if desired > maximum:
        raise AwsError(
            "InvalidParameterException", f"desired capacity {desired} can't be greater than max size {maximum}"
        )


def _launch_template(subject: Subject, wanted: dict[str, Any]) -> Record:
    for record in subject.account.all("aws:ec2/launchTemplate:LaunchTemplate"):
        if record.id == wanted.get("id") or ("id" not in wanted and record.value("name") == wanted.get("name")):
            return record
    raise AwsError(
        "InvalidRequestException", f"Launch template {wanted.get('id') or wanted.get('name')} could not be found."
    )


@makes("aws:eks/addon:Addon")
def addon(subject: Subject) -> Computed:
    """An add-on of a cluster; a cluster has each one once."""
    owner = existing(subject)
    name = subject.text("addonName")
    identifier = f"{owner.id}:{name}"
    if any(other.id == identifier for other in subject.others()):
        raise AwsError("ResourceInUseException", f"Addon already exists: {name}")
    _check_addon(subject, name, str(owner.value("version")))
    return Computed(
        identifier,
        {
            "arn": subject.arn("eks", f"addon/{owner.id}/{name}/{subject.uuid()}"),
            "addonVersion": addon_version(name, str(owner.value("version"))),
            "configurationValues": "",
            "createdAt": subject.created_at,
            "modifiedAt": subject.created_at,
        },
    )


def _check_addon(subject: Subject, name: str, kubernetes: str) -> None:
    """What EKS refuses: a version that is none of its own, kube-proxy ahead of the control plane, values that are no object."""
    version = subject.text("addonVersion")
    own = re.fullmatch(r"v(\d+)\.(\d+)\.\d+-eksbuild\.\d+", version)
    minor = [int(part) for part in kubernetes.split(".")]
    if version and (own is None or (name == "kube-proxy" and [int(own[1]), int(own[2])] > minor)):
        raise AwsError(
            "InvalidParameterException", f"Addon version specified is not supported: {name} {version} on {kubernetes}"
        )
    values = subject.text("configurationValues")
    try:
        given = json.loads(values or "{}")
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise AwsError("InvalidParameterException", "ConfigurationValue is not in valid JSON or YAML format")
    unknown = sorted(given.keys() - _ADDON_KEYS.get(name, given.keys()))
    if unknown:
        raise AwsError(
            "InvalidParameterException",
            "ConfigurationValue provided in request is not supported: Json schema validation failed with error: "
            f"[$.{unknown[0]}: is not defined in the schema and the schema does not allow additional properties]",
        )


_ADDON_KEYS: dict[str, frozenset[str]] = {
    # Answer of `aws eks describe-addon-configuration --addon-name coredns`, v1.10.1-eksbuild.11
    "coredns": frozenset(
        {
            *("affinity", "autoScaling", "computeType", "corefile", "nodeSelector", "podAnnotations"),
            *(
                "podDisruptionBudget",
                "podLabels",
                "replicaCount",
                "resources",
                "tolerations",
                "topologySpreadConstraints",
            ),
        }
    ),
    # charts/configuration.schema.json of github.com/aws/eks-node-monitoring-agent
    "eks-node-monitoring-agent": frozenset({"global", "nodeAgent", "dcgmAgent", "extraObjects"}),
}
"""What may be configured, of the add-ons whose schema is known."""


# One version of each add-on, from FIELD-NOTES (November 2026); only the form matters where the notes have none.
_ADDON_VERSIONS = {
    "vpc-cni": "v1.23.2-eksbuild.1",
    "kube-proxy": "v{kubernetes}.0-eksbuild.2",
    "coredns": "v1.14.0-eksbuild.1",
    "eks-pod-identity-agent": "v1.3.9-eksbuild.1",
    "aws-ebs-csi-driver": "v1.66.0-eksbuild.1",
    "eks-node-monitoring-agent": "v1.7.2-eksbuild.1",
    "metrics-server": "v0.9.0-eksbuild.1",
}


def addon_version(name: str, kubernetes: str) -> str:
    """The version that EKS would take by itself for an add-on on that Kubernetes version."""
    return _ADDON_VERSIONS.get(name, "v1.0.0-eksbuild.1").format(kubernetes=kubernetes)


@makes(ACCESS_ENTRY)
def access_entry(subject: Subject) -> Computed:
    """A principal's way into a cluster; the cluster must authenticate by API."""
    owner = existing(subject)
    if owner.value("accessConfig.authenticationMode") == "CONFIG_MAP":
        raise AwsError(
            "InvalidRequestException",
            "The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP] to perform this operation.",
        )
    principal = subject.text("principalArn")
    identifier = f"{owner.id}:{principal}"
    if any(other.id == identifier for other in subject.others()):
        raise AwsError(
            "ResourceInUseException", "The specified access entry resource is already in use on this cluster."
        )
    return Computed(
        identifier,
        {
            "accessEntryArn": subject.arn(
                "eks", f"access-entry/{owner.id}/role/{ACCOUNT_ID}/{principal.rsplit('/', 1)[-1]}/{subject.uuid()}"
            ),
            "createdAt": subject.created_at,
            "modifiedAt": subject.created_at,
            "kubernetesGroups": [],
            "type": "STANDARD",
            "userName": principal,
        },
    )


# Those for people and pipelines (EKS user guide, "Review access policy permissions").
_ACCESS_POLICIES = frozenset(
    f"AmazonEKS{name}Policy" for name in ("ClusterAdmin", "Admin", "AdminView", "Edit", "View", "SecretReader")
)


@makes("aws:eks/accessPolicyAssociation:AccessPolicyAssociation")
def access_policy(subject: Subject) -> Computed:
    """A policy of an access entry, which must exist."""
    owner = existing(subject)
    principal, policy = subject.text("principalArn"), subject.text("policyArn")
    missing = f"The specified principalArn could not be found: {principal}"
    subject.existing(ACCESS_ENTRY, f"{owner.id}:{principal}", "ResourceNotFoundException", missing)
    if policy.rpartition("/")[2] not in _ACCESS_POLICIES:
        raise AwsError("ResourceNotFoundException", f"The specified policyArn could not be found: {policy}")
    scope = subject.inputs.get("accessScope") or {}
    if (scope.get("type") == "namespace") is not bool(scope.get("namespaces")):
        raise AwsError(
            "InvalidParameterException", "namespaces belong to an access scope of type namespace, and to no other"
        )
    return Computed(
        f"{owner.id}#{principal}#{policy}", {"associatedAt": subject.created_at, "modifiedAt": subject.created_at}
    )


@makes("aws:eks/podIdentityAssociation:PodIdentityAssociation")
def pod_identity(subject: Subject) -> Computed:
    """A role for a service account; a service account takes one."""
    owner = existing(subject)
    account = (owner.id, subject.text("namespace"), subject.text("serviceAccount"))
    for other in subject.others():
        if (other.value("clusterName"), other.value("namespace"), other.value("serviceAccount")) == account:
            raise AwsError("ResourceInUseException", f"Association already exists: {other.id}")
    identifier = f"a-{subject.hex(17)}"
    return Computed(
        identifier,
        {
            "associationId": identifier,
            "associationArn": subject.arn("eks", f"podidentityassociation/{owner.id}/{identifier}"),
            "disableSessionTags": False,
            "externalId": "",
        },
    )
