"""`validate`: a stack file judged offline."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ops.__main__ import app
from ops.engine import PulumiEngine
from ops.stack import Stack
from ops.stack_file import changed_text
from ops.validate import judge
from preflight.findings import Finding, Status
from rehearsal import places

OWN: Mapping[str, Any] = {
    "account.id": "210987654321",
    "cluster.public_access_cidrs": ["93.184.216.0/24"],
    "cluster.administrators": ["arn:aws:iam::210987654321:role/platform-administrators"],
    "cluster.deployers": None,
    "cluster.readers": None,
    "cluster.namespace_editors": None,
    "edge.domain": "quotes.marlinspike.dev",
    "edge.hosted_zone_id": "Z0456789ABCDEFGHIJ",
    "app.image": f"ghcr.io/marlinspike/app@sha256:{'a' * 64}",
    "budget.emails": ["platform@marlinspike.dev"],
}
"""Dev, as somebody made it their own."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for file in places.repository().glob("Pulumi*.yaml"):
        shutil.copy(file, tmp_path)
    return tmp_path


def judged(folder: Path, stack: str, changes: Mapping[str, Any]) -> list[Finding]:
    file = folder / f"Pulumi.{stack}.yaml"
    file.write_text(changed_text(file.read_text(), changes))
    return judge(Stack(folder, stack, PulumiEngine(folder, stack, print)))


def faults(found: list[Finding]) -> list[str]:
    return [f"{each.check}: {each.found}" for each in found if each.status is Status.FAULT]


def test_one_s_own_stack_file_is_right_down_to_its_price(folder: Path) -> None:
    found = judged(folder, "dev", OWN)
    assert faults(found) == []
    checks = {each.check: each for each in found}
    assert checks.keys() == {"own values", "settings", "images", "plan", "policies", "price"}
    assert "named by its digest" in checks["images"].found
    assert checks["price"].found.endswith("USD a month of 400")


def test_documentation_values_an_image_by_tag_and_a_budget_that_is_too_small_are_told_together(folder: Path) -> None:
    found = judged(folder, "prod", {"app.image": "ghcr.io/marlinspike/app:0.1.0", "budget.monthly_usd": 10})
    told = faults(found)
    assert any("account.id is 111122223333" in text for text in told)
    assert any(text.startswith("images: app: ghcr.io/marlinspike/app:0.1.0 is named by a tag") for text in told)
    assert any("more than budget.monthly_usd, 10" in text for text in told)


def test_what_the_policy_pack_refuses_is_told_with_rule_and_remedy(folder: Path) -> None:
    found = judged(folder, "dev", {**OWN, "account.region": "us-east-1"})
    refused = [each for each in found if each.check == "policies"]
    assert {each.status for each in refused} == {Status.FAULT}
    assert all("regions-are-approved" in each.found and each.to_do for each in refused)


def test_faults_of_the_settings_are_told_all_at_once_beside_the_placeholders(folder: Path) -> None:
    found = judged(
        folder, "dev", {**OWN, "app.replicas": 0, "nodes.application.minimum": 9, "budget.emails": ["me@example.com"]}
    )
    told = faults(found)
    assert len([text for text in told if text.startswith("settings:")]) >= 2
    assert any("example.com" in text for text in told)
    assert "plan" not in {each.check for each in found}


def test_a_program_that_cannot_be_planned_is_a_fault(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ValueError("no such subnet")

    monkeypatch.setattr("ops.validate.plan_of", broken)
    assert faults(judged(folder, "dev", OWN)) == ["plan: the program ends with ValueError: no such subnet"]


def test_the_command_ends_with_status_1_and_the_whole_list(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.command.FOLDER", folder)
    monkeypatch.setenv("PATH", "")  # neither pulumi nor aws
    answer = CliRunner().invoke(app, ["validate", "--stack", "local"])
    assert answer.exit_code == 0, answer.output
    refused = CliRunner().invoke(app, ["validate", "--stack", "account"])
    assert refused.exit_code == 1
    assert "nothing was touched" in refused.output
