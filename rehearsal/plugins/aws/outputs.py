"""A resource's outputs: what the program gave, what AWS decides, what the documentation promises as a default."""

import re
from collections.abc import Mapping
from typing import Any

from rehearsal.plugins.aws import (
    ACCOUNT_ID,
    naming,
    services,  # noqa: F401 - registers the makers
)
from rehearsal.plugins.aws.configuration import Configuration
from rehearsal.plugins.aws.subject import MAKERS, Computed, Subject
from rehearsal.plugins.aws.types import OutputProperty, ResourceType
from rehearsal.plugins.inputs import alternatives
from rehearsal.plugins.wire import UNKNOWN, Secret, has_secret, has_unknown, plain

# What AWS adds inside an object that the program gives: unknown in a preview although the rest of the object is known.
_ADDED_INSIDE: dict[str, dict[str, tuple[str, ...]]] = {
    "aws:eks/cluster:Cluster": {"vpcConfig": ("clusterSecurityGroupId", "vpcId")},
    "aws:eks/nodeGroup:NodeGroup": {"launchTemplate": ("id", "name")},
    "aws:elasticache/user:User": {"authenticationMode": ("passwordCount",)},
}

# Outputs that an update may change although no input of that name did (SetNewComputed in terraform-provider-aws).
_CHANGED_BY_UPDATE: dict[str, tuple[str, ...]] = {
    "aws:ec2/launchTemplate:LaunchTemplate": ("latestVersion", "defaultVersion"),
    "aws:eks/cluster:Cluster": ("platformVersion",),
    "aws:elasticache/replicationGroup:ReplicationGroup": ("memberClusters",),
}


def of(
    kind: ResourceType, subject: Subject, inputs: Mapping[str, Any], configuration: Configuration
) -> tuple[str, dict[str, Any]]:
    """The id and all outputs of a resource that now exists. Raises AwsError where AWS would refuse."""
    computed = MAKERS.get(kind.token, _general)(subject)
    outputs = _given(kind, inputs)
    for name, expected in kind.outputs.items():
        made = computed.outputs.get(name)
        if name in outputs:
            # The program's word stands; AWS only adds to objects.
            if isinstance(made, Mapping) and isinstance(subject.inputs.get(name), Mapping):
                whole = {**made, **subject.inputs[name]}
                outputs[name] = Secret(whole) if has_secret(outputs[name]) else whole
            continue
        value = _otherwise(name, expected, subject) if made is None else made
        if value is not None:
            outputs[name] = value
    return computed.id, _marked(kind, _tagged(kind, outputs, inputs, configuration, subject.region))


def planned(kind: ResourceType, inputs: Mapping[str, Any], configuration: Configuration, region: Any) -> dict[str, Any]:
    """The outputs in the preview of a creation: what AWS will decide is unknown."""
    outputs = _given(kind, inputs)
    for name, added in _ADDED_INSIDE.get(kind.token, {}).items():
        if isinstance(outputs.get(name), Mapping):
            outputs[name] = {**dict.fromkeys(added, UNKNOWN), **outputs[name]}
    for name, expected in kind.outputs.items():
        if name not in outputs:
            value = UNKNOWN if expected.computed else expected.default()
            if value is not None:
                outputs[name] = value
    return _marked(kind, _tagged(kind, outputs, inputs, configuration, region))


def planned_update(
    kind: ResourceType,
    inputs: Mapping[str, Any],
    old_inputs: Mapping[str, Any],
    old_outputs: Mapping[str, Any],
    configuration: Configuration,
    region: Any,
) -> dict[str, Any]:
    """The outputs in the preview of an update: those of before, the new inputs, unknown what else it may change."""
    dropped = set(old_inputs) - set(inputs)
    outputs = {name: value for name, value in old_outputs.items() if name not in dropped or _stays(kind, name)}
    for name, value in _given(kind, inputs).items():
        before = outputs.get(name)
        if name in _ADDED_INSIDE.get(kind.token, {}) and isinstance(value, Mapping) and isinstance(before, Mapping):
            outputs[name] = {**before, **value}
        else:
            outputs[name] = value
    changed = {
        name for name in set(inputs) | set(old_inputs) if plain(inputs.get(name)) != plain(old_inputs.get(name))
    } - {"tags", naming.DEFAULTS}
    if changed:
        outputs.update(dict.fromkeys(_CHANGED_BY_UPDATE.get(kind.token, ()), UNKNOWN))
    return _marked(kind, _tagged(kind, outputs, inputs, configuration, region))


def _stays(kind: ResourceType, name: str) -> bool:
    """Whether AWS keeps a value of its own where the program stops saying one."""
    return name in kind.outputs and kind.outputs[name].computed


def _given(kind: ResourceType, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs that show as outputs; write-only ones (`passwordWo`) never do."""
    write_only = {name for name in kind.outputs if name.endswith("Wo")}
    return {
        name: value
        for name, value in inputs.items()
        if name in kind.outputs and name not in write_only and value is not None
    }


def all_tags(inputs: Mapping[str, Any], configuration: Configuration) -> Any:
    """The tags that a resource carries: its own over the provider's default tags."""
    own = inputs.get("tags") or {}
    secret = has_secret(own)
    if has_unknown(own) and not isinstance(plain(own), Mapping):
        return UNKNOWN
    merged = {**configuration.default_tags, **plain(own)}
    return Secret(merged) if secret else merged


def _tagged(
    kind: ResourceType, outputs: dict[str, Any], inputs: Mapping[str, Any], configuration: Configuration, region: Any
) -> dict[str, Any]:
    if "tagsAll" in kind.outputs:
        outputs["tagsAll"] = all_tags(inputs, configuration)
    if "region" in kind.outputs and "region" not in inputs:
        outputs["region"] = region
    return outputs


def _marked(kind: ResourceType, outputs: dict[str, Any]) -> dict[str, Any]:
    """The outputs with those secret that the SDK knows as secret."""
    return {
        name: Secret(value) if name in kind.secret_outputs and not isinstance(value, Secret) else value
        for name, value in outputs.items()
    }


def _general(subject: Subject) -> Computed:
    """Id and ARN of a type that has no maker of its own: right in form, not in every detail."""
    service = subject.type.split(":")[1].split("/")[0]
    kind = subject.type.split(":")[2]
    name = subject.text("name")
    resource = re.sub(r"(?<=[a-z0-9])([A-Z])", lambda match: "-" + match[1].lower(), kind[0].lower() + kind[1:])
    arn = subject.arn(service, f"{resource}/{name or subject.hex()}")
    return Computed(name or f"{resource}-{subject.hex()}", {"arn": arn})


def _otherwise(name: str, expected: OutputProperty, subject: Subject) -> Any:
    """The value of an output that neither the program nor a maker decides; None leaves an optional one out."""
    default = expected.default()
    if default is not None:
        return default
    if not expected.computed:
        return None
    if name in ("ownerId", "accountId"):
        return ACCOUNT_ID
    if name.startswith(("created", "create")) and name.endswith(("At", "Date", "Time")):
        return subject.created_at
    [kind, *_] = alternatives(expected.hint)
    origin = getattr(kind, "__origin__", kind)
    return {str: "", bool: False, int: 0, float: 0}.get(kind, [] if "Sequence" in str(origin) or origin is list else {})
