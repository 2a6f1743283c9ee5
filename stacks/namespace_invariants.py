"""What must hold between the workloads and their namespace: its quota, and the secrets that they find as files."""

from collections.abc import Iterator, Mapping

from infra.add_ons import AddOnsSettings
from infra.cache_settings import CacheSettings
from infra.database import DatabaseSettings
from infra.in_cluster.cache import InClusterCacheSettings
from infra.in_cluster.database import InClusterDatabaseSettings
from infra.namespace import NamespaceSettings
from infra.quota import shortfalls
from infra.secrets import SecretSettings
from infra.workload_settings import WorkloadSettings
from stacks.demands import demands_on_aws, demands_on_local
from stacks.workload_invariants import every_workload


def the_quota_holds_what_the_settings_allow(
    namespace: NamespaceSettings,
    app: WorkloadSettings,
    workloads: Mapping[str, WorkloadSettings],
    database: DatabaseSettings | InClusterDatabaseSettings,
    cache: CacheSettings | InClusterCacheSettings,
) -> Iterator[str]:
    """A quota below what autoscaling and a rollout may take stops them in the middle, on the busiest day."""
    demands = demands_on_aws(app, *workloads.values())
    if isinstance(database, InClusterDatabaseSettings) and isinstance(cache, InClusterCacheSettings):
        demands = demands_on_local(database, cache, app, *workloads.values())
    for shortfall in shortfalls(namespace.quota, demands):
        yield (
            f"namespace.quota.{shortfall} that jobs, and all pods of a rollout at full scale (new, surplus and leaving ones), "
            "need together; raise it, leave it out, or lower the replicas or resources"
        )


def secrets_are_somewhere(
    app: WorkloadSettings,
    workloads: Mapping[str, WorkloadSettings],
    secrets: Mapping[str, SecretSettings],
    add_ons: AddOnsSettings,
) -> Iterator[str]:
    """A pod waits for ever for a Secret that nobody makes."""
    for section, workload in every_workload(app, workloads).items():
        for missing in sorted({*workload.secrets} - secrets.keys()):
            known = f"; known are {', '.join(sorted(secrets))}" if secrets else ""
            yield f"{section}.secrets: {missing} is not in section secrets; add it there with its description{known}"
        if workload.secrets and not add_ons.external_secrets:
            yield (
                f"{section}.secrets: nothing brings them into the cluster; set add_ons.external_secrets to true "
                "(docs/procedures/secrets.md)"
            )


def secrets_need_aws(target: str, app: WorkloadSettings, workloads: Mapping[str, WorkloadSettings]) -> Iterator[str]:
    """The `local` stack installs no operator that could fetch them."""
    for section, workload in every_workload(app, workloads).items():
        if target == "local" and workload.secrets:
            yield f"{section}.secrets: target local has no store of secrets; leave it out (docs/procedures/secrets.md)"
