"""A stack on any Kubernetes cluster, without AWS: PostgreSQL and Valkey run beside the application."""

from typing import Any

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
from infra.naming import PROJECT
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
from stacks.settings import LocalSettings

APP = "app"
NAMESPACE = PROJECT
CREDENTIALS = "credentials"
DATABASE = "postgresql"
CACHE = "valkey"
MIGRATE = "database-migrate"

ANYWHERE = Peer(cidrs=("0.0.0.0/0",))
"""Without an ingress: whoever reaches the pod may call it, by `kubectl port-forward` or a Service of somebody's own."""


class LocalStack:
    """Composes the components; `outputs` are what the stack exports."""

    outputs: dict[str, Output[Any] | str]

    def __init__(self, settings: LocalSettings) -> None:
        provider, existing = (
            kubernetes.Provider(
                name,
                context=settings.kubernetes.context,
                enable_server_side_apply=True,
                upsert_existing_objects=takes_over,
            )
            for name, takes_over in (("kubernetes", None), ("kubernetes-existing", True))
        )
        here = ResourceOptions(providers=[provider])
        namespace = Namespace(NAMESPACE, opts=here)
        app = settings.app
        page = page_settings(app, settings.workloads, APP) if app.maintenance else None
        pages = [page] if page else []
        demands = demands_on_local(settings.database, settings.cache, app, *settings.workloads.values(), *pages)
        tenancy = Tenancy(NAMESPACE, settings.namespace, namespace.name, demands, existing, opts=here)
        controllers = self._controllers(settings, here)
        policies = NetworkPolicies(NAMESPACE, namespace.name, _accesses(settings, page), opts=here)
        after_policies = ResourceOptions(providers=[provider], depends_on=[policies, tenancy])
        credentials = Credentials(CREDENTIALS, settings.app.image, namespace.name, opts=after_policies)
        database: InClusterDatabase | CloudNativePgDatabase
        if settings.database.operator:
            installed = [controllers[CLOUDNATIVE_PG]] if settings.add_ons.cloudnative_pg else []
            database = CloudNativePgDatabase(
                DATABASE, settings.database, namespace.name, [policies, tenancy, *installed], opts=here
            )
        else:
            database = InClusterDatabase(DATABASE, settings.database, namespace.name, credentials, opts=here)
        cache = InClusterCache(CACHE, settings.cache, namespace.name, credentials, opts=here)
        migrate = ReleaseJob(
            MIGRATE,
            settings.app.image,
            ["-m", "app.migrate"],
            namespace.name,
            Runtime(
                migration_environment(database.connection, region=None), credentials.secret_name, database.secret_keys
            ),
            depends_on=[database, credentials],
            opts=here,
        )
        priorities = Priorities(NAMESPACE, opts=here).names
        home = Home(namespace.name, priority_class=priorities[APPLICATION], depends_on=(migrate, cache))
        closed_by = None
        if app.maintenance and page:
            closed_by = Workload(MAINTENANCE_PAGE, page, home, page_runtime(app.maintenance, page), opts=here)
        workload = Workload(
            APP,
            app,
            home,
            Runtime(
                application_environment(
                    settings.app,
                    database.connection,
                    cache.connection,
                    region=None,
                    https=settings.ingress is not None and settings.ingress.certificate is not None,
                    proxies=settings.ingress.proxies if settings.ingress else 0,
                ),
                credentials.secret_name,
                database.secret_keys,
            ),
            closed_by=closed_by,
            opts=here,
        )
        for name, further in settings.workloads.items():
            home = Home(namespace.name, priority_class=priorities[WORKLOAD], depends_on=(policies, tenancy))
            Workload(name, further, home, Runtime({}), opts=here)
        self.outputs = {
            "namespace": NAMESPACE,
            "image": settings.app.image,
            "open": Output.concat(
                "kubectl --namespace ", namespace.name, " port-forward service/", workload.service_name, " 5000:80"
            ),
        }
        if settings.ingress:
            issuing = [controllers[CERT_MANAGER]] if settings.add_ons.cert_manager else []
            entry = Ingress(
                APP, settings.ingress, namespace.name, workload.service_name, [policies, *issuing], opts=here
            )
            self.outputs["open"] = entry.address

    def _controllers(self, settings: LocalSettings, here: ResourceOptions) -> dict[str, kubernetes.helm.v3.Release]:
        """The operators that the stack installs, by chart; the cluster may have others already."""
        chosen = [
            *([cert_manager(CertManagerSettings(), ANY_NODE)] if settings.add_ons.cert_manager else []),
            *([cloudnative_pg()] if settings.add_ons.cloudnative_pg else []),
        ]
        return Controllers(NAMESPACE, chosen, {}, opts=here).releases if chosen else {}


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
