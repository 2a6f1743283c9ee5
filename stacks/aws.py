"""A stack on AWS: network, cluster, data stores, and the application on them."""

from typing import Any

import pulumi_aws as aws
import pulumi_kubernetes as kubernetes
from pulumi import Output, ResourceOptions

from infra import database as postgresql
from infra.add_ons.catalogue import Identities, controllers
from infra.add_ons.controller import Controllers, Platform
from infra.add_ons.ebs_csi import NAME as EBS_CSI
from infra.add_ons.ebs_csi import Disks
from infra.add_ons.eks import AddOns
from infra.add_ons.load_balancer_controller import NAME as LOAD_BALANCER_CONTROLLER
from infra.alarms.alarm import Alarm
from infra.alarms.alarms import Alarms, AlarmSettings
from infra.alarms.backup import backup_alarms
from infra.alarms.cache import cache_alarms
from infra.alarms.database import database_alarms
from infra.alarms.network import nat_gateway_alarms, subnet_alarms
from infra.application import application_environment, bootstrap_environment, migration_environment
from infra.backup import BackedUp, Backup, RestoreTarget
from infra.binding import PublicEntry
from infra.budget import Budget
from infra.cache import Cache
from infra.cache_stores import VALKEY_PORT
from infra.cluster import Cluster
from infra.database import POSTGRESQL_PORT, Database, DataNetwork
from infra.delivery.bounds import bounding
from infra.edge import Backend, Edge, EdgeSettings, Failover, PublicNetwork
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
from infra.placement import placement_on
from infra.pods import Runtime
from infra.policies import POD_IDENTITY, Access, Flow, NetworkPolicies, Peer, aws_apis
from infra.public_name import PublicName
from infra.recovery import RecoverySettings, SecondRegion
from infra.secrets import Secrets
from infra.storage import Storage
from infra.workload import HTTP_PORT, METRICS_PORT, READINESS_PATH, Workload
from stacks.recovery import settings_in_effect
from stacks.settings import AwsSettings

APP = "app"
NAMESPACE = PROJECT
BOOTSTRAP = "database-bootstrap"
MIGRATE = "database-migrate"
EDGE = "edge"


class AwsStack:
    """Composes the components; `outputs` are what the stack exports: addresses and ARNs, never a secret."""

    outputs: dict[str, Output[Any] | str]

    def __init__(self, stack: str, file: AwsSettings) -> None:
        name = f"{PROJECT}-{stack}"
        settings = settings_in_effect(file)
        self._settings = settings
        protect = settings.protection.enabled
        region = settings.account.region
        self._on_aws = self._provider("aws", region, stack)
        self._second_region = self._make_second_region(name, stack)
        self._key = EncryptionKey(
            name,
            settings.encryption,
            settings.account.id,
            region,
            for_cloudfront=settings.cdn is not None,
            opts=self._on_aws,
        )
        self._network = Network(
            name, settings.network, settings.account.id, region, name, self._key.arn, opts=self._on_aws
        )
        self._cluster = Cluster(name, settings.cluster, self._network, self._key.arn, protect, opts=self._on_aws)
        self._edge = self._make_edge(settings.edge, protect) if settings.edge else None
        self._data_stores(name, protect)
        if not (settings.recovery and settings.recovery.restoring):  # which has the copies of the first region already
            Secrets(name, settings.secrets, self._key.arn, protect, self._second_region, opts=self._on_aws)
        self._storage = Storage(
            f"{name}-files",
            settings.storage,
            settings.cdn,
            settings.account.id,
            region,
            self._key.arn,
            protect,
            opts=self._on_aws,
        )
        self._watch(name, stack, protect)
        self._identities = self._make_identities(name)
        platform = Platform(
            name, settings.account.id, region, self._network.vpc_id, self._key.arn, tags=aws_tags(stack)
        )
        placement = placement_on(settings.nodes, settings.add_ons.node_group)
        chosen = list(controllers(settings.add_ons, platform, placement))
        self._add_on_identities = Identities(name, self._cluster.name, chosen, platform, opts=self._on_aws)
        self._nodes = self._make_nodes(name, stack)
        self._add_ons = AddOns(
            name,
            self._cluster.name,
            self._nodes.groups,
            self._add_on_identities.by_name[EBS_CSI],
            placement,
            platform.tags,
            opts=self._on_aws,
        )
        provider = kubernetes.Provider(
            "kubernetes",
            kubeconfig=self._cluster.kubeconfig,
            # A kubeconfig that changes still means the same cluster: nothing is replaced (pulumi-eks#207).
            cluster_identifier=self._cluster.arn,
            enable_server_side_apply=True,
            opts=ResourceOptions(depends_on=[*self._nodes.groups, self._add_ons]),
        )
        self._on_kubernetes = ResourceOptions(providers=[provider])
        self._controllers = Controllers(name, chosen, self._add_on_identities.by_name, opts=self._on_kubernetes)
        self._disks = Disks(name, self._key.arn, opts=self._on_kubernetes)
        self._namespace = Namespace(
            NAMESPACE, readiness_gates=settings.add_ons.load_balancer_controller, opts=self._on_kubernetes
        )
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
            "files_bucket": self._storage.bucket_name,
            "namespace": NAMESPACE,
            "image": settings.app.image,
        }
        if self._edge:
            served = [self._workload] if self._edge.failover == "secondary" else []
            PublicName(EDGE, self._edge, depends_on=[*served], opts=self._on_aws)
            self.outputs |= {"url": self._edge.url, "load_balancer_dns_name": self._edge.load_balancer_dns_name}

    def _make_edge(self, settings: EdgeSettings, protect: bool) -> Edge:
        account = self._settings.account
        return Edge(
            EDGE,
            settings,
            PublicNetwork(
                self._network.vpc_id,
                self._network.public_subnet_ids,
                self._cluster.security_group_id,
                ready=[self._network],
            ),
            Backend(HTTP_PORT, READINESS_PATH, self._settings.app.shutdown.deregistration_delay_seconds),
            self._key.arn,
            account.id,
            account.region,
            protect,
            failover=_choice(self._settings.recovery),
            opts=self._on_aws,
        )

    def _provider(self, logical: str, region: str, stack: str) -> ResourceOptions:
        provider = aws.Provider(
            logical,
            region=region,
            allowed_account_ids=[self._settings.account.id],
            default_tags={"tags": aws_tags(stack)},
        )
        account = self._settings.account
        return ResourceOptions(providers=[provider], transforms=[bounding(account.id)] if account.bounded_roles else [])

    def _make_second_region(self, name: str, stack: str) -> SecondRegion | None:
        """The key that encrypts the copies there; none where nothing is copied."""
        recovery = self._settings.recovery
        if recovery is None or recovery.restoring:
            return None
        elsewhere = self._provider("aws-second-region", recovery.region, stack)
        account = self._settings.account.id
        key = EncryptionKey(f"{name}-copies", self._settings.encryption, account, recovery.region, opts=elsewhere)
        return SecondRegion(recovery.region, key.arn)

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
                *self._cluster.network_identity,
                *(identity.association for identity in self._identities.values()),
                *self._add_on_identities.associations,
            ],
            opts=self._on_aws,
        )

    def _make_identities(self, name: str) -> dict[str, WorkloadIdentity]:
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
                f"{name}-{APP}",
                self._cluster.name,
                NAMESPACE,
                APP,
                {
                    "DatabaseLogIn": log_in,
                    "CacheLogIn": Permission(
                        actions=["elasticache:Connect"],
                        resources=[self._cache.arn, self._cache.user_arn],
                    ),
                    **self._storage.application_permissions(),
                },
                opts=self._on_aws,
            ),
            MIGRATE: WorkloadIdentity(
                f"{name}-{MIGRATE}",
                self._cluster.name,
                NAMESPACE,
                MIGRATE,
                {"DatabaseLogIn": log_in},
                opts=self._on_aws,
            ),
            BOOTSTRAP: WorkloadIdentity(
                f"{name}-{BOOTSTRAP}",
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
        placement = placement_on(self._settings.nodes, app.node_group)
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
                        *(aws_apis(self._network.endpoint_cidrs) if self._settings.storage.application_access else []),
                    ],
                ),
                MIGRATE: Access(egress=[to_database, POD_IDENTITY]),
                BOOTSTRAP: Access(egress=[to_database, POD_IDENTITY, *aws_apis(self._network.endpoint_cidrs)]),
            },
            opts=self._on_kubernetes,
        )
        bootstrap = ReleaseJob(
            BOOTSTRAP,
            app.image,
            ["-m", "app.bootstrap_database"],
            self._namespace.name,
            Runtime(
                bootstrap_environment(
                    database, self._database.master_secret_arn, region, self._settings.database.extensions
                )
            ),
            placement=placement,
            depends_on=[policies, self._identities[BOOTSTRAP]],
            opts=self._on_kubernetes,
        )
        migrate = ReleaseJob(
            MIGRATE,
            app.image,
            ["-m", "app.migrate"],
            self._namespace.name,
            Runtime(migration_environment(database, region)),
            placement=placement,
            depends_on=[policies, bootstrap, self._identities[MIGRATE]],
            opts=self._on_kubernetes,
        )
        entry = None
        if self._edge:
            controller = self._controllers.releases[LOAD_BALANCER_CONTROLLER]
            entry = PublicEntry(self._edge.target_group_arn, self._network.vpc_id, depends_on=[self._edge, controller])
        self._workload = Workload(
            APP,
            app,
            self._namespace.name,
            Runtime(application_environment(app, database, cache, region)),
            depends_on=[policies, migrate, self._identities[APP]],
            placement=placement,
            public=entry,
            opts=self._on_kubernetes,
        )

    def _monitoring(self) -> None:
        settings = self._settings.monitoring
        # Node exporter reads the host's own figures, which `restricted` forbids.
        home = Namespace(monitoring.NAMESPACE, standard="privileged", opts=self._on_kubernetes)
        watch = MonitoringStack(
            monitoring.NAMESPACE,
            settings,
            home.name,
            self._disks.storage_class,
            placement_on(self._settings.nodes, settings.node_group),
            depends_on=[*self._controllers.admitting],
            opts=self._on_kubernetes,
        )
        WorkloadMonitoring(
            APP,
            self._namespace.name,
            NAMESPACE,
            settings.scrape_seconds,
            self._settings.app.least_replicas,
            watch.release,
            opts=self._on_kubernetes,
        )


def _choice(recovery: RecoverySettings | None) -> Failover:
    """Which of the two regions the domain leads to first; none where there is no second one."""
    if recovery is None:
        return "none"
    return "secondary" if recovery.restoring else "primary"
