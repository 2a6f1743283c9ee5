"""What must hold between the workloads, and between them and the rest of a stack file."""

from collections.abc import Callable, Iterator, Mapping

from infra.add_ons import AddOnsSettings
from infra.application import ApplicationSettings
from infra.database import DatabaseSettings
from infra.in_cluster.database import InClusterDatabaseSettings
from infra.monitoring.stack import MonitoringSettings
from infra.nodes import NodeGroupSettings, by_served_name
from infra.traffic import CACHE, DATABASE
from infra.workload_settings import WorkloadSettings
from stacks.demands import pods_in_a_rollout
from stacks.sections import ProtectionSettings

RESERVED_CONNECTIONS = 8
"""Three slots that PostgreSQL keeps for superusers, two that RDS keeps for its own roles, one for the migration job, two for
people."""

Workloads = Mapping[str, WorkloadSettings]


def every_workload(app: WorkloadSettings, workloads: Workloads) -> dict[str, WorkloadSettings]:
    """All of them, by where a stack file says so."""
    return {"app": app, **{f"workloads.{name}": settings for name, settings in workloads.items()}}


def connections_suffice(
    app: ApplicationSettings, database: DatabaseSettings | InClusterDatabaseSettings
) -> Iterator[str]:
    """All pods of a full-scale rollout fill their pools and the database still accepts them.

    Pods that leave do not count towards the surge (KEP-3973) and keep their connections until their servers stop, so the
    whole old generation can still be there beside the new one. That covers two versions side by side too: they are twice as many.
    A standby has its least number, and rolls like any other when settings change; while the version that served becomes the
    standby, the former one is still there.
    """
    pods = pods_in_a_rollout(app.most_replicas)
    kinds = "new, surplus and leaving ones in a rollout"
    if app.release.standby:
        pods += pods_in_a_rollout(app.least_replicas)
        kinds += ", and the standby's"
    needed = pods * app.database_pool_size + RESERVED_CONNECTIONS
    if needed > database.max_connections:
        yield (
            f"app.database_pool_size: {pods} pods ({kinds}) "
            f"of {app.database_pool_size} connections and {RESERVED_CONNECTIONS} reserved ones need {needed}; "
            f"database.max_connections is {database.max_connections}: "
            "lower the pool or the number of pods, or raise the connections"
        )


def a_budget_allows_an_eviction(app: WorkloadSettings, workloads: Workloads) -> Iterator[str]:
    """A budget that needs every pod blocks each drain, and with it every upgrade of the nodes."""
    for section, workload in every_workload(app, workloads).items():
        budget, least = workload.disruption_budget, workload.least_replicas
        if budget and budget.min_available is not None and budget.min_available >= least:
            yield (
                f"{section}.disruption_budget.min_available: {budget.min_available} of at least {least} pods never lets "
                f"a node drain; at most {least - 1} (or more replicas)"
                if least > 1
                else f"{section}.disruption_budget: a single pod cannot be available while it moves; leave the budget out or run "
                "more pods"
            )


def a_pod_has_time_to_leave(app: WorkloadSettings, workloads: Workloads) -> Iterator[str]:
    """Kubernetes kills a pod at the end of its grace, whatever it still does."""
    for section, workload in every_workload(app, workloads).items():
        shutdown = workload.shutdown
        needed = shutdown.pre_stop_seconds + shutdown.server_seconds
        if shutdown.grace_seconds < needed:
            yield (
                f"{section}.shutdown.grace_seconds: {shutdown.grace_seconds} is less than pre_stop_seconds "
                f"{shutdown.pre_stop_seconds} and server_seconds {shutdown.server_seconds} together; at least {needed}"
            )
        if shutdown.deregistration_delay_seconds > needed:
            yield (
                f"{section}.shutdown.deregistration_delay_seconds: {shutdown.deregistration_delay_seconds} is longer than the "
                f"pod lives (pre_stop_seconds and server_seconds: {needed}); at most {needed}"
            )


def named_workloads_exist(app: WorkloadSettings, workloads: Workloads) -> Iterator[str]:
    """A policy or an affinity for a name that nothing has does nothing, and nobody would notice."""
    known = {"app", *workloads}
    for section, workload in every_workload(app, workloads).items():
        named = {
            "calls": [call for call in workload.calls if "/" not in call and call not in (DATABASE, CACHE)],
            "allowed_callers": [caller for caller in workload.allowed_callers if "/" not in caller],
            "affinity.near": workload.affinity.near,
            "affinity.apart_from": workload.affinity.apart_from,
        }
        others = sorted(known - {section.removeprefix("workloads.")})
        for key, names in named.items():
            for name in names:
                if name not in others:
                    yield f"{section}.{key}: there is no other workload {name}; known are {', '.join(others) or 'none'}"


def node_groups_exist(
    nodes: Mapping[str, NodeGroupSettings],
    app: WorkloadSettings,
    workloads: Workloads,
    monitoring: MonitoringSettings,
    add_ons: AddOnsSettings,
) -> Iterator[str]:
    """A pod that asks for a group that is not there, and that no other serves, waits for ever."""
    served = by_served_name(nodes)
    asking = {section: workload.node_group for section, workload in every_workload(app, workloads).items()}
    asking |= {"monitoring": monitoring.node_group, "add_ons": add_ons.node_group}
    for section, group in asking.items():
        if group is not None and group not in served:
            yield f"{section}.node_group: there is no group {group} in section nodes; allowed are {', '.join(served)}"


def node_groups_need_aws(target: str, app: WorkloadSettings, workloads: Workloads) -> Iterator[str]:
    """Another cluster's nodes do not carry our groups' label."""
    for section, workload in every_workload(app, workloads).items():
        if target == "local" and workload.node_group is not None:
            yield f"{section}.node_group: target local has no node groups; leave it out"


def nobody_asks_a_protected_stack_for_faults(app: ApplicationSettings, protection: ProtectionSettings) -> Iterator[str]:
    """Whoever reaches the application could have it answer errors, and wait."""
    asked = {"app.faults_enabled": app.faults_enabled, "app.environment": "FAULTS_ENABLED" in app.environment}
    for key, given in asked.items():
        if given and protection.enabled:
            yield (
                f"{key}: with protection.enabled, nobody may ask the application for delays and errors; leave "
                f"{'FAULTS_ENABLED' if key == 'app.environment' else 'it'} out, and drill where protection is off"
            )


def requests_are_counted(
    app: WorkloadSettings, workloads: Workloads, monitoring: MonitoringSettings, add_ons: AddOnsSettings
) -> Iterator[str]:
    """An autoscaler that learns nothing takes no pod away, and adds none for requests."""
    for section, workload in every_workload(app, workloads).items():
        if not workload.autoscaling or workload.autoscaling.requests_per_second is None:
            continue
        key = f"{section}.autoscaling.requests_per_second"
        if not monitoring.enabled:
            yield f"{key}: nobody counts requests while monitoring.mode is off; set it to on or full, or leave this out"
        if not add_ons.keda:
            yield f"{key}: KEDA tells the autoscaler what Prometheus counted; set add_ons.keda to true, or leave this out"


def request_metrics_need_aws(target: str, app: WorkloadSettings, workloads: Workloads) -> Iterator[str]:
    """The `local` stack has no monitoring."""
    for section, workload in every_workload(app, workloads).items():
        if target == "local" and workload.autoscaling and workload.autoscaling.requests_per_second is not None:
            yield (
                f"{section}.autoscaling.requests_per_second: target local has no monitoring that counts requests; leave it out"
            )


WORKLOAD_INVARIANTS: tuple[Callable[..., Iterator[str]], ...] = (
    connections_suffice,
    a_budget_allows_an_eviction,
    a_pod_has_time_to_leave,
    named_workloads_exist,
    node_groups_exist,
    node_groups_need_aws,
    nobody_asks_a_protected_stack_for_faults,
    requests_are_counted,
    request_metrics_need_aws,
)
