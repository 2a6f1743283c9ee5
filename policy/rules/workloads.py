"""Pods: what they ask for, how they are watched, what they may do on their node."""

from collections.abc import Iterator, Mapping
from typing import Any

from policy.planned_resource import UNKNOWN, Resource
from policy.rule import Findings, Rule

LASTING = ("kubernetes:apps/v1:Deployment", "kubernetes:apps/v1:StatefulSet", "kubernetes:apps/v1:DaemonSet")
PODS = (*LASTING, "kubernetes:batch/v1:Job", "kubernetes:batch/v1:CronJob", "kubernetes:core/v1:Pod")

AMOUNTS = ("requests.cpu", "requests.memory", "limits.memory")
"""What every container says; a limit of CPU is each workload's own choice."""


def pod(it: Resource) -> Mapping[str, Any]:
    """The pod's own part of an object that makes pods; empty while it is not known."""
    path = {"kubernetes:core/v1:Pod": "spec", "kubernetes:batch/v1:CronJob": "spec.jobTemplate.spec.template.spec"}
    found = it[path.get(it.type, "spec.template.spec")]
    return found if isinstance(found, Mapping) else {}


def containers(it: Resource) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every container, with the list in which it stands (`containers` or `initContainers`)."""
    for kind in ("containers", "initContainers"):
        listed = it.seen(pod(it).get(kind)) or []
        for container in listed if isinstance(listed, list) else []:
            if isinstance(it.seen(container), Mapping):
                yield kind, container


def _at(it: Resource, value: Any, path: str) -> Any:
    for key in path.split("."):
        value = it.seen(value.get(key)) if isinstance(value, Mapping) else value if value is UNKNOWN else None
    return value


def _says_what_it_needs(it: Resource) -> Findings:
    for _, container in containers(it):
        missing = [amount for amount in AMOUNTS if _at(it, container, f"resources.{amount}") in (None, "")]
        if missing:
            yield f"Container {container.get('name')} lacks {', '.join(missing)}."


def _is_probed(it: Resource) -> Findings:
    for kind, container in containers(it):
        if kind == "containers":
            missing = [probe for probe in ("livenessProbe", "readinessProbe") if not container.get(probe)]
            if missing:
                yield f"Container {container.get('name')} has no {' and no '.join(missing)}."


def _is_restricted(it: Resource) -> Findings:
    whole = pod(it)
    for path in ("hostNetwork", "hostPID", "hostIPC"):
        if whole.get(path):
            yield f"{path} is true."
    for volume in whole.get("volumes") or ():
        if isinstance(volume, Mapping) and "hostPath" in volume:
            yield f"Volume {volume.get('name')} is a folder of the node (hostPath)."
    for _, container in containers(it):
        name = container.get("name")
        wanted = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True}
        for key, value in wanted.items():
            if _at(it, container, f"securityContext.{key}") not in (value, UNKNOWN):
                yield f"Container {name}: {key} is not {str(value).lower()}."
        if _at(it, container, "securityContext.privileged") is True:
            yield f"Container {name} is privileged."
        if "ALL" not in (_at(it, container, "securityContext.capabilities.drop") or ()):
            yield f"Container {name} keeps capabilities: drop ALL is missing."
        for key, text in {"runAsNonRoot": "true", "seccompProfile.type": "RuntimeDefault"}.items():
            found = [_at(it, part, f"securityContext.{key}") for part in (container, whole)]
            if UNKNOWN not in found and text not in [str(value).replace("True", "true") for value in found]:
                yield f"Container {name}: {key} is not {text}."


def _brings_no_token(it: Resource) -> Findings:
    if pod(it) and pod(it).get("automountServiceAccountToken") is not False:
        yield "automountServiceAccountToken is not false."


def _has_a_namespace(it: Resource) -> Findings:
    if it["metadata.namespace"] in (None, "", "default"):
        yield f"Its namespace is {it['metadata.namespace'] or 'left out'}."


RULES = (
    Rule(
        name="containers-say-what-they-need",
        says="Containers have requests of CPU and memory, and a limit of memory.",
        why="The scheduler packs nodes by requests; without a limit one leak takes its neighbours with it.",
        fix="Set app.resources (or the workload's) in the stack file.",
        types=PODS,
        check=_says_what_it_needs,
    ),
    Rule(
        name="containers-are-probed",
        says="Containers that stay have a liveness and a readiness probe.",
        why="Without them traffic reaches pods that can't answer, and hung ones stay.",
        fix="Give the workload its probes (infra/pods.py).",
        types=LASTING,
        check=_is_probed,
    ),
    Rule(
        name="pods-are-restricted",
        says="Pods keep to the Pod Security Standard `restricted`, on a read-only file system.",
        why="What breaks out of a container has the node, and every pod on it.",
        fix="Make pods with infra/pods.py, whose security context does all of it.",
        types=PODS,
        check=_is_restricted,
    ),
    Rule(
        name="pods-bring-no-token",
        says="Pods bring no token of the Kubernetes API.",
        why="What takes over a pod acts as its service account.",
        fix="Set automount_service_account_token to False; AWS is reached by Pod Identity.",
        types=PODS,
        check=_brings_no_token,
    ),
    Rule(
        name="pods-have-a-namespace",
        says="Nothing runs in the namespace `default`.",
        why="Quotas, limits, network policies and the pod security standard hang on namespaces of the platform's own.",
        fix="Name the namespace.",
        types=PODS,
        check=_has_a_namespace,
    ),
)
