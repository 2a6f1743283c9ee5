"""Objects that only have to be accepted by a controller: custom resource definitions and quotas."""

from typing import Any

from rehearsal.plugins.kubernetes.api import ApiServer
from rehearsal.plugins.kubernetes.readiness.verdict import READY, Verdict, condition, worded


def definition(_: ApiServer, live: dict[str, Any]) -> Verdict:
    """Established: the API server serves the new kind."""
    if condition(live, "Established").get("status") == "True":
        return READY
    refused = condition(live, "NamesAccepted")

    def reasons() -> list[str]:
        return (
            [worded(refused)] if refused.get("status") == "False" else ["CustomResourceDefinition is not established"]
        )

    return Verdict(
        False,
        "Waiting for CustomResourceDefinition to be established",
        reasons,
        hopeless=refused.get("status") == "False",
    )


def quota(_: ApiServer, live: dict[str, Any]) -> Verdict:
    """The controller enforces the limits that the object asks for."""
    if live["spec"].get("hard", {}) == live.get("status", {}).get("hard", {}):
        return READY
    return Verdict(False, "Waiting for ResourceQuota to be enforced", lambda: ["ResourceQuota is not enforced yet"])
