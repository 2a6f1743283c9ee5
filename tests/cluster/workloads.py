"""The application as the program renders it for prod, on the tests' control plane, and ways to see what becomes of it.

Nothing is written by hand here: the objects are those that the program registers (tests/unit/plan.py), moved to a
namespace of the test's own.
"""

import contextlib
import copy
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from infra.nodes import NODE_GROUP_LABEL
from rehearsal.control_plane import ControlPlane
from rehearsal.control_plane.api import Api, Manifest
from rehearsal.control_plane.components import Pace
from rehearsal.control_plane.simulated_nodes import SimulatedNodeGroup, reconcile
from rehearsal.kubeconfig import own_connection
from rehearsal.plugins.kubernetes.api import ApiServer
from rehearsal.plugins.kubernetes.objects import kind_of_type, to_manifest
from tests.unit.plan import Plan, Registered, planned

ZONES = ("eu-west-3a", "eu-west-3b", "eu-west-3c")
ZONE = "topology.kubernetes.io/zone"
DEPLOYMENT = "kubernetes:apps/v1:Deployment"
JOB = "kubernetes:batch/v1:Job"
AUTOSCALER = "HorizontalPodAutoscaler"
BUDGET = "PodDisruptionBudget"
CLUSTER_WIDE = ("PriorityClass",)
"""Kinds without a namespace that pods of the workload name."""


def prod() -> Plan:
    """What the program registers for prod."""
    return planned("prod")


def application_deployment() -> Registered:
    """The Deployment of prod's application; it is called after its colour (docs/decisions/0017)."""
    selected = prod().only("kubernetes:core/v1:Service", "app-service").inputs["spec"]["selector"]
    [found] = [
        d
        for d in prod().of(DEPLOYMENT)
        if selected.items() <= d.inputs["spec"]["template"]["metadata"]["labels"].items()
    ]
    return found


def node_group(count: int, zones: tuple[str, ...] = ZONES) -> SimulatedNodeGroup:
    """Nodes of the group on which prod's application runs, as the program describes it."""
    selector = application_deployment().inputs["spec"]["template"]["spec"]["nodeSelector"]
    [group] = [
        group.inputs
        for group in prod().of("aws:eks/nodeGroup:NodeGroup")
        if selector.items() <= group.inputs["labels"].items()
    ]
    assert not group["taints"], "the drills give the application's nodes no taints"
    return SimulatedNodeGroup(selector[NODE_GROUP_LABEL], group["instanceTypes"][0], count, zones, group["labels"])


def rendered(namespace: str, server: ApiServer) -> dict[str, Manifest]:
    """The application's objects for prod, moved to another namespace; `Kind/name` to manifest, in the program's order.

    Left out: Jobs (tests/engine has them), and kinds that a Helm release brings, which this API server does not know.
    """
    home = application_deployment().inputs["metadata"]["namespace"]
    found: dict[str, Manifest] = {}
    for resource in prod().kubernetes():
        if resource.type == JOB or resource.type.startswith("kubernetes:helm.sh"):
            continue
        manifest = whole_numbers(to_manifest(copy.deepcopy(dict(resource.inputs))))
        kind, metadata = manifest["kind"], manifest["metadata"]
        if kind == "Namespace" and metadata["name"] == home:
            metadata["name"] = namespace
        elif metadata.get("namespace") == home:
            metadata["namespace"] = namespace
        elif kind not in CLUSTER_WIDE:
            continue
        if server.knows(kind_of_type(resource.type)):
            found[f"{kind}/{metadata.get('name', resource.name)}"] = manifest
    return found


def whole_numbers(value: Any) -> Any:
    """The same with whole numbers as such: the wire knows only floating ones."""
    if isinstance(value, dict):
        return {key: whole_numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [whole_numbers(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def is_ready(pod: Manifest) -> bool:
    """Whether a pod is on the list of those that serve: ready, and not on its way out."""
    conditions = pod.get("status", {}).get("conditions") or []
    ready = any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)
    return ready and "deletionTimestamp" not in pod["metadata"]


@dataclass
class Application:
    """The application in one namespace."""

    control_plane: ControlPlane
    api: Api
    server: ApiServer
    namespace: str
    manifests: dict[str, Manifest]

    @classmethod
    def rendered(cls, control_plane: ControlPlane, api: Api, namespace: str) -> Self:
        """What the program renders for prod; nothing is deployed yet, so that a test can change its copy."""
        server = ApiServer(own_connection(control_plane.kubeconfig))
        return cls(control_plane, api, server, namespace, rendered(namespace, server))

    @classmethod
    @contextlib.contextmanager
    def alone(cls, binaries: Path, directory: Path, pace: Pace) -> Iterator[Self]:
        """It on a control plane of its own, whose controllers have a pace of their own."""
        started = ControlPlane.start(directory, binaries, pace=pace, progress=print)
        try:
            with Api(started.kubeconfig) as api:
                yield cls.rendered(started, api, f"drill-{uuid.uuid4().hex[:8]}")
        finally:
            started.stop()

    @property
    def name(self) -> str:
        """What the Deployment and its autoscaler are called."""
        name: str = application_deployment().inputs["metadata"]["name"]
        return name

    @property
    def deployment_manifest(self) -> Manifest:
        return self.manifests[f"Deployment/{self.name}"]

    @property
    def autoscaler_manifest(self) -> Manifest:
        return self.manifests[f"{AUTOSCALER}/{self.name}"]

    def deploy(self, without: Iterable[str] = ()) -> None:
        """Applies the objects as the program's provider does (server-side), except of the kinds in `without`."""
        for manifest in self.manifests.values():
            if manifest["kind"] not in without:
                self.apply(manifest)

    def apply(self, manifest: Manifest) -> None:
        """Server-side apply under one field manager: what is left out later is taken away."""
        self.server.apply(manifest, "drill")

    def release(self, tag: str) -> None:
        """Applies the Deployment again with another tag of its image, as the program's next version does."""
        manifest = copy.deepcopy(self.deployment_manifest)
        [container] = manifest["spec"]["template"]["spec"]["containers"]
        container["image"] = f"{container['image'].rpartition(':')[0]}:{tag}"
        # The program ignores what becomes of it (`ignore_changes`); a field left out by its only owner would be set to 1.
        manifest["spec"]["replicas"] = self.deployment()["spec"]["replicas"]
        self.apply(manifest)

    def scale(self, replicas: int) -> None:
        """Sets the number of pods by hand, where no autoscaler does."""
        self.api.merge(f"{self._deployments}/{self.name}/scale", {"spec": {"replicas": replicas}})

    def deployment(self) -> Manifest:
        found: Manifest = self.api.get(f"{self._deployments}/{self.name}")
        return found

    def autoscaler(self) -> Manifest:
        path = f"/apis/autoscaling/v2/namespaces/{self.namespace}/horizontalpodautoscalers/{self.name}"
        found: Manifest = self.api.get(path)
        return found

    def budget(self) -> Manifest:
        found: Manifest = self.api.get(f"/apis/policy/v1/namespaces/{self.namespace}/poddisruptionbudgets/app")
        return found

    def pods(self) -> list[Manifest]:
        """All pods of the application that are not on their way out."""
        found = self.api.items(self.pods_path, {"labelSelector": "app.kubernetes.io/name=app"})
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def ready(self) -> int:
        """How many pods are ready."""
        return sum(map(is_ready, self.pods()))

    def serving(self) -> set[str]:
        """The addresses behind the Service."""
        query = {"labelSelector": "kubernetes.io/service-name=app"}
        slices = self.api.items(f"/apis/discovery.k8s.io/v1/namespaces/{self.namespace}/endpointslices", query)
        endpoints = [endpoint for found in slices for endpoint in found["endpoints"] or []]
        return {endpoint["addresses"][0] for endpoint in endpoints if endpoint["conditions"]["ready"]}

    def rolled_out(self, replicas: int) -> bool:
        """Whether the controller has seen the last change, and all pods are of the last version and available."""
        found = self.deployment()
        status = found["status"]
        counts = [status.get(name, 0) for name in ("replicas", "updatedReplicas", "availableReplicas")]
        return status.get("observedGeneration") == found["metadata"]["generation"] and counts == [replicas] * 3

    def hosts(self) -> Counter[str]:
        """How many pods each node of the group has; a node without any counts as 0."""
        query = {"labelSelector": f"eks.amazonaws.com/nodegroup={node_group(0).name}"}
        hosts = Counter({node["metadata"]["name"]: 0 for node in self.api.items("/api/v1/nodes", query)})
        hosts.update(pod["spec"]["nodeName"] for pod in self.pods() if is_ready(pod))
        return hosts

    def zones(self) -> Counter[str]:
        """How many pods each zone has."""
        zones = Counter[str]()
        for host, count in self.hosts().items():
            zones[next(zone for zone in ZONES if zone in host)] += count
        return zones

    def events(self, reason: str) -> list[str]:
        """The messages of events, the oldest first."""
        path = f"/api/v1/namespaces/{self.namespace}/events"
        found = self.api.items(path, {"fieldSelector": f"reason={reason}"})
        found.sort(key=lambda event: int(event["metadata"]["resourceVersion"]))
        return [event["message"] for event in found]

    def nodes(self, count: int, zones: tuple[str, ...] = ZONES) -> list[str]:
        """Makes the application's node group have this many nodes in these zones; returns their names."""
        return reconcile(self.control_plane.kubeconfig, node_group(count, zones))

    @property
    def pods_path(self) -> str:
        return f"/api/v1/namespaces/{self.namespace}/pods"

    @property
    def _deployments(self) -> str:
        return f"/apis/apps/v1/namespaces/{self.namespace}/deployments"


def skew(counts: Mapping[str, int]) -> int:
    """How many more pods the fullest domain has than the emptiest."""
    return max(counts.values()) - min(counts.values())
