"""What runs for people: the application and the workloads beside it, who may talk to whom, and the jobs before."""

from collections.abc import Sequence
from dataclasses import replace

import pulumi

from infra.add_ons.external_secrets import NAME as EXTERNAL_SECRETS
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
from infra.secret_store import ExternalSecrets
from infra.traffic import Places, accesses, together
from infra.workload import Home, Workload
from infra.workload_settings import MAINTENANCE_PAGE, WorkloadSettings
from stacks.aws.compute import Compute
from stacks.aws.context import APP, BOOTSTRAP, MIGRATE, NAMESPACE, Context
from stacks.aws.data_stores import DataStores
from stacks.aws.exports import export_accesses
from stacks.aws.foundation import Foundation
from stacks.demands import demands_on_aws


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
        self._context, self._foundation, self._compute = context, foundation, compute
        app, region, here = context.settings.app, context.region, compute.on_kubernetes
        database = data.database.connection
        placement = placement_on(context.settings.nodes, app.node_group)
        self.namespace = Namespace(
            NAMESPACE, readiness_gates=context.settings.add_ons.load_balancer_controller, opts=here
        )
        further = context.settings.workloads
        page = page_settings(app, {} if edge else further, APP) if app.maintenance else None
        before = (
            Tenancy(
                NAMESPACE,
                context.settings.namespace,
                self.namespace.name,
                demands_on_aws(app, *further.values(), *([page] if page else [])),
                compute.existing,
                opts=here,
            ),
            NetworkPolicies(NAMESPACE, self.namespace.name, self._accesses(page), opts=here),
        )
        bootstrap = ReleaseJob(
            BOOTSTRAP,
            app.image,
            ["-m", "app.bootstrap_database"],
            self.namespace.name,
            Runtime(
                bootstrap_environment(
                    database, data.database.master_secret_arn, region, context.settings.database.extensions
                )
            ),
            placement=placement,
            depends_on=[*before, compute.add_ons, identities[BOOTSTRAP]],
            opts=here,
        )
        migrate = ReleaseJob(
            MIGRATE,
            app.image,
            ["-m", "app.migrate"],
            self.namespace.name,
            Runtime(migration_environment(database, region)),
            placement=placement,
            depends_on=[*before, bootstrap, identities[MIGRATE]],
            opts=here,
        )
        priorities = Priorities(NAMESPACE, opts=here).names
        secrets = self._secrets(sorted({name for each in (app, *further.values()) for name in each.secrets}))
        home = Home(
            self.namespace.name,
            placement,
            priorities[APPLICATION],
            (*before, *secrets, migrate, identities[APP]),
            self._request_metrics(),
        )
        self.workload = Workload(
            APP,
            app,
            home,
            Runtime(
                {
                    **application_environment(
                        app,
                        database,
                        data.cache.connection,
                        region,
                        https=edge is not None,
                        proxies=int(edge is not None),
                    ),
                    **telemetry_environment(app, context.settings.tracing, context.stack),
                }
            ),
            public=self._public_entry(edge) if edge else None,
            closed_by=self._page(app.maintenance, page, home, edge) if app.maintenance and page else None,
            opts=here,
        )
        self.further = {}
        for name, settings in further.items():
            nodes = placement_on(context.settings.nodes, settings.node_group)
            before_it = (*before, *secrets, compute.add_ons)
            home = Home(self.namespace.name, nodes, priorities[WORKLOAD], before_it, self._request_metrics())
            self.further[name] = Workload(name, settings, home, Runtime({}), opts=here)

    def _page(self, settings: MaintenanceSettings, page: WorkloadSettings, home: Home, edge: Edge | None) -> Workload:
        public = None
        if edge:
            entry = self._public_entry(edge)
            public = replace(entry, target_group_arns={"": edge.target_group_arns[MAINTENANCE]}, lead_to=None)
        opts = self._compute.on_kubernetes
        return Workload(MAINTENANCE_PAGE, page, home, page_runtime(settings, page), public=public, opts=opts)

    def _secrets(self, names: Sequence[str]) -> list[pulumi.Resource]:
        """Those that workloads find as files; none where no workload asks."""
        if not names:
            return []
        context, compute = self._context, self._compute
        return [
            ExternalSecrets(
                "secrets",
                context.settings.secret_store,
                names,
                self.namespace.name,
                context.owner,
                context.region,
                # The add-ons too: without the cluster's DNS the operator finds no store.
                depends_on=[compute.controllers.releases[EXTERNAL_SECRETS], compute.add_ons],
                opts=compute.on_kubernetes,
            )
        ]

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
