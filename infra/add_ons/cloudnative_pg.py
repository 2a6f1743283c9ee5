"""CloudNativePG: an operator that runs PostgreSQL in the cluster, for stacks without AWS."""

from infra import versions
from infra.add_ons.controller import Controller
from infra.charts import Chart

NAME = "cloudnative-pg"
REPOSITORY = "https://cloudnative-pg.io/charts"
NAMESPACE = "cnpg-system"
"""As the operator's own documentation has it."""


def cloudnative_pg() -> Controller:
    """The operator, for all namespaces."""
    return Controller(Chart(NAME, versions.CLOUDNATIVE_PG, REPOSITORY), namespace=NAMESPACE, values={})
