"""A stack on AWS: network, cluster, data stores, and the application on them."""

from typing import Any

import pulumi_aws as aws
import pulumi_kubernetes as kubernetes
from pulumi import Output, ResourceOptions

from infra import database as postgresql
from infra.addons import AddOns
from infra.alarms.alarm import Alarm
from infra.alarms.alarms import Alarms, AlarmSettings
from infra.alarms.backup import backup_alarms
from infra.alarms.cache import cache_alarms
from infra.alarms.database import database_alarms
from infra.alarms.network import nat_gateway_alarms, subnet_alarms
from infra.application import application_environment, database_environment, migration_environment
from infra.backup import BackedUp, Backup, RestoreTarget
from infra.budget import Budget
from infra.cache import VALKEY_PORT, Cache
from infra.cluster import Cluster
from infra.database import POSTGRESQL_PORT, Database, DataNetwork
from infra.encryption import EncryptionKey
from infra.identity import Permission, WorkloadIdentity
from infra.jobs import ReleaseJob
from infra.monitoring import stack as monitoring
from infra.monitoring.rules import WorkloadMonitoring
from infra.monitoring.stack import MonitoringStack
from infra.namespace import Namespace
from infra.naming import PROJECT, aws_tags
from infra.network import Network
from infra.nodes import Nodes
from infra.pods import Runtime
from infra.policies import AWS_APIS, POD_IDENTITY, Access, Flow, NetworkPolicies, Peer
from infra.workload import HTTP_PORT, METRICS_PORT, Workload
from stacks.settings import AwsSettings

APP = "app"
NAMESPACE = PROJECT
BOOTSTRAP = "database-bootstrap"
MIGRATE = "database-migrate"


class AwsStack:
    """Composes the components; `outputs` are what the stack exports: addresses and ARNs, never a secret."""

    outputs: dict[str, Output[Any] | str]

    def __init__(self, stack: str, settings: AwsSettings) -> None:
        name = f"{PROJECT}-{stack}"
        self._settings = settings
        protect = settings.protection.enabled
        region = settings.account.region
        self._on_aws = ResourceOptions(
            providers=[
                aws.Provider(
                    "aws",
                    region=region,
                    allowed_account_ids=[settings.account.id],
                    default_tags={"tags": aws_tags(stack)},
                )
            ]
        )
        self._key = EncryptionKey(name, settings.encryption, settings.account.id, region, opts=self._on_aws)
        self._network = Network(name, settings.network, region, name, self._key.arn, opts=self._on_aws)
        self._cluster = Cluster(name, settings.cluster, self._network, self._key.arn, protect, opts=self._on_aws)
        self._data_stores(name, protect)
        self._watch(name, stack, protect)
        self._identities = self._make_identities()
        self._nodes = self._make_nodes(name, stack)
        self._add_ons = AddOns(name, self._cluster.name, self._nodes.groups, opts=self._on_aws)
        provider = kubernetes.Provider(
            "kubernetes",
            kubeconfig=self._cluster.kubeconfig,
            # A kubeconfig that changes still means the same cluster: nothing is replaced (pulumi-eks#207).
            cluster_identifier=self._cluster.arn,
            enable_server_side_apply=True,
            opts=ResourceOptions(depends_on=[*self._nodes.groups, self._add_ons]),
        )
        self._on_kubernetes = ResourceOptions(providers=[provider])
        self._namespace = Namespace(NAMESPACE, opts=self._on_kubernetes)
        self._application()
        if settings.monitoring.enabled:
            self._monitoring()
        self.outputs = {
            "region": region,
            "cluster_name": self._cluster.name,
            "cluster_arn": self._cluster.arn,
            "database_address": self._database.address,
            "database_master_secret_arn": self._database.master_secret_arn,
            "cache_endpoint": self._cache.endpoint,
            "namespace": NAMESPACE,
            "image": settings.app.image,
        }

    def _data_stores(self, name: str, protect: bool) -> None:
        network = DataNetwork(
            self._network.vpc_id, self._network.data_subnet_ids, {"cluster": self._cluster.security_group_id}
        )
        self._database = Database(
            f"{name}-database", self._settings.database, network, self._key.arn, protect, opts=self._on_aws
        )
        self._cache = Cache(f"{name}-cache", self._settings.cache, network, self._key.arn, protect, opts=self._on_aws)

    def _watch(self, name: str, stack: str, protect: bool) -> None:
        """Backups, alarms and budget: what a stack file does not ask for is not made."""
        settings, database = self._settings, self._database
        backup = None
        if settings.backup:
            backup = Backup(
                f"{name}-backup",
                settings.backup,
                BackedUp(databases=[database.arn]),
                RestoreTarget(database.subnet_group_name, database.security_group_id),
                self._key.arn,
                protect,
                opts=self._on_aws,
            )
        topic_arn = None
        if settings.alarms:
            alarms = Alarms(
                f"{name}-alarms",
                settings.alarms,
                settings.account.id,
                self._key.arn,
                self._alarms(name, settings.alarms, backup),
                [database.identifier],
                opts=self._on_aws,
            )
            topic_arn = alarms.topic_arn
        if settings.budget:
            Budget(f"{name}-budget", settings.budget, aws_tags(stack), topic_arn, opts=self._on_aws)

    def _alarms(self, name: str, thresholds: AlarmSettings, backup: Backup | None) -> list[Alarm]:
        settings, network = self._settings, self._network
        members = [f"{name}-cache-{number:03}" for number in range(1, settings.cache.nodes + 1)]
        subnets = dict(zip(settings.network.zones, network.private_subnet_ids, strict=True))
        found = [
            *database_alarms(thresholds.database, settings.database, self._database.identifier),
            *cache_alarms(thresholds.cache, members),
            *nat_gateway_alarms(thresholds.network, network.nat_gateway_ids),
            *subnet_alarms(thresholds.network, settings.account.id, settings.account.region, network.vpc_id, subnets),
        ]
        if settings.backup and backup:
            copies = backup.copy_vault_arn is not None
            found += backup_alarms(backup.vault_name, copies=copies, restore_test=settings.backup.restore_test)
        return found

    def _make_nodes(self, name: str, stack: str) -> Nodes:
        return Nodes(
            name,
            self._settings.nodes,
            self._cluster.name,
            self._settings.cluster.version,
            self._network.private_subnet_ids,
            self._key.arn,
            aws_tags(stack),
            depends_on=[
                self._network,  # its gateways and routes too: a node without a way out never joins
                self._cluster.pod_identity_agent,
                *(identity.association for identity in self._identities.values()),
            ],
            opts=self._on_aws,
        )

    def _make_identities(self) -> dict[str, WorkloadIdentity]:
        """By service account."""
        account, region = self._settings.account.id, self._settings.account.region
        log_in = Permission(
            actions=["rds-db:connect"],
            resources=[
                Output.concat(
                    f"arn:aws:rds-db:{region}:{account}:dbuser:",
                    self._database.resource_id,
                    f"/{postgresql.APPLICATION_USER}",
                )
            ],
        )
        return {
            APP: WorkloadIdentity(
                APP,
                self._cluster.name,
                NAMESPACE,
                APP,
                {
                    "DatabaseLogIn": log_in,
                    "CacheLogIn": Permission(
                        actions=["elasticache:Connect"],
                        resources=[self._cache.replication_group_arn, self._cache.user_arn],
                    ),
                },
                opts=self._on_aws,
            ),
            MIGRATE: WorkloadIdentity(
                MIGRATE, self._cluster.name, NAMESPACE, MIGRATE, {"DatabaseLogIn": log_in}, opts=self._on_aws
            ),
            BOOTSTRAP: WorkloadIdentity(
                BOOTSTRAP,
                self._cluster.name,
                NAMESPACE,
                BOOTSTRAP,
                {
                    "MasterSecret": Permission(
                        actions=["secretsmanager:GetSecretValue"], resources=[self._database.master_secret_arn]
                    ),
                    "ItsKey": Permission(actions=["kms:Decrypt"], resources=[self._key.arn]),
                },
                opts=self._on_aws,
            ),
        }

    def _application(self) -> None:
        app, region = self._settings.app, self._settings.account.region
        database, cache = self._database.connection, self._cache.connection
        to_database = Flow(Peer(cidrs=self._network.data_cidrs), ports=(POSTGRESQL_PORT,))
        policies = NetworkPolicies(
            NAMESPACE,
            self._namespace.name,
            {
                APP: Access(
                    ingress=[
                        Flow(Peer(cidrs=self._network.public_cidrs), ports=(HTTP_PORT,)),  # load balancers are no pods
                        Flow(Peer(namespace=monitoring.NAMESPACE), ports=(METRICS_PORT,)),
                    ],
                    egress=[
                        to_database,
                        Flow(Peer(cidrs=self._network.data_cidrs), ports=(VALKEY_PORT,)),
                        POD_IDENTITY,
                    ],
                ),
                MIGRATE: Access(egress=[to_database, POD_IDENTITY]),
                BOOTSTRAP: Access(egress=[to_database, POD_IDENTITY, AWS_APIS]),
            },
            opts=self._on_kubernetes,
        )
        bootstrap = ReleaseJob(
            BOOTSTRAP,
            app.image,
            ["-m", "app.bootstrap_database"],
            self._namespace.name,
            Runtime(
                {
                    **database_environment(database),
                    "DATABASE_MASTER_SECRET_ARN": self._database.master_secret_arn,
                    "AWS_REGION": region,
                }
            ),
            node_group=app.node_group,
            depends_on=[policies, self._identities[BOOTSTRAP]],
            opts=self._on_kubernetes,
        )
        migrate = ReleaseJob(
            MIGRATE,
            app.image,
            ["-m", "app.migrate"],
            self._namespace.name,
            Runtime(migration_environment(database, region)),
            node_group=app.node_group,
            depends_on=[policies, bootstrap, self._identities[MIGRATE]],
            opts=self._on_kubernetes,
        )
        Workload(
            APP,
            app,
            self._namespace.name,
            Runtime(application_environment(app, database, cache, region)),
            depends_on=[policies, migrate, self._identities[APP]],
            opts=self._on_kubernetes,
        )

    def _monitoring(self) -> None:
        settings = self._settings.monitoring
        # Node exporter reads the host's own figures, which `restricted` forbids.
        home = Namespace(monitoring.NAMESPACE, standard="privileged", opts=self._on_kubernetes)
        watch = MonitoringStack(monitoring.NAMESPACE, settings, home.name, opts=self._on_kubernetes)
        WorkloadMonitoring(
            APP,
            self._namespace.name,
            NAMESPACE,
            settings.scrape_seconds,
            self._settings.app.least_replicas,
            watch.release,
            opts=self._on_kubernetes,
        )
