"""KEDA: lets the number of pods follow what Prometheus knows, such as requests a second."""

from infra import versions
from infra.add_ons.controller import Controller
from infra.charts import Chart
from infra.placement import Placement

NAME = "keda"
REPOSITORY = "https://kedacore.github.io/charts"


def keda(placement: Placement) -> Controller:
    """The operator, its webhook and the server of the external metrics API. They ask Prometheus alone: no rights on AWS.

    One metrics server, as KEDA's chart has it: while it is away autoscalers keep the number of pods, and CPU and memory, which
    do not come by it, still add some.
    """
    return Controller(
        Chart(NAME, versions.KEDA, REPOSITORY),
        namespace=NAME,
        values={
            "operator": {"replicaCount": 2},  # one leads, the other takes over
            "webhooks": {"replicaCount": 2},
            "podDisruptionBudget": {"operator": {"maxUnavailable": 1}, "webhooks": {"maxUnavailable": 1}},
            **placement.values(),
        },
    )
