"""What a stack file may say: a type for each section, by target."""

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict

from infra.add_ons import AddOnsSettings, LocalAddOnsSettings
from infra.alarms.alarms import AlarmSettings
from infra.application import ApplicationSettings
from infra.backup import BackupSettings
from infra.budget import BudgetSettings
from infra.cache_settings import CacheSettings
from infra.cdn import CdnSettings
from infra.cluster import ClusterSettings
from infra.database import DatabaseSettings
from infra.delivery.roles import DeliverySettings
from infra.edge import EdgeSettings
from infra.encryption import EncryptionSettings
from infra.exports.settings import ExportsSettings
from infra.in_cluster.cache import InClusterCacheSettings
from infra.in_cluster.database import InClusterDatabaseSettings
from infra.ingress import IngressSettings
from infra.monitoring.logs import LogSettings
from infra.monitoring.stack import MonitoringSettings
from infra.monitoring.tracing import TracingSettings
from infra.namespace import NamespaceSettings
from infra.network import NetworkSettings
from infra.nodes import NodesSettings
from infra.recovery import RecoverySettings
from infra.registry import RegistrySettings
from infra.secret_store import SecretStoreSettings
from infra.secrets import SecretsSettings
from infra.storage import StorageSettings
from infra.usage import UsageSettings
from infra.workload_settings import WorkloadsSettings
from stacks.sections import AccountSettings, KubernetesSettings, ProtectionSettings

STACK_NAME_LENGTH = 16
"""A cache's identifier is `marlinspike-<stack>-cache`, with six characters more where a snapshot has filled it, and ElastiCache
allows 40."""

STACK_NAME = rf"(?=.{{1,{STACK_NAME_LENGTH}}}$)[a-z][a-z0-9]*(-[a-z0-9]+)*"


class _Sections(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class AwsSettings(_Sections):
    """A stack file with `target: aws`."""

    target: Literal["aws"]
    account: AccountSettings
    network: NetworkSettings
    encryption: EncryptionSettings = EncryptionSettings()
    cluster: ClusterSettings
    nodes: NodesSettings
    add_ons: AddOnsSettings = AddOnsSettings()
    database: DatabaseSettings = DatabaseSettings()
    cache: CacheSettings = CacheSettings()
    edge: EdgeSettings | None = None
    storage: StorageSettings = StorageSettings()
    cdn: CdnSettings | None = None
    app: ApplicationSettings
    workloads: WorkloadsSettings = {}
    monitoring: MonitoringSettings = MonitoringSettings()
    logs: LogSettings | None = None
    tracing: TracingSettings | None = None
    alarms: AlarmSettings | None = None
    budget: BudgetSettings | None = None
    usage: UsageSettings = UsageSettings()
    backup: BackupSettings | None = None
    exports: ExportsSettings | None = None
    protection: ProtectionSettings = ProtectionSettings()
    recovery: RecoverySettings | None = None
    secrets: SecretsSettings = {}
    secret_store: SecretStoreSettings = SecretStoreSettings()
    namespace: NamespaceSettings = NamespaceSettings()

    @property
    def keeps_data(self) -> bool:
        """Whether a deletion leaves anything that only the platform's key can read."""
        return (
            self.database.keep_after_deletion
            or self.cache.keep_after_deletion
            or self.storage.keep_after_deletion
            or (self.backup is not None and self.backup.keep_after_deletion)
            or (self.exports is not None and self.exports.keep_after_deletion)
        )


class LocalSettings(_Sections):
    """A stack file with `target: local`: any Kubernetes cluster, no AWS."""

    target: Literal["local"]
    kubernetes: KubernetesSettings = KubernetesSettings()
    add_ons: LocalAddOnsSettings = LocalAddOnsSettings()
    database: InClusterDatabaseSettings = InClusterDatabaseSettings()
    cache: InClusterCacheSettings = InClusterCacheSettings()
    ingress: IngressSettings | None = None
    app: ApplicationSettings
    workloads: WorkloadsSettings = {}
    namespace: NamespaceSettings = NamespaceSettings()


class AccountStackSettings(_Sections):
    """A stack file with `target: account`: what an account has once."""

    target: Literal["account"]
    account: AccountSettings
    encryption: EncryptionSettings = EncryptionSettings()
    registry: RegistrySettings | None = None
    delivery: DeliverySettings | None = None
    protection: ProtectionSettings = ProtectionSettings()


Settings = AwsSettings | LocalSettings | AccountStackSettings

TARGETS: Mapping[str, type[AwsSettings] | type[LocalSettings] | type[AccountStackSettings]] = {
    "aws": AwsSettings,
    "local": LocalSettings,
    "account": AccountStackSettings,
}


class SettingsError(Exception):
    """A stack's configuration cannot work. `faults` lists all reasons, each `section.key: what is wrong, what is allowed`."""

    def __init__(self, stack: str, faults: list[str]) -> None:
        self.faults = faults
        count = f"{len(faults)} fault" + ("s" if len(faults) > 1 else "")
        lines = "\n".join(f"  {fault}" for fault in faults)
        super().__init__(f"Pulumi.{stack}.yaml has {count}; nothing was touched.\n{lines}")
