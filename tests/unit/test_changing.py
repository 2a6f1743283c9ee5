"""Pieces of stack files and of code in the documents are what they say: they load, and they make what the page tells."""

import ast
import re
import textwrap
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra import versions
from infra.monitoring import service
from infra.monitoring.alert import Alert, Watched, group
from infra.monitoring.dashboards import service as service_page
from infra.monitoring.dashboards.page import Panel
from tests.monitoring import cases
from tests.unit.documents import DOCUMENTS, Block, blocks, blocks_of, named
from tests.unit.plan import PROJECT, PROJECT_FOLDER, Plan, plan_of, settings_of, stack_file

CHANGING = PROJECT_FOLDER / "docs" / "changing.md"


def piece(block: Block) -> Mapping[str, Any] | None:
    """What a block says of a stack file's `config`; None where it shows something else."""
    if block.language != "yaml":
        return None
    content = yaml.safe_load(textwrap.dedent(re.sub(r"\A#.*\n", "", block.text)))
    return content if all(str(key).startswith(f"{PROJECT}:") for key in content) else None


def stack_of(block: Block) -> tuple[str, str]:
    """The stack that a block is about, by its first line; and the one whose file it starts from. `prod` where nothing is said."""
    found = re.match(r"# Pulumi\.([a-z]+)\.yaml(?:, a copy of Pulumi\.([a-z]+)\.yaml)?", block.text)
    return (found[1], found[2] or found[1]) if found else ("prod", "prod")


def merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """One configuration laid over another, key by key."""
    result = dict(under)
    for key, value in over.items():
        result[key] = (
            merged(result[key], value) if isinstance(result.get(key), dict) and isinstance(value, dict) else value
        )
    return result


def followed(document: Path) -> dict[str, dict[str, Any]]:
    """The stack files of somebody who does all that a page shows, one piece after the other, as far as each is loaded."""
    files: dict[str, dict[str, Any]] = {}
    for block in blocks(document):
        change = piece(block)
        if change is not None:
            stack, source = stack_of(block)
            files[stack] = merged(files.get(stack) or stack_file(source), change)
            settings_of(stack, files[stack])
    return files


SHOWN = [document for document in DOCUMENTS if any(piece(block) is not None for block in blocks(document))]


@pytest.mark.parametrize("document", SHOWN, ids=named)
def test_every_piece_of_a_stack_file_is_accepted(document: Path) -> None:
    assert followed(document)


def section(heading: str) -> list[Block]:
    """The blocks under one heading of docs/changing.md."""
    text = CHANGING.read_text()
    start = text.index(f"\n## {heading}\n")
    end = text.find("\n## ", start + 1)
    return blocks_of(text[start : end if end > 0 else None])


def accepted(*headings: str) -> bool:
    """Whether the program takes the stack files of somebody who only follows these sections; raises SettingsError where not."""
    files: dict[str, dict[str, Any]] = {}
    for block in (block for heading in headings for block in section(heading)):
        change = piece(block)
        if change is not None:
            stack, source = stack_of(block)
            files[stack] = merged(files.get(stack) or stack_file(source), change)
    return bool([settings_of(stack, config) for stack, config in files.items()])


@cache
def plans() -> dict[str, Plan]:
    """What the stacks register for somebody who does all that the page shows."""
    return {stack: plan_of(stack, settings_of(stack, config)) for stack, config in followed(CHANGING).items()}


def _a_workload(plans: dict[str, Plan]) -> bool:
    made = {resource.type for resource in plans["prod"].resources if "mailer" in resource.name}
    repositories = {repository.inputs["name"] for repository in plans["account"].of("aws:ecr/repository:Repository")}
    return "marlinspike/mailer" in repositories and {
        "kubernetes:apps/v1:Deployment", "kubernetes:core/v1:Service", "kubernetes:core/v1:ServiceAccount",
        "kubernetes:networking.k8s.io/v1:NetworkPolicy", "kubernetes:monitoring.coreos.com/v1:PrometheusRule",
    } <= made  # fmt: skip


def _an_environment(plans: dict[str, Plan]) -> bool:
    roles = {role.inputs.get("name") for role in plans["account"].of("aws:iam/role:Role")}
    return {"marlinspike-qa-deploy", "marlinspike-qa-preview"} <= roles and plans["qa"].only("aws:ec2/vpc:Vpc").inputs[
        "cidrBlock"
    ] == "10.44.0.0/16"


def _a_region(plans: dict[str, Plan]) -> bool:
    zones = {subnet.inputs["availabilityZone"] for subnet in plans["dev"].of("aws:ec2/subnet:Subnet")}
    return zones == {"eu-central-1a", "eu-central-1b", "eu-central-1c"}


def _a_node_group(plans: dict[str, Plan]) -> bool:
    found = plans["prod"].only("aws:eks/nodeGroup:NodeGroup", "marlinspike-prod-batch").inputs
    return bool(found["capacityType"] == "SPOT" and found["taints"][0]["key"] == "batch")


def _a_flow(plans: dict[str, Plan]) -> bool:
    kind, other = "kubernetes:networking.k8s.io/v1:NetworkPolicy", "'app.kubernetes.io/name': '{}'"
    ours, theirs = (plans["prod"].only(kind, f"marlinspike-{name}").inputs["spec"] for name in ("app", "mailer"))
    return other.format("mailer") in str(ours["egress"]) and other.format("app") in str(theirs["ingress"])


def _a_size(plans: dict[str, Plan]) -> bool:
    cache = plans["prod"].only("aws:elasticache/replicationGroup:ReplicationGroup").inputs
    database = plans["prod"].only("aws:rds/instance:Instance").inputs
    return (cache["nodeType"], database["instanceClass"]) == ("cache.m7g.xlarge", "db.m7g.xlarge")


def _a_secret(plans: dict[str, Plan]) -> bool:
    place = plans["prod"].only("aws:secretsmanager/secret:Secret", "marlinspike-prod-payment-api").inputs["name"]
    return bool(place == "marlinspike-prod/payment-api")


@pytest.mark.parametrize(
    ("headings", "holds"),
    [
        (["Another workload"], _a_workload),
        (["A new environment"], _an_environment),
        (["Another region"], _a_region),
        (["Another node group"], _a_node_group),
        (["Another workload", "Another policy: who may call whom"], _a_flow),
        (["Another size of an instance"], _a_size),
        (["Another secret"], _a_secret),
    ],
    ids=lambda value: value[-1] if isinstance(value, list) else "",
)
def test_a_change_of_a_stack_file_makes_what_the_page_says(
    headings: list[str], holds: Callable[[dict[str, Plan]], bool]
) -> None:
    assert accepted(*headings)
    assert holds(plans())


def code(heading: str, module: Any, **names: Any) -> list[Any]:
    """The values of the pieces of Python under a heading, read as if they stood in that module."""
    found = []
    for block in section(heading):
        if block.language == "python":
            [statement] = ast.parse(block.text).body
            value = statement.value if isinstance(statement, ast.Expr | ast.AnnAssign) else None
            assert value is not None
            found.append(eval(compile(ast.Expression(value), str(CHANGING), "eval"), {**vars(module), **names}))  # noqa: S307
    return found


def test_the_alert_of_the_page_is_one() -> None:
    watched = Watched("app", "marlinspike")
    [block, case] = [block for block in section("Another alert") if block.language == "python"]
    alert = eval(block.text, {**vars(service), "workload": watched, "name": "app"})  # noqa: S307
    assert isinstance(alert, Alert)
    [rule] = group("requests", watched, [alert])["rules"]
    assert (
        rule["expr"]
        == 'sum by (namespace, job) (rate(http_requests_total{job="app", namespace="marlinspike", status="429"}[5m])) > 1'
    )
    told = eval(case.text, {**vars(cases), "namespace": "marlinspike", "at_app": {}})  # noqa: S307
    assert told.key == (alert.name, alert.severity, "")


def test_the_panel_of_the_page_is_one() -> None:
    [panel] = code("Another panel of a dashboard", service_page)
    assert isinstance(panel, Panel)
    titles = [each.title for each in service_page.service("marlinspike", "app").panels]
    assert "Refused requests" in titles
    assert panel.title not in titles


def test_the_version_of_the_page_is_pinned_where_it_says() -> None:
    [block] = [block for block in section("Another version of a chart") if block.language == "python"]
    name, _, version = block.text.partition(": Final = ")
    assert re.fullmatch(r'"\d+\.\d+\.\d+"', version)
    assert isinstance(getattr(versions, name), str)
