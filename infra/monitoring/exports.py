"""Alert on daily copies (infra/exports) that are not made."""

from collections.abc import Sequence
from dataclasses import dataclass

from infra.monitoring.alert import Alert


@dataclass(frozen=True)
class WatchedExports:
    """The CronJobs whose last success is watched."""

    namespace: str
    cron_jobs: Sequence[str]
    missing_hours: int


def export_alerts(exports: WatchedExports) -> list[Alert]:
    """One rule for all of them: it also tells of a CronJob that is suspended, and of one that never succeeded."""
    chosen = f'namespace="{exports.namespace}", cronjob=~"{"|".join(exports.cron_jobs)}"'
    # As long as it never succeeded, its age counts.
    last = f"(kube_cronjob_status_last_successful_time{{{chosen}}} or kube_cronjob_created{{{chosen}}})"
    return [
        Alert(
            name="ExportMissing",
            # While kube-state-metrics is replaced, two of it tell the same.
            expression=f"time() - max by (namespace, cronjob) {last} > {exports.missing_hours * 3600}",
            hold="10m",
            severity="warning",
            summary="A daily copy of the database or of Kubernetes' objects was not made.",
            description="{{ $labels.namespace }}/{{ $labels.cronjob }} succeeded last {{ $value | humanizeDuration }} ago.",
        )
    ]
