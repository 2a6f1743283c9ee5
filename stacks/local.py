"""A stack on any Kubernetes cluster, without AWS: PostgreSQL and Valkey run beside the application."""

from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import Output, ResourceOptions

from infra.add_ons import CertManagerSettings
from infra.add_ons.cert_manager import NAME as CERT_MANAGER
from infra.add_ons.cert_manager import cert_manager
from infra.add_ons.cloudnative_pg import NAME as CLOUDNATIVE_PG
from infra.add_ons.cloudnative_pg import cloudnative_pg
from infra.add_ons.controller import Controllers
from infra.application import application_environment, migration_environment
from infra.connections import POSTGRESQL_PORT, VALKEY_PORT
from infra.in_cluster.cache import InClusterCache
from infra.in_cluster.cloudnative_pg import CloudNativePgDatabase, operated
from infra.in_cluster.credentials import Credentials
from infra.in_cluster.database import InClusterDatabase
from infra.ingress import SOLVER, SOLVER_PORT, Ingress
from infra.jobs import ReleaseJob
from infra.maintenance import page_runtime, page_settings
from infra.namespace import Namespace, Tenancy
from infra.placement import ANY_NODE
from infra.pods import Runtime
from infra.policies import KUBERNETES_API, Access, Flow, NetworkPolicies, Peer
from infra.priority import APPLICATION, WORKLOAD, Priorities
from infra.traffic import CACHE as ANY_CACHE
from infra.traffic import DATABASE as ANY_DATABASE
from infra.traffic import Places, accesses, callers_of, together
from infra.workload import Home, Workload
from infra.workload_settings import MAINTENANCE_PAGE, WorkloadSettings
from stacks.demands import demands_on_local
from stacks.kubernetes import providers
from stacks.names import APP, MIGRATE, NAMESPACE
from stacks.settings import LocalSettings

CREDENTIALS = "credentials"
DATABASE = "postgresql"
CACHE = "valkey"

ANYWHERE = Peer(cidrs=("0.0.0.0/0",))
"""Without an ingress: whoever reaches the pod may call it, by `kubectl port-forward` or a Service of somebody's own."""


class LocalStack:
    """Composes the components; `outputs` are what the stack exports."""

    outputs: dict[str, Output[Any] | str]

    def __init__(self, settings: LocalSettings) -> None:
        provider, existing = providers(context=settings.kubernetes.context)
        self._settings, self._here = settings, ResourceOptions(providers=[provider])
        app, here = settings.app, self._here
        self._namespace = Namespace(NAMESPACE, opts=here).name
        page = page_settings(app, settings.workloads, APP) if app.maintenance else None
        pages = [page] if page else []
        demands = demands_on_local(settings.database, settings.cache, app, *settings.workloads.values(), *pages)
        tenancy = Tenancy(NAMESPACE, settings.namespace, self._namespace, demands, existing, opts=here)
        controllers = self._controllers()
        policies = NetworkPolicies(NAMESPACE, self._namespace, _accesses(settings, page), opts=here)
        fences = (policies, tenancy)
        after_fences = ResourceOptions(providers=[provider], depends_on=fences)
        credentials = Credentials(CREDENTIALS, app.image, self._namespace, opts=after_fences)
        database = self._database(credentials, [*fences, *controllers.get(CLOUDNATIVE_PG, ())])
        logins = (credentials.secret_name, database.secret_keys)
        cache = InClusterCache(CACHE, settings.cache, self._namespace, credentials, opts=here)
        migrate = ReleaseJob(
            MIGRATE,
            app.image,
            ["-m", "app.migrate"],
            self._namespace,
            Runtime(migration_environment(database.connection, region=None), *logins),
            depends_on=[database, credentials],
            opts=here,
        )
        priorities = Priorities(NAMESPACE, opts=here).names
        home = Home(self._namespace, priority_class=priorities[APPLICATION], depends_on=(migrate, cache))
        closed_by = None
        if app.maintenance and page:
            closed_by = Workload(MAINTENANCE_PAGE, page, home, page_runtime(app.maintenance, page), opts=here)
        served = application_environment(
            app,
            database.connection,
            cache.connection,
            region=None,
            https=settings.ingress is not None and settings.ingress.certificate is not None,
            proxies=settings.ingress.proxies if settings.ingress else 0,
        )
        workload = Workload(APP, app, home, Runtime(served, *logins), closed_by=closed_by, opts=here)
        for name, further in settings.workloads.items():
            home = Home(self._namespace, priority_class=priorities[WORKLOAD], depends_on=fences)
            Workload(name, further, home, Runtime({}), opts=here)
        address = self._address(workload, [policies, *controllers.get(CERT_MANAGER, ())])
        self.outputs = {"namespace": NAMESPACE, "image": app.image, "open": address}

    def _controllers(self) -> dict[str, list[kubernetes.helm.v3.Release]]:
        """The operators that the stack installs, by chart, each in a list; the cluster may have others already."""
        add_ons = self._settings.add_ons
        chosen = [
            *([cert_manager(CertManagerSettings(), ANY_NODE)] if add_ons.cert_manager else []),
            *([cloudnative_pg()] if add_ons.cloudnative_pg else []),
        ]
        releases = Controllers(NAMESPACE, chosen, {}, opts=self._here).releases if chosen else {}
        return {chart: [release] for chart, release in releases.items()}

    def _database(
        self, credentials: Credentials, before: list[pulumi.Resource]
    ) -> InClusterDatabase | CloudNativePgDatabase:
        """By the operator where the settings ask for it, which has to be there before."""
        settings = self._settings.database
        if settings.operator:
            return CloudNativePgDatabase(DATABASE, settings, self._namespace, before, opts=self._here)
        return InClusterDatabase(DATABASE, settings, self._namespace, credentials, opts=self._here)

    def _address(self, workload: Workload, before: list[pulumi.Resource]) -> Output[str] | str:
        """How people open the application: the ingress' address, or the command that leads there."""
        if self._settings.ingress:
            service = workload.service_name
            return Ingress(APP, self._settings.ingress, self._namespace, service, before, opts=self._here).address
        return Output.concat(
            "kubectl --namespace ", self._namespace, " port-forward service/", workload.service_name, " 5000:80"
        )


def _accesses(settings: LocalSettings, page: WorkloadSettings | None) -> dict[str, Access]:
    to_database = Flow(Peer(workload=DATABASE), ports=(POSTGRESQL_PORT,))
    to_cache = Flow(Peer(workload=CACHE), ports=(VALKEY_PORT,))
    pages = {MAINTENANCE_PAGE: page} if page else {}
    workloads = {APP: settings.app, **settings.workloads, **pages}
    found = accesses(workloads, Places(to_database, to_cache, monitoring=None))
    ingress = settings.ingress
    entry = Peer(namespace=ingress.namespace, pod_labels=ingress.pod_labels) if ingress else ANYWHERE
    public = Access(ingress=[Flow(entry, ports=(settings.app.port,))], egress=[to_database, to_cache])
    to_them = {
        DATABASE: ([APP, MIGRATE, *callers_of(ANY_DATABASE, settings.workloads)], POSTGRESQL_PORT),
        CACHE: ([APP, *callers_of(ANY_CACHE, settings.workloads)], VALKEY_PORT),
    }
    servers = {
        server: Access(ingress=[Flow(Peer(workload=client), ports=(port,)) for client in clients])
        for server, (clients, port) in to_them.items()
    }
    if settings.database.operator:
        servers[DATABASE] = together(servers[DATABASE], operated(DATABASE))
    if ingress and ingress.asks_the_world:
        servers[SOLVER] = Access(ingress=[Flow(entry, ports=(SOLVER_PORT,))])
    return {
        **found,
        APP: together(public, found[APP]),
        **{name: together(Access(ingress=public.ingress), found[name]) for name in pages},
        MIGRATE: Access(egress=[to_database]),
        CREDENTIALS: Access(egress=[KUBERNETES_API]),
        **servers,
    }
