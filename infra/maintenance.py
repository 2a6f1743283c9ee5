"""The page that stands in for the application while it must not be used (docs/decisions/0035): a workload of the same image."""

from collections.abc import Mapping

from pydantic import Field

from infra.pods import Runtime
from infra.settings import Section
from infra.traffic import callers_of
from infra.workload_settings import WorkloadSettings

ARGUMENTS = ("-m", "app.maintenance")

MOST_PODS = 2
"""It answers from memory; two for the node that goes."""


class MaintenanceSettings(Section):
    """`app.maintenance`: while it is there, clients are answered 503 by a page; probes are answered as ever."""

    retry_after_seconds: int = Field(600, ge=1, le=86400)
    """What clients are told by `Retry-After` (RFC 9110, 10.2.3); for search engines it is how long a 503 is no loss."""


def page_settings(app: WorkloadSettings, workloads: Mapping[str, WorkloadSettings], name: str) -> WorkloadSettings:
    """The page as a workload: the application's image, port and probes, open to whoever calls the application `name`.

    Any other load balancer than the Service's own is the composition's matter.
    """
    addresses = [caller for caller in app.allowed_callers if "/" in caller]
    return WorkloadSettings(
        image=app.image,
        port=app.port,
        liveness_path=app.liveness_path,
        readiness_path=app.readiness_path,
        replicas=min(MOST_PODS, app.least_replicas),
        shutdown=app.shutdown,
        node_group=app.node_group,
        allowed_callers=(*callers_of(name, {name: app, **workloads}), *addresses),
    )


def page_runtime(settings: MaintenanceSettings, page: WorkloadSettings) -> Runtime:
    """What its container is told (app/maintenance.py reads it)."""
    return Runtime(
        {
            "PORT": str(page.port),
            "RETRY_AFTER_SECONDS": str(settings.retry_after_seconds),
            "HEALTH_PATHS": f"{page.liveness_path},{page.readiness_path}",
        },
        arguments=ARGUMENTS,
    )
