"""Every query of every dashboard, asked of a real Prometheus that scraped the real application."""

import re
from collections.abc import Iterator

import httpx
import pytest

from infra.monitoring.dashboards.delivery import pages
from infra.monitoring.dashboards.page import Page, Panel, Query, Variable
from infra.monitoring.slo import ObjectivesSettings
from tests.app.conftest import Place
from tests.app.servers import Application, eventually, stopping
from tests.monitoring.kubernetes_series import exporter
from tests.monitoring.prometheus import Prometheus

PAGES = pages("marlinspike", "app", ObjectivesSettings())
CHOSEN = {"$namespace": "marlinspike", "$workload": "app", "$__rate_interval": "10s", "$__range": "1m"}
"""What Grafana would put in the variables' place."""

TIMED_BY_MINUTES = ("Mean recovery",)


def as_asked(text: str) -> str:
    for name, value in CHOSEN.items():
        text = text.replace(name, value)
    return text


def value(prometheus: Prometheus, expression: str) -> float:
    [series] = prometheus.query(expression)
    return float(series["value"][1])


def choices(prometheus: Prometheus, variable: Variable) -> list[str]:
    """What a reader can choose from."""
    url = f"http://127.0.0.1:{prometheus.port}/api/v1/label/{variable.label}/values"
    found: list[str] = httpx.get(url, params={"match[]": as_asked(variable.of)}, timeout=20).json()["data"]
    return found


@pytest.fixture(scope="module")
def prometheus(place: Place, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    application = Application(place.environment(), place.folder)
    with exporter() as port, stopping(application):
        application.start()
        place.sign_in(application)
        _use(application, place)
        of_application = {"namespace": "marlinspike", "pod": "app-1a2b3c4d-x"}
        targets = {f"127.0.0.1:{application.metrics_port}": of_application, f"127.0.0.1:{port}": {}}
        # Hurried so that it scrapes once a second.
        made = Prometheus(tmp_path_factory.mktemp("prometheus"), [], targets, factor=30)
        with stopping(made):
            made.start()
            eventually(lambda: made.query('up{namespace="marlinspike"} == 1'), what="the application is scraped")
            _use(application, place)  # a rate wants a second scrape that differs
            yield made


def _use(application: Application, place: Place) -> None:
    """What the dashboards tell of: answers, refusals and failures."""
    quote = application.add()
    for _ in range(10):
        application.client.get(f"/quotes/{quote['id']}")
    application.client.get("/quotes/999999")
    place.postgresql.run("ALTER TABLE quotes RENAME TO hidden", place.database)
    try:
        application.client.post("/quotes", json={"author": "Nobody", "text": "Never."})
    finally:
        place.postgresql.run("ALTER TABLE hidden RENAME TO quotes", place.database)


QUERIES = [(page, panel, query) for page in PAGES for panel in page.panels for query in panel.queries]


@pytest.mark.parametrize(
    ("page", "panel", "query"),
    QUERIES,
    ids=[re.sub(r"\W+", "-", f"{page.title} {panel.title} {query.legend}") for page, panel, query in QUERIES],
)
def test_a_query_is_valid_and_finds_series(prometheus: Prometheus, page: Page, panel: Panel, query: Query) -> None:
    expression = as_asked(query.expression)
    assert "$" not in expression, f"{page.title}: a variable that nobody declares"
    if panel.title in TIMED_BY_MINUTES:  # at whole minutes only, and the test does not wait for one
        expression = expression.replace(":1m]", ":1s]")
    eventually(lambda: prometheus.query(expression), what=f"series of {expression}")
    for label in re.findall(r"\{\{(\w+)\}\}", query.legend):
        assert label in prometheus.query(expression)[0]["metric"], f"the legend names {label}, which the series lack"


@pytest.mark.parametrize(
    "variable",
    [(page.uid, variable) for page in PAGES for variable in page.variables],
    ids=lambda each: "-".join((each[0], each[1].name)),
)
def test_a_variable_can_be_chosen_and_begins_with_something_that_is_there(
    prometheus: Prometheus, variable: tuple[str, Variable]
) -> None:
    eventually(lambda: variable[1].first in choices(prometheus, variable[1]))


def panel(title: str, of: str) -> str:
    [found] = [each for page in PAGES if page.title == of for each in page.panels if each.title == title]
    [query] = found.queries
    assert isinstance(query, Query)
    return as_asked(query.expression)


@pytest.mark.parametrize(
    ("page", "title", "expected"),
    [
        ("Saturation", "Memory", 128 / 512),
        ("Saturation", "CPU throttled", 0.1),
        ("Service", "Pods available", 3),  # not those of app-admin
        ("Cluster capacity", "CPU asked for", 0.5 / 2),  # without what the pod asked for that has ended
        ("Cluster capacity", "Memory asked for", 256 / 1024),
        ("Cluster capacity", "Pods in % of the node's most", 0.1),
        ("Cluster capacity", "Root disk used", 0.25),
        ("Dependencies", "Reached by every pod", 1),
    ],
)
def test_a_panel_shows_the_figure_that_it_promises(
    prometheus: Prometheus, page: str, title: str, expected: float
) -> None:
    expression = panel(title, page)
    eventually(lambda: prometheus.query(expression))
    assert {round(float(series["value"][1]), 3) for series in prometheus.query(expression)} == {round(expected, 3)}


def test_cpu_in_percent_of_the_limit_follows_the_containers_counter(prometheus: Prometheus) -> None:
    # A quarter of a second of CPU with each scrape, and a scrape each second, as far as the machine keeps time.
    expression = panel("CPU", "Saturation")
    eventually(lambda: 0.1 < value(prometheus, expression) < 0.5, what="about a quarter of the limit")


def test_errors_are_a_share_of_the_requests_and_a_service_without_any_has_none(prometheus: Prometheus) -> None:
    errors = panel("Error rate", "Key performance indicators")
    eventually(lambda: 0 < value(prometheus, errors) < 0.5)
    # The same with a status that never came: zero, not nothing.
    assert value(prometheus, errors.replace('status=~"5.."', 'status="599"')) == 0
    assert prometheus.query(errors.replace('job="app"', 'job="nobody"')) == []
