"""Names and namespaces that a program leaves out: filled in once, and the same ever after."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pulumi.runtime.proto import provider_pb2 as protocol

from rehearsal.plugins.inputs import Problem
from rehearsal.plugins.kubernetes.api import ApiError, ApiServer, NoSuchKindError, UnreachableError
from rehearsal.plugins.kubernetes.objects import AUTONAMED, Kind, is_annotated, name_of, new_name
from rehearsal.plugins.kubernetes.properties import Properties, Secret
from rehearsal.plugins.wire import UNKNOWN

_Autonaming = protocol.CheckRequest.AutonamingOptions

# Kinds of the built-in API groups that live in no namespace (`kubectl api-resources --namespaced=false` of Kubernetes
# 1.36), for when no server can be asked.
_CLUSTER_SCOPED = frozenset(
    [
        "APIService",
        "CSIDriver",
        "CSINode",
        "CertificateSigningRequest",
        "ClusterRole",
        "ClusterRoleBinding",
        "ClusterTrustBundle",
        "ComponentStatus",
        "CustomResourceDefinition",
        "DeviceClass",
        "DeviceTaintRule",
        "FlowSchema",
        "IPAddress",
        "IngressClass",
        "MutatingAdmissionPolicy",
        "MutatingAdmissionPolicyBinding",
        "MutatingWebhookConfiguration",
        "Namespace",
        "Node",
        "PersistentVolume",
        "PriorityClass",
        "PriorityLevelConfiguration",
        "ResourceSlice",
        "RuntimeClass",
        "SelfSubjectAccessReview",
        "SelfSubjectReview",
        "SelfSubjectRulesReview",
        "ServiceCIDR",
        "StorageClass",
        "StorageVersion",
        "StorageVersionMigration",
        "SubjectAccessReview",
        "TokenReview",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "ValidatingWebhookConfiguration",
        "VolumeAttachment",
        "VolumeAttributesClass",
    ]
)


@dataclass(frozen=True)
class Named:
    """Inputs with a name, or the reasons why there is none."""

    inputs: Properties
    failures: list[Problem] = field(default_factory=list)


def named(inputs: Properties, olds: Mapping[str, Any], urn: str, request: protocol.CheckRequest) -> Named:
    """Gives an object without a name the one that it had, or a new one.

    It marks it with the annotation pulumi.com/autonamed.
    """
    metadata = _metadata(inputs)
    if metadata is None or "name" in metadata:
        return Named(inputs)
    if "generateName" in metadata:
        return Named(
            inputs,
            [
                Problem(
                    "metadata.generateName",
                    "the `.metadata.generateName` field is not supported in Server-Side Apply mode",
                )
            ],
        )
    annotations = metadata.get("annotations") or {}
    if name_of(olds) and is_annotated(olds, AUTONAMED):
        name = name_of(olds)
    elif request.HasField("autonaming") and request.autonaming.mode == _Autonaming.DISABLE:
        return Named(
            inputs, [Problem("metadata.name", "automatic naming is disabled for this resource; set metadata.name")]
        )
    elif request.HasField("autonaming") and request.autonaming.proposed_name:
        name = request.autonaming.proposed_name
    else:
        name = new_name(urn, request.randomSeed)
    filled = {**metadata, "name": name}
    if isinstance(annotations, dict):  # nothing can be put into annotations that are still unknown
        filled["annotations"] = {**annotations, AUTONAMED: "true"}
    return Named(_with_metadata(inputs, filled))


def in_namespace(inputs: Properties, kind: Kind, default: str, server: ApiServer | None) -> Properties:
    """Puts an object that needs a namespace and names none into the provider's."""
    metadata = _metadata(inputs)
    if metadata is None or not default or metadata.get("namespace") or not is_namespaced(kind, server):
        return inputs
    return _with_metadata(inputs, {**metadata, "namespace": default})


def is_namespaced(kind: Kind, server: ApiServer | None) -> bool:
    """Whether objects of a kind live in a namespace.

    Assumed of a kind that nobody knows yet, as in the real provider.
    """
    if server is not None:
        try:
            return server.endpoint(kind).namespaced
        except (NoSuchKindError, ApiError, UnreachableError):
            pass
    return kind.kind not in _CLUSTER_SCOPED or ("." in kind.group and not kind.group.endswith(".k8s.io"))


def _metadata(inputs: Mapping[str, Any]) -> dict[str, Any] | None:
    """The metadata to fill in; None when it is unknown as a whole."""
    metadata = inputs.get("metadata", {})
    if isinstance(metadata, Secret):
        metadata = metadata.value
    return None if metadata is UNKNOWN or not isinstance(metadata, dict) else metadata


def _with_metadata(inputs: Properties, metadata: dict[str, Any]) -> Properties:
    secret = isinstance(inputs.get("metadata"), Secret)
    return {**inputs, "metadata": Secret(metadata) if secret else metadata}
