"""What runs for people: the application and the workloads beside it, who may talk to whom, and the jobs before."""

from collections.abc import Mapping
from dataclasses import replace

import pulumi
from pulumi import Input

from infra.add_ons.keda import NAME as KEDA
from infra.add_ons.load_balancer_controller import NAME as LOAD_BALANCER_CONTROLLER
from infra.application import (
    application_environment,
    bootstrap_environment,
    migration_environment,
    telemetry_environment,
)
from infra.binding import PublicEntry
from infra.connections import POSTGRESQL_PORT, VALKEY_PORT
from infra.edge import Edge
from infra.identity import WorkloadIdentity
from infra.jobs import ReleaseJob
from infra.maintenance import MaintenanceSettings, page_runtime, page_settings
from infra.monitoring import stack as monitoring
from infra.monitoring.recording import REQUESTS
from infra.monitoring.tracing import TO_COLLECTOR
from infra.namespace import Namespace, Tenancy
from infra.placement import placement_on
from infra.pods import Runtime
from infra.policies import POD_IDENTITY, PUBLIC_APIS, Access, Flow, NetworkPolicies, Peer, aws_api
from infra.priority import APPLICATION, WORKLOAD, Priorities
from infra.release import MAINTENANCE
from infra.scaled_object import RequestMetrics
from infra.traffic import Places, accesses, together
from infra.workload import Home, Workload
from infra.workload_settings import MAINTENANCE_PAGE, WorkloadSettings
from stacks.aws.compute import Compute
from stacks.aws.context import BOOTSTRAP, Context
from stacks.aws.data_stores import DataStores
from stacks.aws.exports import export_accesses
from stacks.aws.foundation import Foundation
from stacks.aws.secret_files import secret_files
from stacks.demands import demands_on_aws
from stacks.names import APP, MIGRATE, NAMESPACE


class Application:
    """The workload `app` and what it needs around it, and the further workloads of the same namespace."""

    namespace: Namespace
    workload: Workload
    further: dict[str, Workload]

    def __init__(
        self,
        context: Context,
        foundation: Foundation,
        data: DataStores,
        compute: Compute,
        identities: dict[str, WorkloadIdentity],
        edge: Edge | None,
    ) -> None:
        self._context, self._foundation, self._compute, self._edge = context, foundation, compute, edge
        settings, here = context.settings, compute.on_kubernetes
        app, further = settings.app, settings.workloads
        self.namespace = Namespace(NAMESPACE, readiness_gates=settings.add_ons.load_balancer_controller, opts=here)
        page = page_settings(app, {} if edge else further, APP) if app.maintenance else None
        self._before = self._fences(page)
        migrate = self._prepare_database(data, identities)
        self._priorities = Priorities(NAMESPACE, opts=here).names
        secrets = [*app.secrets, *(name for each in further.values() for name in each.secrets)]
        self._before += secret_files("secrets", secrets, self.namespace.name, context, compute)
        home = self._home(APPLICATION, app, migrate, identities[APP])
        self.workload = Workload(
            APP,
            app,
            home,
            self._runtime(data),
            public=self._public_entry(edge) if edge else None,
            closed_by=self._page(app.maintenance, page, home) if app.maintenance and page else None,
            opts=here,
        )
        self.further = {
            name: Workload(name, each, self._home(WORKLOAD, each, compute.add_ons), Runtime({}), opts=here)
            for name, each in further.items()
        }

    # ---- what comes before the pods

    def _fences(self, page: WorkloadSettings | None) -> tuple[pulumi.Resource, ...]:
        """The namespace's quota and network policies."""
        settings, here = self._context.settings, self._compute.on_kubernetes
        demands = demands_on_aws(settings.app, *settings.workloads.values(), *([page] if page else []))
        return (
            Tenancy(NAMESPACE, settings.namespace, self.namespace.name, demands, self._compute.existing, opts=here),
            NetworkPolicies(NAMESPACE, self.namespace.name, self._accesses(page), opts=here),
        )

    def _prepare_database(self, data: DataStores, identities: dict[str, WorkloadIdentity]) -> ReleaseJob:
        """Its user, then its schema; the job of the latter."""
        context, database = self._context, data.database.connection
        secret_arn, extensions = data.database.master_secret_arn, context.settings.database.extensions
        told = bootstrap_environment(database, secret_arn, context.region, extensions)
        bootstrap = self._job(BOOTSTRAP, "app.bootstrap_database", told, self._compute.add_ons, identities[BOOTSTRAP])
        told = migration_environment(database, context.region)
        return self._job(MIGRATE, "app.migrate", told, bootstrap, identities[MIGRATE])

    def _job(self, name: str, module: str, told: Mapping[str, Input[str]], *after: pulumi.Resource) -> ReleaseJob:
        context = self._context
        return ReleaseJob(
            name,
            context.settings.app.image,
            ["-m", module],
            self.namespace.name,
            Runtime(told),
            placement=placement_on(context.settings.nodes, context.settings.app.node_group),
            depends_on=[*self._before, *after],
            opts=self._compute.on_kubernetes,
        )

    def _home(self, priority: str, settings: WorkloadSettings, *after: pulumi.Resource) -> Home:
        placement = placement_on(self._context.settings.nodes, settings.node_group)
        priority_class = self._priorities[priority]
        return Home(self.namespace.name, placement, priority_class, (*self._before, *after), self._request_metrics())

    # ---- what the pods are told, and who comes to them

    def _runtime(self, data: DataStores) -> Runtime:
        context, app = self._context, self._context.settings.app
        public, database, cache = self._edge is not None, data.database.connection, data.cache.connection
        served = application_environment(app, database, cache, context.region, https=public, proxies=int(public))
        return Runtime({**served, **telemetry_environment(app, context.settings.tracing, context.stack)})

    def _page(self, settings: MaintenanceSettings, page: WorkloadSettings, home: Home) -> Workload:
        public = None
        if self._edge:
            entry = self._public_entry(self._edge)
            public = replace(entry, target_group_arns={"": self._edge.target_group_arns[MAINTENANCE]}, lead_to=None)
        opts = self._compute.on_kubernetes
        return Workload(MAINTENANCE_PAGE, page, home, page_runtime(settings, page), public=public, opts=opts)

    def _request_metrics(self) -> RequestMetrics | None:
        if not self._context.settings.add_ons.keda:
            return None
        # The add-ons too: KEDA finds Prometheus by the cluster's DNS.
        before = [self._compute.controllers.releases[KEDA], self._compute.add_ons]
        return RequestMetrics(monitoring.PROMETHEUS_ADDRESS, REQUESTS, depends_on=before)

    def _public_entry(self, edge: Edge) -> PublicEntry:
        release, app = self._compute.controllers.releases[LOAD_BALANCER_CONTROLLER], self._context.settings.app
        return PublicEntry(
            edge.target_group_arns,
            self._foundation.network.vpc_id,
            # The add-ons too: when the stack goes, the controller needs the cluster's DNS until the last target is out.
            depends_on=[release, *edge.asked_for_health, self._compute.add_ons],
            lead_to=edge.lead_to if app.release.blue_green or app.maintenance else None,
        )

    def _accesses(self, page: WorkloadSettings | None) -> dict[str, Access]:
        network, settings = self._foundation.network, self._context.settings
        to_database = Flow(Peer(cidrs=network.data_cidrs), ports=(POSTGRESQL_PORT,))
        to_cache = Flow(Peer(cidrs=network.data_cidrs), ports=(VALKEY_PORT,))
        to_public = [PUBLIC_APIS] if settings.storage.application_access or settings.app.sentry_dsn else []
        to_collector = [TO_COLLECTOR] if settings.tracing else []
        prometheus = Peer(namespace=monitoring.NAMESPACE, pod_labels=monitoring.PROMETHEUS_LABELS)
        from_balancer = [Flow(Peer(cidrs=network.public_cidrs), ports=(settings.app.port,))] if settings.edge else []
        places = Places(to_database, to_cache, monitoring=prometheus if settings.monitoring.enabled else None)
        pages = {MAINTENANCE_PAGE: page} if page else {}
        found = accesses({APP: settings.app, **settings.workloads, **pages}, places)
        public = Access(
            ingress=from_balancer,  # load balancers are no pods
            egress=[to_database, to_cache, POD_IDENTITY, *to_public, *to_collector],
        )
        return {
            **found,
            APP: together(public, found[APP]),
            **{name: together(Access(ingress=from_balancer), found[name]) for name in pages},
            **export_accesses(self._context, self._foundation, to_database),
            MIGRATE: Access(egress=[to_database, POD_IDENTITY]),
            BOOTSTRAP: Access(egress=[to_database, POD_IDENTITY, aws_api(network.endpoint_cidrs)]),
        }
