"""What a dashboard is made of, without Grafana's own words: `render` turns it into those."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Unit = Literal["percentunit", "percent", "reqps", "s", "bytes", "short", "iops", "ops"]
"""Grafana's names. `percentunit` is 0 to 1, `percent` is 0 to 100."""

Statistic = Literal["Average", "Maximum", "Minimum", "Sum"]


@dataclass(frozen=True)
class Query:
    """One expression in PromQL, and what its series are called (`{{pod}}`)."""

    expression: str
    legend: str


@dataclass(frozen=True)
class Metric:
    """One metric of CloudWatch, of the dashboard's region."""

    namespace: str
    name: str
    statistic: Statistic
    dimensions: Mapping[str, str]
    legend: str


@dataclass(frozen=True)
class Panel:
    """One picture. Its description says what it means and from where on somebody should care."""

    title: str
    description: str
    unit: Unit
    queries: Sequence[Query | Metric]
    kind: Literal["timeseries", "stat"] = "timeseries"
    """`stat` is one number: the latest."""
    limits: tuple[float, float] | None = None
    """Yellow from the first on, red from the second on: the alerts' own figures, where there are some. A second that is lower
    means that less is worse."""
    most: float | None = None
    """End of the axis, for shares of a whole."""


@dataclass(frozen=True)
class Row:
    """Panels under one heading, side by side."""

    title: str
    panels: Sequence[Panel]


@dataclass(frozen=True)
class Variable:
    """What a reader chooses above the dashboard; its values are those of `label` in the series of `of`."""

    name: str
    heading: str
    of: str
    label: str
    first: str
    """What is chosen at first."""


@dataclass(frozen=True)
class Page:
    """One dashboard. `uid` is part of its address and never changes."""

    uid: str
    title: str
    description: str
    rows: Sequence[Row]
    variables: Sequence[Variable] = ()
    runbooks: Sequence[str] = ()
    """Alerts whose pages (docs/runbooks) go with it."""
    since: str = "now-6h"
    source: Literal["prometheus", "cloudwatch"] = "prometheus"
    region: str = ""
    """Of CloudWatch's metrics."""
    panels: list[Panel] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "panels", [panel for row in self.rows for panel in row.panels])
