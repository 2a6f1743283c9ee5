"""Jobs: ready when they are complete."""

from typing import Any

from rehearsal.plugins.kubernetes.api import ApiServer
from rehearsal.plugins.kubernetes.objects import namespace_of
from rehearsal.plugins.kubernetes.readiness.pods import faults_of_pods, warnings_about
from rehearsal.plugins.kubernetes.readiness.verdict import READY, Verdict, condition, worded


def job(server: ApiServer, live: dict[str, Any]) -> Verdict:
    """Complete, or suspended on purpose; a failed one is given up at once."""
    if live["spec"].get("suspend") or condition(live, "Complete").get("status") == "True":
        return READY
    status = live.get("status", {})
    failure = condition(live, "Failed")
    failed = failure.get("status") == "True"

    def reasons() -> list[str]:
        told = (
            [worded(failure)]
            if failed
            else [f"Job is not complete: {status.get('active', 0)} active, {status.get('failed', 0)} failed"]
        )
        return [
            *told,
            *warnings_about(server, live),
            *faults_of_pods(server, namespace_of(live), live["spec"].get("selector") or {}),
        ]

    counts = " | ".join(f"{phase.title()}: {status.get(phase, 0)}" for phase in ("active", "succeeded", "failed"))
    return Verdict(False, f"Waiting for Job to complete ({counts})", reasons, hopeless=failed)
