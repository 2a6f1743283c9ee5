"""Workloads, images, charts and add-ons."""

from collections.abc import Mapping
from typing import Any

from tests.unit.policies import UNKNOWN, Case, Planned

DEPLOYMENT = "kubernetes:apps/v1:Deployment"
JOB = "kubernetes:batch/v1:Job"
POD = "kubernetes:core/v1:Pod"
CRON_JOB = "kubernetes:batch/v1:CronJob"

CONTAINER: Mapping[str, Any] = {
    "name": "app",
    "image": "registry.example/app:1.2.3",
    "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
    "livenessProbe": {"httpGet": {"path": "/healthz"}},
    "readinessProbe": {"httpGet": {"path": "/readyz"}},
    "securityContext": {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    },
}

POD_SPEC: Mapping[str, Any] = {
    "automountServiceAccountToken": False,
    "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
}


def pods(
    kind: str = DEPLOYMENT, spec: Mapping[str, Any] | None = None, namespace: str = "shop", **container: Any
) -> Planned:
    """An object with one good container, changed by `container`, in a good pod, changed by `spec`."""
    whole = {**POD_SPEC, "containers": [{**CONTAINER, **container}], **(spec or {})}
    nested: dict[str, Any] = whole if kind == POD else {"template": {"spec": whole}}
    if kind == CRON_JOB:
        nested = {"jobTemplate": {"spec": nested}}
    return Planned(kind, {"metadata": {"namespace": namespace} if namespace else {}, "spec": nested})


def context(**changed: Any) -> dict[str, Any]:
    return {**CONTAINER["securityContext"], **changed}


CASES = {
    "images-have-versions": Case(
        good=[
            pods(),
            pods(image="registry.example:5000/app:1"),
            pods(image="app@sha256:" + "0" * 64),
            pods(image=UNKNOWN),
        ],
        bad=[
            (pods(image="app"), "runs app: no version"),
            (pods(image="registry.example:5000/app"), "no version"),
            (pods(CRON_JOB, image="app:latest"), "no version"),
            (pods(spec={"initContainers": [{"name": "first", "image": "busybox"}]}), "Container first"),
        ],
    ),
    "charts-have-versions": Case(
        good=[Planned("kubernetes:helm.sh/v3:Release", {"version": "1.2.3"})],
        bad=[(Planned("kubernetes:helm.sh/v3:Release"), "newest chart")],
    ),
    "add-ons-have-versions": Case(
        good=[Planned("aws:eks/addon:Addon", {"addonVersion": "v1"})],
        bad=[(Planned("aws:eks/addon:Addon"), "AWS chooses")],
    ),
    "containers-say-what-they-need": Case(
        good=[pods(), pods(JOB), pods(POD)],
        bad=[
            (pods(resources={}), "lacks requests.cpu, requests.memory, limits.memory"),
            (pods(POD, resources={"requests": {"cpu": "1", "memory": "1Gi"}}), "lacks limits.memory"),
        ],
    ),
    "containers-are-probed": Case(
        good=[pods(), pods(spec={"initContainers": [{"name": "first"}]})],
        bad=[
            (pods(livenessProbe=None), "no livenessProbe"),
            (pods(livenessProbe=None, readinessProbe=None), "no livenessProbe and no readinessProbe"),
        ],
    ),
    "pods-are-restricted": Case(
        good=[pods(), pods(JOB), pods(POD), pods(securityContext=UNKNOWN)],
        bad=[
            (pods(securityContext=context(allowPrivilegeEscalation=True)), "allowPrivilegeEscalation is not false"),
            (pods(securityContext=context(readOnlyRootFilesystem=False)), "readOnlyRootFilesystem is not true"),
            (pods(securityContext=context(privileged=True)), "is privileged"),
            (pods(securityContext=context(capabilities={})), "drop ALL is missing"),
            (pods(spec={"securityContext": {}}), "runAsNonRoot is not true"),
            (pods(spec={"securityContext": {}}), "seccompProfile.type is not RuntimeDefault"),
            (pods(spec={"hostNetwork": True}), "hostNetwork is true"),
            (pods(spec={"volumes": [{"name": "logs", "hostPath": {"path": "/var/log"}}]}), "Volume logs"),
        ],
    ),
    "pods-bring-no-token": Case(
        good=[pods()],
        bad=[(pods(spec={"automountServiceAccountToken": True}), "automountServiceAccountToken")],
    ),
    "pods-have-a-namespace": Case(
        good=[pods()],
        bad=[(pods(namespace=""), "left out"), (pods(namespace="default"), "is default")],
    ),
}
