"""The documents keep up with the program."""

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from infra.monitoring.alert import RUNBOOKS
from preflight.placeholders import placeholders
from stacks.settings import AccountStackSettings, AwsSettings, LocalSettings
from tests.unit.alarms import every_alarm
from tests.unit.documents import DOCUMENTS, FENCED, anchors, links, named
from tests.unit.plan import PROJECT_FOLDER, stack_file
from tests.unit.rules import every_alert

ALERTS = {alert.name for alert in every_alert()} | {alarm.name for alarm in every_alarm()}

PROCEDURES = PROJECT_FOLDER / "docs" / "procedures"


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_every_link_within_the_project_leads_to_a_file_and_to_a_heading_that_it_has(document: Path) -> None:
    missing = []
    for link in links(document):
        address, _, heading = link.partition("#")
        target = (document.parent / address).resolve() if address else document
        if "://" in link:
            continue
        if not target.exists() or (heading and heading not in anchors(target)):
            missing.append(link)
    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_every_link_that_leaves_the_project_is_an_address_that_is_encrypted(document: Path) -> None:
    for link in links(document):
        if "://" in link:
            address = urlsplit(link)
            assert address.scheme == "https", link
            assert re.fullmatch(r"([a-z0-9-]+\.)+[a-z]{2,}", address.netloc), link


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_every_row_of_a_table_has_as_many_cells_as_its_heading(document: Path) -> None:
    # A bar within code divides cells too, unless a backslash stands before it; GitHub leaves out what is too much.
    wrong, cells = [], 0
    for line in FENCED.sub("", document.read_text()).splitlines():
        found = len(re.findall(r"(?<!\\)\|", line)) if line.startswith("|") else 0
        if found and cells and found != cells:
            wrong.append(line)
        cells = found and (cells or found)
    assert wrong == []


def test_the_index_leads_to_every_page() -> None:
    index = PROJECT_FOLDER / "docs" / "README.md"
    linked = {(index.parent / link.partition("#")[0]).resolve() for link in links(index)}
    pages = {page for page in (PROJECT_FOLDER / "docs").rglob("*.md") if page != index}
    assert sorted(named(page) for page in pages if not {page, page.parent} & linked) == []


def test_a_heading_is_called_as_github_calls_it(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# A `name`, said [twice](x.md): 2 * 2\n\n## Here\n\n```sh\n# none\n```\n\n## Here\n")
    assert anchors(page) == {"a-name-said-twice-2--2", "here", "here-1"}


@pytest.mark.parametrize("alert", sorted(ALERTS))
def test_every_alert_has_a_runbook_that_says_what_it_means_and_what_to_do(alert: str) -> None:
    runbook = (PROJECT_FOLDER / "docs" / "runbooks" / f"{alert}.md").read_text()
    assert re.findall(r"^## (.+)$", runbook, flags=re.MULTILINE) == ["Meaning", "Impact", "Diagnosis", "Mitigation"]
    assert runbook.startswith(f"# {alert}\n")


def test_every_runbook_belongs_to_an_alert() -> None:
    assert {path.stem for path in (PROJECT_FOLDER / "docs" / "runbooks").glob("*.md")} == ALERTS
    assert RUNBOOKS.endswith("/docs/runbooks")


def test_the_class_of_a_section_stands_in_the_room_that_the_settings_page_names() -> None:
    page = (PROJECT_FOLDER / "docs" / "settings.md").read_text()
    named_rooms = re.findall(r"`(\w+Settings)`[^|`]*?\]\(\.\./([\w/]+\.py)\)", page)
    assert len(named_rooms) > 30
    assert [
        f"{name} is not in {room}"
        for name, room in named_rooms
        if not re.search(rf"^class {name}\(", (PROJECT_FOLDER / room).read_text(), flags=re.MULTILINE)
    ] == []


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


@pytest.mark.parametrize("stack", ["dev", "staging", "prod"])
def test_the_readme_names_every_key_that_holds_a_documentation_value(stack: str) -> None:
    readme = (PROJECT_FOLDER / "README.md").read_text()
    keys = {re.match(r"[a-z_]+\.[a-z_]+", finding.found) for finding in placeholders(stack_file(stack))}
    assert len(keys) >= 8
    assert [
        key[0] for key in keys if key and not re.search(rf"`{key[0]}`|`\.{key[0].partition('.')[2]}`", readme)
    ] == []


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
        if not re.search(rf"^ *(async )?def {name}\(", (PROJECT_FOLDER / path).read_text(), flags=re.MULTILINE)
    ]
    assert missing == []
