"""A stack on any Kubernetes cluster, without AWS: PostgreSQL and Valkey run beside the application."""

from typing import Any

import pulumi_kubernetes as kubernetes
from pulumi import Output, ResourceOptions

from infra.application import application_environment, migration_environment
from infra.in_cluster.cache import VALKEY_PORT, InClusterCache
from infra.in_cluster.credentials import Credentials
from infra.in_cluster.database import POSTGRESQL_PORT, InClusterDatabase
from infra.jobs import ReleaseJob
from infra.namespace import Namespace
from infra.naming import PROJECT
from infra.pods import Runtime
from infra.policies import KUBERNETES_API, Access, Flow, NetworkPolicies, Peer
from infra.tenancy import Tenancy
from infra.workload import HTTP_PORT, Workload
from stacks.demands import demands_on_local
from stacks.settings import LocalSettings

APP = "app"
NAMESPACE = PROJECT
CREDENTIALS = "credentials"
DATABASE = "postgresql"
CACHE = "valkey"
MIGRATE = "database-migrate"

ANYWHERE = Peer(cidrs=("0.0.0.0/0",))
"""A laptop's cluster has an ingress controller of an unknown kind, or `kubectl port-forward`."""


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
        demands = demands_on_local(settings.database, settings.cache, settings.app)
        tenancy = Tenancy(NAMESPACE, settings.namespace, namespace.name, demands, existing, opts=here)
        policies = NetworkPolicies(NAMESPACE, namespace.name, _accesses(), opts=here)
        after_policies = ResourceOptions(providers=[provider], depends_on=[policies, tenancy])
        credentials = Credentials(CREDENTIALS, settings.app.image, namespace.name, opts=after_policies)
        database = InClusterDatabase(DATABASE, settings.database, namespace.name, credentials, opts=here)
        cache = InClusterCache(CACHE, settings.cache, namespace.name, credentials, opts=here)
        migrate = ReleaseJob(
            MIGRATE,
            settings.app.image,
            ["-m", "app.migrate"],
            namespace.name,
            Runtime(migration_environment(database.connection, region=None), credentials.secret_name),
            depends_on=[database],
            opts=here,
        )
        workload = Workload(
            APP,
            settings.app,
            namespace.name,
            Runtime(
                application_environment(settings.app, database.connection, cache.connection, region=None),
                credentials.secret_name,
            ),
            depends_on=[migrate, cache],
            opts=here,
        )
        self.outputs = {
            "namespace": NAMESPACE,
            "image": settings.app.image,
            "open": Output.concat(
                "kubectl --namespace ", namespace.name, " port-forward service/", workload.service_name, " 5000:80"
            ),
        }


def _accesses() -> dict[str, Access]:
    to_database = Flow(Peer(workload=DATABASE), ports=(POSTGRESQL_PORT,))
    return {
        APP: Access(
            ingress=[Flow(ANYWHERE, ports=(HTTP_PORT,))],
            egress=[to_database, Flow(Peer(workload=CACHE), ports=(VALKEY_PORT,))],
        ),
        MIGRATE: Access(egress=[to_database]),
        CREDENTIALS: Access(egress=[KUBERNETES_API]),
        DATABASE: Access(ingress=[Flow(Peer(workload=client), ports=(POSTGRESQL_PORT,)) for client in (APP, MIGRATE)]),
        CACHE: Access(ingress=[Flow(Peer(workload=APP), ports=(VALKEY_PORT,))]),
    }
