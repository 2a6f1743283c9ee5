"""What runs for people: the application and the workloads beside it, who may talk to whom, and the jobs before."""

from infra.add_ons.load_balancer_controller import NAME as LOAD_BALANCER_CONTROLLER
from infra.application import application_environment, bootstrap_environment, migration_environment
from infra.binding import PublicEntry
from infra.cache_stores import VALKEY_PORT
from infra.database import POSTGRESQL_PORT
from infra.edge import Edge
from infra.identity import WorkloadIdentity
from infra.jobs import ReleaseJob
from infra.monitoring import stack as monitoring
from infra.namespace import Namespace
from infra.placement import placement_on
from infra.pods import Runtime
from infra.policies import POD_IDENTITY, Access, Flow, NetworkPolicies, Peer, aws_apis
from infra.priority import APPLICATION, WORKLOAD, Priorities
from infra.traffic import Places, accesses, together
from infra.workload import Home, Workload
from stacks.aws.compute import Compute
from stacks.aws.context import APP, BOOTSTRAP, MIGRATE, NAMESPACE, Context
from stacks.aws.data_stores import DataStores
from stacks.aws.foundation import Foundation


class Application:
    """The workload `app` and what it needs around it, and the further workloads of the same namespace."""

    namespace: Namespace
    workload: Workload

    def __init__(
        self,
        context: Context,
        foundation: Foundation,
        data: DataStores,
        compute: Compute,
        identities: dict[str, WorkloadIdentity],
        edge: Edge | None,
    ) -> None:
        self._context, self._foundation, self._data, self._compute = context, foundation, data, compute
        app, region, here = context.settings.app, context.region, compute.on_kubernetes
        database = data.database.connection
        placement = placement_on(context.settings.nodes, app.node_group)
        self.namespace = Namespace(
            NAMESPACE, readiness_gates=context.settings.add_ons.load_balancer_controller, opts=here
        )
        policies = NetworkPolicies(NAMESPACE, self.namespace.name, self._accesses(), opts=here)
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
            depends_on=[policies, compute.add_ons, identities[BOOTSTRAP]],
            opts=here,
        )
        migrate = ReleaseJob(
            MIGRATE,
            app.image,
            ["-m", "app.migrate"],
            self.namespace.name,
            Runtime(migration_environment(database, region)),
            placement=placement,
            depends_on=[policies, bootstrap, identities[MIGRATE]],
            opts=here,
        )
        priorities = Priorities(NAMESPACE, opts=here).names
        self.workload = Workload(
            APP,
            app,
            Home(self.namespace.name, placement, priorities[APPLICATION], (policies, migrate, identities[APP])),
            Runtime(application_environment(app, database, data.cache.connection, region)),
            public=self._public_entry(edge) if edge else None,
            opts=here,
        )
        for name, settings in context.settings.workloads.items():
            nodes = placement_on(context.settings.nodes, settings.node_group)
            home = Home(self.namespace.name, nodes, priorities[WORKLOAD], (policies, compute.add_ons))
            Workload(name, settings, home, Runtime({}), opts=here)

    def _public_entry(self, edge: Edge) -> PublicEntry:
        release = self._compute.controllers.releases[LOAD_BALANCER_CONTROLLER]
        return PublicEntry(
            edge.target_group_arns,
            self._foundation.network.vpc_id,
            # The add-ons too: when the stack goes, the controller needs the cluster's DNS until the last target is out.
            depends_on=[release, *edge.asked_for_health, self._compute.add_ons],
            lead_to=edge.lead_to if self._context.settings.app.release.blue_green else None,
        )

    def _accesses(self) -> dict[str, Access]:
        network, settings = self._foundation.network, self._context.settings
        aws = aws_apis(network.endpoint_cidrs)
        to_database = Flow(Peer(cidrs=network.data_cidrs), ports=(POSTGRESQL_PORT,))
        to_cache = Flow(Peer(cidrs=network.data_cidrs), ports=(VALKEY_PORT,))
        to_files = aws if settings.storage.application_access else []
        places = Places(to_database, to_cache, monitoring=Peer(namespace=monitoring.NAMESPACE))
        found = accesses({APP: settings.app, **settings.workloads}, places)
        public = Access(
            ingress=[Flow(Peer(cidrs=network.public_cidrs), ports=(settings.app.port,))],  # load balancers are no pods
            egress=[to_database, to_cache, POD_IDENTITY, *to_files],
        )
        return {
            **found,
            APP: together(public, found[APP]),
            MIGRATE: Access(egress=[to_database, POD_IDENTITY]),
            BOOTSTRAP: Access(egress=[to_database, POD_IDENTITY, *aws]),
        }
