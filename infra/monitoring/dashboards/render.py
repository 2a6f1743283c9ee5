"""Turns a page into Grafana's JSON, with Grafana's own types. Takes a fifth of a second to import: only where Grafana is."""

import json
from itertools import count

from grafana_foundation_sdk.builders import cloudwatch, prometheus, stat, timeseries
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.builders.common import VizLegendOptions
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.cloudwatch import MetricEditorMode, MetricQueryType, QueryMode
from grafana_foundation_sdk.models.common import DataSourceRef, LegendPlacement
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    Threshold,
    ThresholdsMode,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from infra.monitoring.alert import RUNBOOKS
from infra.monitoring.dashboards.page import Metric, Page, Panel, Query, Variable

WIDTH = 24
"""Of Grafana's grid."""

MOST_IN_LINE = 4

HEIGHTS = {"stat": 4, "timeseries": 8}

TAG = "marlinspike"
"""By which the dashboards know each other."""

SOURCE = "datasource"
"""Name of the variable that says which data source of a kind is meant."""


def render(page: Page) -> str:
    """The dashboard as JSON with sorted keys: the same page gives the same text."""
    source = DataSourceRef(page.source, f"${{{SOURCE}}}")
    built = (
        build.Dashboard(page.title)
        .uid(page.uid)
        .description(page.description)
        .tags([TAG])
        .time(page.since, "now")
        .refresh("1m")
        .timezone("browser")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .readonly()
        .link(
            build.DashboardLink("Dashboards")
            .type(DashboardLinkType.DASHBOARDS)
            .tags([TAG])
            .as_dropdown(True)
            .include_vars(True)
            .keep_time(True)
        )
        .with_variable(build.DatasourceVariable(SOURCE).label("Data source").type(page.source))
    )
    for alert in page.runbooks:
        link = build.DashboardLink(f"Runbook {alert}").type(DashboardLinkType.LINK).url(f"{RUNBOOKS}/{alert}.md")
        built.link(link.icon("doc").target_blank(True))
    for variable in page.variables:
        built.with_variable(_variable(variable, source))
    identifiers = count(1)
    for row in page.rows:
        built.with_row(build.Row(row.title).id(next(identifiers)))
        height = max(HEIGHTS[panel.kind] for panel in row.panels)
        for panel in row.panels:
            made = _panel(panel, page, source).id(next(identifiers))
            built.with_panel(made.height(height).span(WIDTH // min(len(row.panels), MOST_IN_LINE)))
    return json.dumps(built.build(), cls=JSONEncoder, sort_keys=True)


def _variable(variable: Variable, source: DataSourceRef) -> build.QueryVariable:
    return (
        build.QueryVariable(variable.name)
        .label(variable.heading)
        .datasource(source)
        .query(f"label_values({variable.of}, {variable.label})")
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
        .current(VariableOption(text=variable.first, value=variable.first))
    )


def _panel(panel: Panel, page: Page, source: DataSourceRef) -> stat.Panel | timeseries.Panel:
    made: stat.Panel | timeseries.Panel = stat.Panel()
    if panel.kind == "timeseries":
        legend = VizLegendOptions().show_legend(True).placement(LegendPlacement.BOTTOM)
        made = timeseries.Panel().fill_opacity(10).span_nulls(False).legend(legend)
    made.title(panel.title).description(panel.description).datasource(source).unit(panel.unit)
    made.thresholds(_thresholds(panel))
    if panel.unit != "percentunit" or panel.most is not None:
        made.min(0)  # shares may fall below zero: a budget that is overspent
    if panel.most is not None:
        made.max(panel.most)
    for number, query in enumerate(panel.queries):
        made.with_target(_target(query, chr(ord("A") + number), page, source))
    return made


def _target(
    query: Query | Metric, letter: str, page: Page, source: DataSourceRef
) -> prometheus.Dataquery | cloudwatch.MetricsQuery:
    if isinstance(query, Query):
        return (
            prometheus.Dataquery()
            .ref_id(letter)
            .datasource(source)
            .expr(query.expression)
            .legend_format(query.legend)
            .range()
        )
    return (
        cloudwatch.MetricsQuery()
        .ref_id(letter)
        .id(letter.lower())
        .datasource(source)
        .query_mode(QueryMode.METRICS)
        .metric_query_type(MetricQueryType.SEARCH)
        .metric_editor_mode(MetricEditorMode.BUILDER)
        .region(page.region)
        .namespace(query.namespace)
        .metric_name(query.name)
        .dimensions({name: [value] for name, value in query.dimensions.items()})
        .match_exact(True)
        .statistic(query.statistic)
        .period("60")
        .label(query.legend)
    )


def _thresholds(panel: Panel) -> build.ThresholdsConfig:
    steps = [Threshold(None, "green")]
    if panel.limits:
        low, high = sorted(panel.limits)
        first, last = ("green", "red") if panel.limits == (low, high) else ("red", "green")
        steps = [Threshold(None, first), Threshold(low, "yellow"), Threshold(high, last)]
    return build.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)
