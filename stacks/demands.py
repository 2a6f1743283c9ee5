"""What the pods of a stack's namespace can ask for at most: the measure of its quota."""

import math

from infra.in_cluster.cache import InClusterCacheSettings
from infra.in_cluster.database import InClusterDatabaseSettings
from infra.pods import ResourcesSettings
from infra.quota import Demand
from infra.workload_settings import WorkloadSettings

SURGE = 1.25
"""A rolling update runs up to a quarter more pods (`maxSurge: 25%`)."""

JOBS = 4
"""Migration and bootstrap (or the passwords of `local`), for a new image while a pod of the old one's job still ends."""


def of_workload(workload: WorkloadSettings) -> Demand:
    """New, surplus and leaving pods of a rollout at full scale, which is also both colours of a blue-green release.

    Kubernetes counts a pod that leaves until its grace is over. A standby has its least number, and rolls like any other.
    """
    pods = pods_in_a_rollout(workload.most_replicas)
    if workload.release.standby:
        pods += pods_in_a_rollout(workload.least_replicas)
    return Demand(pods, workload.resources)


def pods_in_a_rollout(most: int) -> int:
    """Of one version: new, surplus and leaving ones."""
    return math.ceil(most * SURGE) + most


def demands_on_aws(*workloads: WorkloadSettings) -> list[Demand]:
    """Of a stack on AWS: its workloads, and the jobs before them."""
    return [*(of_workload(each) for each in workloads), Demand(JOBS, ResourcesSettings())]


def demands_on_local(
    database: InClusterDatabaseSettings, cache: InClusterCacheSettings, *workloads: WorkloadSettings
) -> list[Demand]:
    """Of a stack without AWS: the servers are in the namespace too."""
    # The operator makes each instance by a job of the same size.
    instances = database.instances + 1 if database.operator else 1
    servers = [
        Demand(instances, database.resources, database.storage_gib),
        Demand(1, cache.resources, cache.storage_gib),
    ]
    return [*demands_on_aws(*workloads), *servers]
