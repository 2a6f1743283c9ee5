"""The workload: any container with its service, its scaling, its spread, its disruption budget and its releases."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import Input, Output, ResourceOptions

from infra.binding import PublicEntry, bind
from infra.jobs import ReleaseJob
from infra.naming import object_metadata, selector_labels
from infra.placement import ANY_NODE, Placement
from infra.pod_template import pod_template
from infra.pods import Runtime
from infra.release import MAINTENANCE, colour_labels, colour_of, version_name
from infra.scaled_object import RequestMetrics, scale_by_requests
from infra.scaling import KEDA_MAY_FOLLOW, AutoscalingSettings, autoscaler_spec, budget_spec
from infra.service_account import service_account
from infra.traffic import check_name
from infra.workload_settings import WorkloadSettings


@dataclass(frozen=True)
class Home:
    """Where a workload runs, and what must be there before its first pod."""

    namespace: Input[str]
    placement: Placement = ANY_NODE
    priority_class: Input[str] | None = None
    """Unless its settings name another one."""
    depends_on: tuple[pulumi.Resource, ...] = ()
    request_metrics: RequestMetrics | None = None
    """Needed where settings scale by requests a second."""


class Workload(pulumi.ComponentResource):
    """A container in production form.

    Type token: `marlinspike:workload:Workload`. Makes a service account without a token, a Service, a Deployment, and where
    the settings ask for them a ConfigMap with files, a HorizontalPodAutoscaler and a PodDisruptionBudget. With `public`, its
    pods are targets of that load balancer. With `closed_by`, another workload stands in for it: who comes from outside is sent
    there by the load balancer, or where there is none by the Service. Its own pods run on.

    Blue-green: a Deployment, a Service and an autoscaler for each version, named with its colour. The workload's own Service,
    the budget and the load balancer turn to a version once it is up and checked. Pulumi deletes the last version's objects at
    the end of an update that succeeded: one that fails leaves everything with the last version.
    """

    service_name: Output[str]
    deployment: kubernetes.apps.v1.Deployment
    """Of the version that serves."""
    deployment_name: str

    def __init__(
        self,
        name: str,
        settings: WorkloadSettings,
        home: Home,
        runtime: Runtime,
        public: PublicEntry | None = None,
        closed_by: "Workload | None" = None,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("marlinspike:workload:Workload", name, {}, opts)
        self._workload, self._settings, self._home, self._public = name, settings, home, public
        self._closed_by = closed_by
        self._metadata = object_metadata(name, home.namespace)
        self._runtime = replace(runtime, environment={**runtime.environment, **settings.environment})
        self._before: list[pulumi.Resource] = [*home.depends_on, service_account(name, home.namespace, self)]
        self._files_name = self._files()
        service = self._side_by_side() if settings.release.blue_green else self._one_by_one()
        self.service_name = service.metadata.name.apply(str)
        self.register_outputs({"serviceName": self.service_name})

    # ---- releases

    def _one_by_one(self) -> kubernetes.core.v1.Service:
        """The Service comes before the pods, so that load balancers know them from the first one on."""
        name, labels = self._workload, selector_labels(self._workload)
        service = self._service(name, *self._door(labels, None))
        binding = [bind(name, self._home.namespace, service, self._public, "", self)] if self._public else []
        self.deployment_name = name
        self.deployment = self._deploy(name, self._settings.image, labels, [service, *binding])
        if self._closed_by:
            self._lead("", [])
        self._budget(labels)
        return service

    def _side_by_side(self) -> kubernetes.core.v1.Service:
        """First the versions, each with a Service of its own; then, with everything that asks for pods, the switch."""
        ready: dict[str, list[pulumi.Resource]] = {}
        for image in self._settings.images:
            version, labels = version_name(self._workload, image), colour_labels(self._workload, image)
            service = self._service(version, labels, None)
            colour, namespace = colour_of(image), self._home.namespace
            binding = [bind(version, namespace, service, self._public, colour, self)] if self._public else []
            deployment = self._deploy(version, image, labels, [service, *binding])
            ready[image] = [deployment, *self._check(image, deployment, version)]
            if image == self._settings.image:
                self.deployment, self.deployment_name = deployment, version
        image = self._settings.image
        switched = [*ready[image], *self._lead(colour_of(image), ready[image])]
        labels = colour_labels(self._workload, image)
        self._budget(labels, switched)
        # Awaited, for ten seconds at least: the load balancer has turned to the new version before the old pods are asked to go.
        return self._service(self._workload, *self._door(labels, switched))

    def _lead(self, colour: str, after: list[pulumi.Resource]) -> list[pulumi.Resource]:
        """The rule by which the load balancer sends the requests, where that is for this workload to say."""
        if not (self._public and self._public.lead_to):
            return []
        if self._closed_by:
            return [self._public.lead_to(MAINTENANCE, [*after, self._closed_by.deployment])]
        return [self._public.lead_to(colour, after)]

    def _door(
        self, labels: Mapping[str, str], after: list[pulumi.Resource] | None
    ) -> tuple[Mapping[str, str], list[pulumi.Resource] | None]:
        """Whom the workload's own Service selects, and after what: where no load balancer stands before it, it is the entry."""
        page = self._closed_by
        if page is None or self._public:
            return labels, after
        return selector_labels(page.deployment_name), [*(after or []), page.deployment]

    def _check(self, image: str, deployment: pulumi.Resource, version: str) -> list[pulumi.Resource]:
        arguments = self._settings.release.check
        if not arguments:
            return []
        runtime = replace(self._runtime, environment={**self._runtime.environment, "CHECK_URL": f"http://{version}"})
        return [
            ReleaseJob(
                f"{check_name(self._workload)}-{colour_of(image)}",
                image,
                [*arguments],
                self._home.namespace,
                runtime,
                service_account=self._workload,
                placement=self._home.placement,
                workload=check_name(self._workload),
                depends_on=[*self._before, deployment],
                opts=ResourceOptions(parent=self),
            )
        ]

    # ---- objects

    def _files(self) -> str | None:
        """A ConfigMap that never changes: other content has another name, and pods that leave keep theirs."""
        files = self._settings.files
        if not files:
            return None
        name = f"{self._workload}-{hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()[:8]}-files"
        self._before.append(
            kubernetes.core.v1.ConfigMap(
                name,
                metadata={**self._metadata, "name": name},
                immutable=True,
                data={f"file-{index}": files[path] for index, path in enumerate(sorted(files))},
                opts=ResourceOptions(parent=self),
            )
        )
        return name

    def _service(
        self, object_name: str, labels: Mapping[str, str], after: list[pulumi.Resource] | None
    ) -> kubernetes.core.v1.Service:
        """Awaited where it comes after its pods. Only the workload's own is found by monitoring."""
        ports: list[Input[kubernetes.core.v1.ServicePortArgsDict]] = [
            {"name": "http", "port": 80, "target_port": "http", "protocol": "TCP"}
        ]
        if self._settings.metrics_port is not None:
            ports.append(
                {
                    "name": "metrics",
                    "port": self._settings.metrics_port,
                    "target_port": "metrics",
                    "protocol": "TCP",
                }
            )
        metadata = object_metadata(object_name, self._home.namespace)
        if after is None:
            metadata["annotations"] = {"pulumi.com/skipAwait": "true"}
        return kubernetes.core.v1.Service(
            f"{object_name}-service",
            metadata=metadata,
            spec={"selector": dict(labels), "ports": ports},
            opts=ResourceOptions(parent=self, depends_on=after),
        )

    def _deploy(
        self, object_name: str, image: str, labels: Mapping[str, str], after: list[pulumi.Resource]
    ) -> kubernetes.apps.v1.Deployment:
        settings, home = self._settings, self._home
        spec: kubernetes.apps.v1.DeploymentSpecArgsDict = {
            "selector": {"match_labels": dict(labels)},
            "strategy": {"type": "RollingUpdate", "rolling_update": {"max_unavailable": 0, "max_surge": "25%"}},
            "min_ready_seconds": 5,
            "progress_deadline_seconds": settings.release.deadline_seconds,
            "revision_history_limit": 5,
            "template": pod_template(
                self._workload,
                settings,
                image,
                labels,
                self._runtime,
                self._files_name,
                home.placement,
                home.priority_class,
            ),
        }
        if not settings.autoscaling:
            spec["replicas"] = settings.least_replicas
        elif settings.release.blue_green:
            # It gets all requests at once: one pod, with which autoscaled Deployments begin, would not do.
            spec["replicas"] = settings.release.replicas or settings.least_replicas
        deployment = kubernetes.apps.v1.Deployment(
            f"{object_name}-deployment",
            metadata={**self._metadata, "name": object_name},
            spec=spec,
            opts=ResourceOptions(
                parent=self,
                depends_on=[*self._before, *after],
                # The autoscaler owns the number of pods (pulumi-kubernetes#2491).
                ignore_changes=["spec.replicas"] if settings.autoscaling else None,
            ),
        )
        if settings.autoscaling:
            self._scale(object_name, settings.autoscaling, deployment)
        return deployment

    def _scale(
        self, object_name: str, settings: AutoscalingSettings, deployment: kubernetes.apps.v1.Deployment
    ) -> None:
        home = self._home
        if settings.requests_per_second is not None:
            if home.request_metrics is None:
                raise ValueError(f"{self._workload}: requests_per_second needs a home with request_metrics")
            scale_by_requests(
                self._workload, object_name, home.namespace, settings, home.request_metrics, deployment, parent=self
            )
            return
        kubernetes.autoscaling.v2.HorizontalPodAutoscaler(
            f"{object_name}-autoscaler",
            metadata={**self._metadata, "name": object_name, "annotations": KEDA_MAY_FOLLOW},
            spec=autoscaler_spec(object_name, self._workload, settings),
            opts=ResourceOptions(parent=self, depends_on=[deployment]),
        )

    def _budget(self, labels: Mapping[str, str], after: list[pulumi.Resource] | None = None) -> None:
        """Of the pods that serve alone: others would count as if they could take their place."""
        if self._settings.disruption_budget:
            kubernetes.policy.v1.PodDisruptionBudget(
                f"{self._workload}-disruption-budget",
                metadata=self._metadata,
                spec=budget_spec(labels, self._settings.disruption_budget),
                opts=ResourceOptions(parent=self, depends_on=after),
            )
