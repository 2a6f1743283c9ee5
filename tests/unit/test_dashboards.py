"""Dashboards: the same each time, explained, in Grafana's own words, and there only where Grafana is."""

import json
import re
import subprocess
import sys
from typing import Any

import pytest

from infra.monitoring.alert import SERVICE_PAGE
from infra.monitoring.dashboards.data_stores import data_stores
from infra.monitoring.dashboards.delivery import pages
from infra.monitoring.dashboards.page import Metric, Page, Panel, Query, Row
from infra.monitoring.dashboards.render import render
from infra.monitoring.slo import ObjectivesSettings
from stacks.settings import SettingsError
from tests.unit.plan import PROJECT_FOLDER, planned, planned_with, settings_with
from tests.unit.rules import every_alert

CONFIG_MAP = "kubernetes:core/v1:ConfigMap"
RELEASE = "kubernetes:helm.sh/v3:Release"
PAGES = [
    *pages("marlinspike", "app", ObjectivesSettings()),
    data_stores("eu-west-3", "marlinspike-prod", ["cache-001", "cache-002"]),
]
BY_UID = {page.uid: page for page in PAGES}
SIGN_IN = {
    "client_id": "grafana",
    "client_secret": "grafana-sign-in",
    "authorization_url": "https://login.example.com/authorize",
    "token_url": "https://login.example.com/token",
    "user_url": "https://login.example.com/userinfo",
}
WITH_SIGN_IN = {
    "monitoring.grafana": {"sign_in": SIGN_IN},
    "secrets.grafana-sign-in": {"description": "Grafana's secret at the OpenID provider."},
    "add_ons.external_secrets": True,
}


def config_maps(stack: str) -> dict[str, Any]:
    found = planned(stack).of(CONFIG_MAP)
    return {each.inputs["metadata"]["name"]: each.inputs for each in found if "dashboards" in each.name}


def grafana_of(plan: Any) -> Any:
    return plan.only(RELEASE, "monitoring-release").inputs["values"]["grafana"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.uid)
def test_a_dashboard_is_the_same_text_each_time_with_sorted_keys(page: Page) -> None:
    text = render(page)
    assert text == render(page)
    assert text == json.dumps(json.loads(text), sort_keys=True)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.uid)
def test_every_panel_says_what_it_means_and_in_which_unit(page: Page) -> None:
    panels = [panel for panel in json.loads(render(page))["panels"] if panel["type"] != "row"]
    assert len(panels) == len(page.panels)
    for panel in panels:
        assert panel["title"]
        assert panel["description"].endswith("."), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert panel["datasource"] == {"type": page.source, "uid": "${datasource}"}
        assert {target["datasource"]["uid"] for target in panel["targets"]} == {"${datasource}"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.uid)
def test_panels_have_numbers_of_their_own_and_cover_nobody(page: Page) -> None:
    panels = json.loads(render(page))["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        at = panel["gridPos"]
        cells = {(at["x"] + right, at["y"] + down) for right in range(at["w"]) for down in range(at["h"])}
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells


def test_each_dashboard_has_an_address_of_its_own() -> None:
    assert len(BY_UID) == len(PAGES)
    assert all(re.fullmatch(r"marlinspike-[a-z-]{1,28}", uid) for uid in BY_UID)  # Grafana takes 40 characters


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.uid)
def test_a_dashboard_leads_to_runbooks_that_exist(page: Page) -> None:
    links = [link["url"] for link in json.loads(render(page))["links"] if link.get("url")]
    assert [link.rsplit("/", 1)[1] for link in links] == [f"{alert}.md" for alert in page.runbooks]
    for alert in page.runbooks:
        assert (PROJECT_FOLDER / "docs" / "runbooks" / f"{alert}.md").exists(), alert


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.uid)
def test_a_query_uses_only_variables_that_its_dashboard_declares_or_grafana_has(page: Page) -> None:
    document = json.loads(render(page))
    declared = {variable["name"] for variable in document["templating"]["list"]}
    used = set(re.findall(r"\$\{?(\w+)", json.dumps(document["panels"])))
    assert used <= declared | {"__rate_interval", "__range"}
    for variable in page.variables:
        assert variable.name in used
    rates = [q.expression for panel in page.panels for q in panel.queries if isinstance(q, Query)]
    for expression in rates:
        assert "[$__interval]" not in expression
        assert not re.search(r"\brate\([^)]*\[\d+s\]", expression), "a fixed window below four scrapes finds nothing"


def test_less_is_worse_where_red_stands_below_yellow() -> None:
    def steps(warn_at: float, bad_at: float) -> list[tuple[float | None, str]]:
        panel = Panel("t", "d.", "short", [Query("up", "up")], limits=(warn_at, bad_at))
        document = json.loads(render(Page("u", "t", "d.", [Row("r", [panel])])))
        found = document["panels"][1]["fieldConfig"]["defaults"]["thresholds"]["steps"]
        return [(step["value"], step["color"]) for step in found]

    assert steps(0.7, 0.9) == [(None, "green"), (0.7, "yellow"), (0.9, "red")]
    assert steps(2, 1) == [(None, "red"), (1, "yellow"), (2, "green")]


def test_metrics_of_cloudwatch_are_of_this_database_and_these_members_only() -> None:
    page = BY_UID["marlinspike-data-stores"]
    metrics = [query for panel in page.panels for query in panel.queries]
    assert {tuple(metric.dimensions.values()) for metric in metrics if isinstance(metric, Metric)} == {
        ("marlinspike-prod",), ("cache-001",), ("cache-002",),
    }  # fmt: skip
    targets = [target for panel in json.loads(render(page))["panels"] for target in panel.get("targets", [])]
    assert {target["region"] for target in targets} == {"eu-west-3"}


def test_dashboards_are_config_maps_that_the_charts_sidecar_takes_and_only_where_grafana_is() -> None:
    found = config_maps("prod")
    assert found.keys() == BY_UID.keys()
    sidecar = grafana_of(planned("prod"))["sidecar"]["dashboards"]
    for name, config_map in found.items():
        assert config_map["metadata"]["namespace"] == "monitoring"
        assert config_map["metadata"]["labels"][sidecar["label"]] == sidecar["labelValue"]
        [(file, text)] = config_map["data"].items()
        assert file == f"{name}.json"
        assert json.loads(text)["uid"] == name
        assert len(text) < 2**20  # etcd takes no larger object
    assert config_maps("staging") == config_maps("dev") == {}
    assert grafana_of(planned("staging")) == {"enabled": False}


def test_a_program_without_grafana_does_not_pay_for_grafanas_types() -> None:
    program = "import sys, stacks.composition; print([name for name in sys.modules if name.startswith('grafana')])"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=PROJECT_FOLDER
    )
    assert done.stdout.strip() == "[]"


def test_grafana_reads_metrics_of_aws_as_its_pod_and_nothing_else() -> None:
    plan = planned("prod")
    policy = plan.only("aws:iam/rolePolicy:RolePolicy", "marlinspike-prod-grafana-policy")
    [statement] = json.loads(policy.inputs["policy"])["Statement"]
    assert statement["Action"] == ["cloudwatch:GetMetricData", "cloudwatch:ListMetrics"]
    association = plan.only(
        "aws:eks/podIdentityAssociation:PodIdentityAssociation", "marlinspike-prod-grafana-association"
    )
    assert association.inputs["serviceAccount"] == grafana_of(plan)["serviceAccount"]["name"]
    assert association.inputs["namespace"] == "monitoring"
    assert plan.comes_before(association.key, "Release/monitoring-release")


def test_nobody_unknown_looks_at_grafana_and_no_password_is_ours() -> None:
    values = grafana_of(planned("prod"))
    assert values["adminPassword"] == ""
    configuration = values["grafana.ini"]
    assert configuration["auth.anonymous"] == {"enabled": False}
    assert configuration["users"] == {"allow_sign_up": False}
    assert values["ingress"] == {"enabled": False}
    assert values["persistence"] == {"enabled": False}
    assert "auth.generic_oauth" not in configuration


def test_who_signs_in_is_asked_of_a_provider_with_a_secret_from_a_file() -> None:
    plan = planned_with("prod", WITH_SIGN_IN)
    values = grafana_of(plan)
    sign_in = values["grafana.ini"]["auth.generic_oauth"]
    assert sign_in["client_secret"] == "$__file{/etc/secrets/grafana-sign-in/value}"  # noqa: S105 - a path
    [mount] = values["extraSecretMounts"]
    assert (mount["secretName"], mount["mountPath"]) == ("grafana-sign-in", "/etc/secrets/grafana-sign-in")
    assert sign_in["role_attribute_strict"] is True
    secret = "ExternalSecret/monitoring-secrets-grafana-sign-in"  # noqa: S105 - a name
    assert plan.comes_before(secret, "Release/monitoring-release")


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({**WITH_SIGN_IN, "monitoring.mode": "on"}, "monitoring: grafana.sign_in: mode is on, which has no Grafana"),
        (
            {**WITH_SIGN_IN, "secrets.grafana-sign-in": None},
            "monitoring.grafana.sign_in.client_secret: grafana-sign-in is not in section",
        ),
        (
            {**WITH_SIGN_IN, "add_ons.external_secrets": False},
            "monitoring.grafana.sign_in.client_secret: nothing brings it into the cluster",
        ),
        (
            {**WITH_SIGN_IN, "monitoring.grafana": {"sign_in": {**SIGN_IN, "token_url": "http://plain.example.com"}}},
            "monitoring.grafana.sign_in.token_url: string should match pattern",
        ),
    ],
    ids=["no-grafana", "no-secret", "no-operator", "no-tls"],
)
def test_a_sign_in_that_cannot_work_is_refused(changes: dict[str, Any], fault: str) -> None:
    with pytest.raises(SettingsError) as refused:
        settings_with("prod", changes)
    assert [found for found in refused.value.faults if found.startswith(fault)], refused.value.faults


def test_where_grafana_has_an_address_messages_lead_to_the_workloads_dashboard() -> None:
    sign_in = {**SIGN_IN, "root_url": "https://grafana.example.com/"}
    plan = planned_with("prod", {**WITH_SIGN_IN, "monitoring.grafana": {"sign_in": sign_in}})
    groups = plan.only("kubernetes:monitoring.coreos.com/v1:PrometheusRule", "app-rules").inputs["spec"]["groups"]
    links = {rule["annotations"]["dashboard_url"] for group in groups for rule in group["rules"] if "alert" in rule}
    assert links == {f"https://grafana.example.com/d/{SERVICE_PAGE}?var-namespace=marlinspike&var-workload=app"}
    assert SERVICE_PAGE in BY_UID
    assert not [alert for alert in every_alert("prod") if "dashboard_url" in alert.annotations]


def test_the_objectives_shown_are_those_that_alerts_watch() -> None:
    plan = planned_with("prod", {"monitoring.objectives": {"availability_percent": 99.5, "latency_seconds": 0.5}})
    [shown] = [
        each.inputs["data"] for each in plan.of(CONFIG_MAP) if "marlinspike-objectives.json" in each.inputs["data"]
    ]
    text = shown["marlinspike-objectives.json"]
    assert "Availability 99.5%, and 95% of the requests within 500 ms." in text
    assert 'le=\\"0.5\\"' in text
