"""What CI does to a real stack: its comment with the price, its question for health, and the state that it goes back to."""

import contextlib
import json
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
import httpx
import pytest
import yaml
from botocore.stub import Stubber

from rehearsal import places
from scripts import deliver, tell
from tests.unit.plan import planned


def update(commit: str, result: str = "succeeded", kind: str = "update", image: str = "") -> dict[str, object]:
    config = {"marlinspike:app": {"objectValue": {"image": image}}} if image else {}
    return {"kind": kind, "result": result, "environment": {"git.head": commit}, "config": config}


def test_it_goes_back_to_the_newest_commit_that_succeeded_and_is_another_one() -> None:
    history = [update("c", "failed"), update("c"), update("b", "failed"), update("d", kind="refresh"), update("a")]
    assert deliver.last_good(history, "c") == ("a", None)
    with pytest.raises(deliver.DeliveryError, match="nothing to go back to"):
        deliver.last_good([update("c")], "c")


def test_it_goes_back_to_the_same_commit_where_the_image_alone_is_another_one() -> None:
    history = [update("c", image="new"), update("c", image="old"), update("b", image="older")]
    assert deliver.last_good(history, "c", "new") == ("c", "old")
    assert deliver.last_good(history, "c") == ("b", "older")
    # An update that the program refused is in no history: what is newest there is still good.
    assert deliver.last_good(history[1:], "c", "new") == ("c", "old")


def test_the_comment_holds_every_stack_and_stays_within_what_github_takes() -> None:
    long = "first line\n" + "+ resource\n" * 20_000 + "Resources: 5 to create"
    price = "**prod: 1200 USD a month of 2000**\n\n| component | USD a month |\n"
    body = tell.comment_body({"dev": "```\nno changes", "prod": long}, {"prod": price + "x" * 100_000})
    assert body.startswith(tell.MARK)
    assert "<b>prod</b>: Resources: 5 to create; prod: 1200 USD a month of 2000</summary>" in body
    assert "| component | USD a month |" in body
    assert "<b>dev</b>: no changes</summary>" in body
    assert "characters left out" in body
    assert len(body) < 65_536
    assert body.count("```") == 4


def github(comments: list[dict[str, object]], seen: list[tuple[str, str]]) -> httpx.Client:
    def answer(request: httpx.Request) -> httpx.Response:
        seen.append((request.method, request.url.path))
        return httpx.Response(200, json=comments if request.method == "GET" else json.loads(request.content))

    return httpx.Client(base_url="https://api.example.com", transport=httpx.MockTransport(answer))


def test_a_pull_request_has_one_comment_that_is_renewed() -> None:
    seen: list[tuple[str, str]] = []
    others = [{"id": 1, "body": "looks good"}]
    tell.comment(["dev"], github(others, seen), "o/r", "7")
    tell.comment(["dev"], github([*others, {"id": 9, "body": f"{tell.MARK} old"}], seen), "o/r", "7")
    assert [each for each in seen if each[0] != "GET"] == [
        ("POST", "/repos/o/r/issues/7/comments"),
        ("PATCH", "/repos/o/r/issues/comments/9"),
    ]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The program, its stack files and its prices in a repository of its own, with one commit."""
    source = places.repository()
    for name in ("infra", "stacks", "price"):
        shutil.copytree(source / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for file in source.glob("Pulumi*.yaml"):
        shutil.copy(file, tmp_path)
    (tmp_path / ".gitignore").write_text("/out/\n__pycache__/\n")
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    monkeypatch.setattr(deliver, "ROOT", tmp_path)
    monkeypatch.setenv("BASE", commit(tmp_path))
    return tmp_path


def commit(folder: Path) -> str:
    author = ["-c", "user.name=A test", "-c", "user.email=test@example.com"]
    for words in (["add", "-A"], [*author, "commit", "-qm", "A change"]):
        subprocess.run(["git", *words], cwd=folder, check=True)
    return deliver.run("git", "rev-parse", "HEAD", folder=folder).strip()


def test_a_change_shows_what_it_adds_to_the_price_and_fails_above_the_budget(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = project / "Pulumi.dev.yaml"
    content = yaml.safe_load(file.read_text())
    content["config"]["marlinspike:nodes"]["application"] |= {"desired": 4, "maximum": 4}
    content["config"]["marlinspike:budget"]["monthly_usd"] = 100
    file.write_text(yaml.safe_dump(content))
    with pytest.raises(deliver.DeliveryError, match=r"more than budget.monthly_usd, 100"):
        deliver.price("dev")
    written = deliver.price_file("dev").read_text()
    [nodes] = [line for line in written.splitlines() if line.startswith("| nodes |")]
    _, _, now, change, _ = (cell.strip() for cell in nodes.split("|"))
    assert 0 < float(change) < float(now)
    assert next(line for line in written.splitlines() if line.startswith("| database |")).endswith("|  |")
    assert "**Refused:** dev: " in written
    assert not (project / "out" / "before").exists()

    # Once it is above its budget, the next change is still compared; a commit that is not there costs the comparison only.
    monkeypatch.setenv("BASE", commit(project))
    content["config"]["marlinspike:budget"]["monthly_usd"] = 1000
    file.write_text(yaml.safe_dump(content))
    deliver.price("dev")
    assert "Refused" not in deliver.price_file("dev").read_text()
    assert "| nodes |" in deliver.price_file("dev").read_text()
    monkeypatch.setenv("BASE", "0" * 40)
    deliver.price("dev")
    assert "What it cost before is not known" in deliver.price_file("dev").read_text()


def test_a_preview_that_fails_still_has_its_price_and_tells_both_faults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliver, "ROOT", tmp_path)

    def fails(name: str) -> Callable[[str], None]:
        def part(stack: str) -> None:
            deliver.price_file(stack).with_name(name).write_text(name)
            raise deliver.DeliveryError(f"{name} failed")

        return part

    monkeypatch.setattr(deliver, "changes", fails("preview.txt"))
    monkeypatch.setattr(deliver, "price", fails("price.md"))
    with pytest.raises(deliver.DeliveryError, match=r"preview.txt failed\nprice.md failed"):
        deliver.preview("dev")
    assert deliver.price_file("dev").exists()


def test_who_gets_no_preview_reads_what_the_rehearsal_came_to_and_costs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliver, "ROOT", tmp_path)
    assert "left no plan" in tell.summary("dev")
    (tmp_path / "out" / "dev" / "manifests").mkdir(parents=True)
    (tmp_path / "out" / "dev" / "manifests" / "one.yaml").touch()
    plan = {"succeeded": True, "changes": {"create": 120, "same": 3}}
    (tmp_path / "out" / "dev" / "plan.json").write_text(json.dumps(plan))
    deliver.price_file("dev").parent.mkdir()
    deliver.price_file("dev").write_text("**dev: 235 USD a month of 400**")
    text = tell.summary("dev")
    assert "came up" in text
    assert "create 120, same 3; 1 Kubernetes objects" in text
    assert text.endswith("**dev: 235 USD a month of 400**")
    (tmp_path / "out" / "dev" / "plan.json").write_text(json.dumps({**plan, "succeeded": False}))
    assert "FAILED" in tell.summary("dev")


def asked(answers: Callable[[int], int]) -> tuple[httpx.Client, list[int]]:
    given: list[int] = []

    def answer(_request: httpx.Request) -> httpx.Response:
        given.append(answers(len(given)))
        return httpx.Response(given[-1])

    return httpx.Client(transport=httpx.MockTransport(answer)), given


def test_health_is_ten_good_answers_in_a_row() -> None:
    client, given = asked(lambda number: 503 if number in (0, 5) else 200)
    deliver.healthy("https://app.example.com", client, pause=lambda _seconds: None)
    assert given[-deliver.GOOD_ANSWERS :] == [200] * deliver.GOOD_ANSWERS
    assert len(given) == 6 + deliver.GOOD_ANSWERS


def test_an_application_that_stays_ill_is_told_with_its_last_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliver, "PATIENCE_SECONDS", 0.05)
    client, _given = asked(lambda _number: 503)
    with pytest.raises(deliver.DeliveryError, match="status 503"):
        deliver.healthy("https://app.example.com", client, pause=lambda _seconds: None)


NOW = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.mark.parametrize(
    ("jobs", "fault"),
    [
        ([("COMPLETED", 20), ("FAILED", 50)], None),
        ([("RUNNING", 0), ("COMPLETED", 31)], None),
        ([("FAILED", 1), ("COMPLETED", 31)], r"is FAILED \(the last began on 2026-11-21\): no subnet group"),
        ([("ABORTED", 1)], "is ABORTED"),
        ([("COMPLETED", 36)], "no restore test of prod ended within 35 days: the last began on 2026-10-17"),
        ([("RUNNING", 0)], "there was none"),
    ],
)
def test_a_restore_test_that_failed_or_was_not_made_is_told(jobs: list[tuple[str, int]], fault: str | None) -> None:
    backup = boto3.client("backup", region_name="eu-west-3")
    arn = "arn:aws:backup:eu-west-3:111122223333:restore-testing-plan:one"
    others = {"CreationTime": NOW, "ScheduleExpression": "cron(0 8 2 * ? *)"}
    with Stubber(backup) as answers:  # checks both sides against the service's own model
        answers.add_response(
            "list_restore_testing_plans",
            {
                "RestoreTestingPlans": [
                    {
                        **others,
                        "RestoreTestingPlanName": "marlinspike_production_x",
                        "RestoreTestingPlanArn": "another",
                    },
                    {**others, "RestoreTestingPlanName": "marlinspike_prod_backup", "RestoreTestingPlanArn": arn},
                ]
            },
            {},
        )
        listed = [
            {"Status": status, "CreationDate": NOW - timedelta(days=days), "StatusMessage": "no subnet group"}
            for status, days in jobs
        ]
        answers.add_response("list_restore_jobs", {"RestoreJobs": listed}, {"ByRestoreTestingPlanArn": arn})
        with pytest.raises(deliver.DeliveryError, match=fault) if fault else contextlib.nullcontext():
            deliver.restored("prod", backup, NOW)
    with Stubber(backup) as answers:
        answers.add_response("list_restore_testing_plans", {"RestoreTestingPlans": []}, {})
        with pytest.raises(deliver.DeliveryError, match=r"set backup\.restore_test"):
            deliver.restored("prod", backup, NOW)


def test_the_plan_that_is_asked_for_has_the_name_that_the_program_gives_it() -> None:
    plan = planned("prod").only("aws:backup/restoreTestingPlan:RestoreTestingPlan")
    assert plan.inputs["name"].startswith("marlinspike_prod_")
