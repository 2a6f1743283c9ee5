"""The documents keep up with the program."""

import re
from pathlib import Path

import pytest
import yaml

from infra.monitoring.alert import RUNBOOKS
from stacks.settings import AccountStackSettings, AwsSettings, LocalSettings
from tests.unit.alarms import every_alarm
from tests.unit.plan import PROJECT_FOLDER
from tests.unit.rules import every_alert

ALERTS = {alert.name for alert in every_alert()} | {alarm.name for alarm in every_alarm()}

DOCUMENTS = sorted(
    [*PROJECT_FOLDER.glob("*.md"), *PROJECT_FOLDER.glob("docs/**/*.md"), *PROJECT_FOLDER.glob("app/*.md")]
)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(PROJECT_FOLDER)))
def test_every_link_within_the_project_leads_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", document.read_text())
    missing = [link for link in links if "://" not in link and not (document.parent / link).exists()]
    assert missing == []


@pytest.mark.parametrize("alert", sorted(ALERTS))
def test_every_alert_has_a_runbook_that_says_what_it_means_and_what_to_do(alert: str) -> None:
    runbook = (PROJECT_FOLDER / "docs" / "runbooks" / f"{alert}.md").read_text()
    assert re.findall(r"^## (.+)$", runbook, flags=re.MULTILINE) == ["Meaning", "Impact", "Diagnosis", "Mitigation"]
    assert runbook.startswith(f"# {alert}\n")


def test_every_runbook_belongs_to_an_alert() -> None:
    assert {path.stem for path in (PROJECT_FOLDER / "docs" / "runbooks").glob("*.md")} == ALERTS
    assert RUNBOOKS.endswith("/docs/runbooks")


def test_every_section_of_the_settings_is_declared_and_explained() -> None:
    declared = yaml.safe_load((PROJECT_FOLDER / "Pulumi.yaml").read_text())["config"].keys()
    explained = set(
        re.findall(r"^\| `([a-z_]+)` \|", (PROJECT_FOLDER / "docs" / "settings.md").read_text(), flags=re.MULTILINE)
    )
    sections = (
        AwsSettings.model_fields.keys() | LocalSettings.model_fields.keys() | AccountStackSettings.model_fields.keys()
    )
    assert declared == sections
    assert explained == sections


def test_no_absolute_path_of_a_machine_stands_in_a_document() -> None:
    for document in DOCUMENTS:
        assert not re.search(r"(?<![\w.])/(work|home|root|Users)/", document.read_text()), document


REQUIREMENTS = (PROJECT_FOLDER / "docs" / "requirements.md").read_text()


def test_every_requirement_of_infrastructure_and_workload_has_a_line_and_tests() -> None:
    lines = dict(re.findall(r"^\| ([IW]\d+) \|(.*)$", REQUIREMENTS, flags=re.MULTILINE))
    assert lines.keys() == {f"I{number}" for number in range(1, 11)} | {f"W{number}" for number in range(1, 15)}
    assert [row for row, line in lines.items() if "::test_" not in line] == []


def test_every_requirement_of_delivery_has_a_line() -> None:
    found = re.findall(r"^\| (D\d+) \|", REQUIREMENTS, flags=re.MULTILINE)
    assert found == [f"D{number}" for number in range(1, 8)]


def test_every_test_that_a_requirement_names_is_there() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", REQUIREMENTS)
    assert len(named) == REQUIREMENTS.count("::test_")
    missing = [
        f"{path}::{name}"
        for path, name in named
        if not re.search(rf"^(async )?def {name}\(", (PROJECT_FOLDER / path).read_text(), flags=re.MULTILINE)
    ]
    assert missing == []
