"""Every alert fires when it must and not before, says what it should, and ends; judged by promtool on the registered rules."""

import copy
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from rehearsal.toolchain.monitoring import version_of
from tests.monitoring.cases import LINGERS, OTHER, OURS, Case, cases, ready, requests, up
from tests.monitoring.promtool import Look, Play, Series, complaints
from tests.monitoring.tools import tools
from tests.unit.rules import AlertRule, every_alert, groups

WELL = 60
"""Samples of health before anything happens: half an hour."""

STEP = 30

HEALTHY: list[Series] = [series for case in cases(OURS) for series in case.series]


def seconds(duration: str) -> int:
    """`5m` is 300."""
    return int(duration[:-1]) * {"s": 1, "m": 60, "h": 3600, "d": 86_400}[duration[-1]]


def without_words(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The groups with no annotations: promtool insists on each word of them, which tell a value."""
    bare = copy.deepcopy(found)
    for group in bare:
        for rule in group["rules"]:
            rule.pop("annotations", None)
    return bare


def only(case: Case, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The groups with one alert, which may share its name with others, and with everything that is recorded."""

    def stays(rule: dict[str, Any]) -> bool:
        labels = rule.get("labels", {})
        return "record" in rule or (rule["alert"], labels["severity"], labels.get("window", "")) == case.key

    left = [{**group, "rules": [rule for rule in group["rules"] if stays(rule)]} for group in found]
    return [group for group in left if group["rules"]]


def rule_of(case: Case) -> AlertRule:
    """The registered rule that a case is about."""
    [rule] = [rule for rule in every_alert() if rule.key == case.key]
    return rule


def played(series: list[Series], phases: list[tuple[str, int]]) -> dict[str, str]:
    """By series: its samples."""
    return {each.name: each.samples(phases) for each in series}


def test_promtool_finds_no_fault_with_the_rules(tmp_path: Path) -> None:
    for workload in ("app", "mailer"):
        (tmp_path / f"{workload}.yaml").write_text(yaml.safe_dump({"groups": groups(workload=workload)}))
        command = [tools().promtool, "check", "rules", "--lint=all", "--lint-fatal", f"{workload}.yaml"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_a_case_that_makes_it_fire() -> None:
    assert sorted(case.key for case in cases()) == sorted(rule.key for rule in every_alert())


@pytest.mark.parametrize("case", cases(), ids=lambda case: "-".join(filter(None, case.key)))
def test_an_alert_fires_when_its_hold_is_over_and_not_before_and_ends(case: Case, tmp_path: Path) -> None:
    rule = rule_of(case)
    late = case.late
    if case.late_in_3 is not None and version_of(tools().promtool).startswith("3."):
        late = case.late_in_3
    fires = (WELL + late) * STEP + seconds(rule.hold)
    ill = late + seconds(rule.hold) // STEP + 3
    last_ill = (WELL + ill - 1) * STEP
    phases = [("well", WELL), ("ill", ill), ("well", case.recovers // STEP + 5)]
    labels = {"severity": case.severity, "namespace": OURS, **case.labels}
    alone = only(case, without_words(groups()))
    looks = [
        Look(WELL * STEP - STEP, case.alert),
        Look(fires - STEP, case.alert),
        Look(fires, case.alert, [labels]),
        # What silences its consequences outlives them.
        *([Look(last_ill + LINGERS - 60, case.alert, [labels])] if case.recovers == LINGERS else []),
        Look(last_ill + case.recovers, case.alert),
    ]
    elsewhere = [each for other in cases(OTHER) if other.key == case.key for each in other.series]
    both = {**played(list(case.series), [("well", sum(count for _, count in phases))]), **played(elsewhere, phases)}
    plays = [
        Play(played(list(case.series), phases), looks),
        # The same trouble in another namespace is another's.
        Play(both, [Look(fires, case.alert)]),
    ]
    assert complaints(alone, plays, tmp_path) == ""


@pytest.mark.parametrize("case", cases(), ids=lambda case: "-".join(filter(None, case.key)))
def test_an_alert_says_what_is_wrong_where_and_what_to_read(case: Case, tmp_path: Path) -> None:
    rule = rule_of(case)
    at = seconds(rule.hold) + 600
    annotations = {
        "summary": rule.annotations["summary"],
        "description": case.description,
        "runbook_url": rule.annotations["runbook_url"],
    }
    assert "{{" not in rule.annotations["summary"]
    labels = {"severity": case.severity, "namespace": OURS, **case.labels}
    play = Play(played(list(case.series), [("ill", at // STEP + 2)]), [Look(at, case.alert, [labels], annotations)])
    assert complaints(only(case, groups()), [play], tmp_path) == ""


def test_health_and_idleness_tell_nobody_anything(tmp_path: Path) -> None:
    names = {rule.name for rule in every_alert()}
    pods = {"app-1": (1.0, 1.0), "app-2": (1.0, 1.0), "app-3": (1.0, 1.0)}
    well = [*HEALTHY, *up(OURS, pods), *ready(OURS, pods)]
    idle = [
        Series(each.name, 0 if each.counter else each.well, 0 if each.counter else each.well, each.counter)
        for each in well
    ]
    looks = [Look(at, name) for name in sorted(names) for at in (600, 7200)]
    plays = [Play(played(series, [("well", 250)]), looks) for series in (well, idle)]
    assert complaints(without_words(groups()), plays, tmp_path) == ""


def test_without_any_series_only_what_watches_for_their_absence_fires(tmp_path: Path) -> None:
    absent = {"WorkloadDown": {"job": "app"}, "AvailablePodsLow": {}}
    looks = [
        Look(
            900,
            name,
            [{"severity": "critical", "namespace": OURS, **absent[name]}] if name in absent else [],
        )
        for name in sorted({rule.name for rule in every_alert()})
    ]
    assert complaints(without_words(groups()), [Play({'x{y="z"}': "1+0x40"}, looks)], tmp_path) == ""


def test_one_failed_request_of_a_quiet_night_wakes_nobody(tmp_path: Path) -> None:
    # One request in ten minutes; one of the night's fails: all of it, for five minutes.
    where = f'namespace="{OURS}", job="app", method="GET", route="/quotes"'
    series = {
        f'http_requests_total{{{where}, status="200"}}': "0+0x39 1+0x79",
        f'http_requests_total{{{where}, status="500"}}': "0+0x59 1+0x59",
    }
    looks = [Look(at, name) for name in ("ErrorRateHigh", "AvailabilityBudgetBurning") for at in range(1800, 2400, 60)]
    assert complaints(without_words(groups()), [Play(series, looks)], tmp_path) == ""


def test_probes_do_not_thin_out_failures(tmp_path: Path) -> None:
    probes = [
        Series(
            f'http_requests_total{{namespace="{OURS}", job="app", method="GET", route="{route}", status="200"}}',
            600,
            600,
            counter=True,
        )
        for route in ("/healthz", "/readyz", "/health", "/quotes/health")
    ]
    labels = {"severity": "critical", "namespace": OURS, "job": "app"}
    play = Play(played([*requests(OURS), *probes], [("ill", 40)]), [Look(900, "ErrorRateHigh", [labels])])
    assert complaints(without_words(groups()), [play], tmp_path) == ""


def test_a_blue_green_switch_goes_unnoticed(tmp_path: Path) -> None:
    def version(colour: str, there: list[tuple[str, int]]) -> list[tuple[Series, list[tuple[str, int]]]]:
        names = {f"app-{colour}-{number}": (None, 1.0) for number in range(3)}
        return [(each, there) for each in (*up(OURS, names), *ready(OURS, names))]

    series = {
        each.name: each.samples(phases)
        for each, phases in (
            *version("0a0a0a0a", [("ill", 30), ("well", 40)]),
            *version("1b1b1b1b", [("well", 29), ("ill", 41)]),
        )
    }
    # The restart of a counter and the end of a pod are no negative rates.
    for colour, phases in (("0", "0+30x29 _x40"), ("1", "_x29 0+30x40")):
        where = f'namespace="{OURS}", job="app", pod="app-{colour}", method="GET", route="/quotes", status="200"'
        series[f"http_requests_total{{{where}}}"] = phases
    looks = [Look(at, name) for name in sorted({rule.name for rule in every_alert()}) for at in range(840, 1260, 30)]
    assert complaints(without_words(groups()), [Play(series, looks)], tmp_path) == ""


def test_every_result_keeps_its_namespace() -> None:
    for group in groups():
        for rule in group["rules"]:
            assert f'namespace="{OURS}"' in rule["expr"], rule
            assert all("namespace" in kept for kept in re.findall(r"\bby \(([^)]*)\)", rule["expr"])), rule
