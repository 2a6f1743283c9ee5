"""CI's workflows are right in the eyes of actionlint and zizmor, and do nothing that a person cannot do with make."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from judges.workflows import opinions
from rehearsal import places

WORKFLOWS = sorted((places.repository() / ".github" / "workflows").glob("*.yml"))


def jobs() -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{file.stem}.{name}", job)
        for file in WORKFLOWS
        for name, job in yaml.safe_load(file.read_text())["jobs"].items()
    ]


def test_both_judges_have_nothing_to_object_and_object_to_what_is_wrong(tmp_path: Path) -> None:
    content = opinions(places.repository())
    assert [(each.judge, each.passed, each.failed) for each in content] == [
        (name, len(WORKFLOWS), ()) for name in ("actionlint", "zizmor")
    ]
    shutil.copytree(places.repository() / ".github", tmp_path / ".github")
    (tmp_path / ".git").mkdir()
    file = tmp_path / ".github" / "workflows" / "merge.yml"
    text = file.read_text()
    file.write_text(
        re.sub(r"actions/checkout@[0-9a-f]{40}", "actions/checkout@v6", text).replace("needs: checks", "needs: none")
    )
    lint, safety = opinions(tmp_path)
    assert {(each.check, each.resource) for each in lint.failed} == {("job-needs", "merge.yml")}
    assert {(each.check, each.resource) for each in safety.failed} == {("unpinned-uses", "merge.yml")}
    assert lint.passed == safety.passed == len(WORKFLOWS) - 1


@pytest.mark.parametrize(("name", "job"), jobs())
def test_every_step_is_a_make_target_that_exists_or_an_action_by_digest(name: str, job: dict[str, Any]) -> None:
    makefile = (places.repository() / "Makefile").read_text()
    targets = {word for line in re.findall(r"^([a-z][a-z -]*):", makefile, re.MULTILINE) for word in line.split()}
    for step in job["steps"]:
        if "run" in step:
            assert re.fullmatch(r"make [a-z-]+( [A-Z]+=[a-z]+)?", step["run"]), name
            assert step["run"].split()[1] in targets, name
        else:
            assert re.fullmatch(r"[\w-]+/[\w-]+(/[\w-]+)?@[0-9a-f]{40}", step["uses"]), name


@pytest.mark.parametrize(("name", "job"), jobs())
def test_only_jobs_of_an_environment_get_credentials_and_none_of_a_fork(name: str, job: dict[str, Any]) -> None:
    assert set(job["permissions"].values()) <= {"read", "write"}
    assumes = any("configure-aws-credentials" in step.get("uses", "") for step in job["steps"])
    assert assumes == (job["permissions"].get("id-token") == "write") == ("environment" in job), name
    if assumes and name.startswith("pull-request"):
        assert "head.repo.full_name == github.repository" in job["if"]


def test_no_workflow_knows_a_stored_secret_or_has_rights_by_default() -> None:
    for file in WORKFLOWS:
        text = file.read_text()
        assert "secrets." not in text
        assert "pull_request_target" not in text
        assert yaml.safe_load(text)["permissions"] == {}


def test_every_action_is_one_commit_everywhere_and_says_which_version_that_is() -> None:
    used = [line for file in WORKFLOWS for line in file.read_text().splitlines() if "uses:" in line]
    found = [re.search(r"uses: ([\w-]+/[\w-]+)\S*@([0-9a-f]{40}) # (v\d+\.\d+\.\d+)$", line) for line in used]
    assert None not in found
    commits = {(each[1], each[2], each[3]) for each in found if each}
    assert len({action for action, _, _ in commits}) == len(commits)


@pytest.mark.parametrize(("name", "job"), jobs())
def test_no_job_runs_for_ever_or_leaves_the_token_on_the_disk(name: str, job: dict[str, Any]) -> None:
    assert 0 < job["timeout-minutes"] <= 120, name
    checkouts = [step for step in job["steps"] if step.get("uses", "").startswith("actions/checkout@")]
    assert [step["with"]["persist-credentials"] for step in checkouts] == [False]


def test_prod_gets_the_image_that_staging_has_had_after_staging_was_well() -> None:
    merge = yaml.safe_load((places.repository() / ".github" / "workflows" / "merge.yml").read_text())["jobs"]
    assert merge["image"]["outputs"] == {"image": "${{ steps.push.outputs.image }}"}
    assert [step["run"] for step in merge["image"]["steps"] if step.get("id") == "push"] == ["make image-push"]
    for stack in ("staging", "prod"):
        assert merge[stack]["environment"] == merge[stack]["env"]["STACK"] == stack
        assert merge[stack]["env"]["IMAGE"] == "${{ needs.image.outputs.image }}"
        steps = [step["run"] for step in merge[stack]["steps"] if "run" in step]
        assert steps == ["make stack-deploy", "make stack-smoke", "make stack-rollback"]
    assert merge["image"]["needs"] == "checks"
    assert set(merge["prod"]["needs"]) == {"image", "staging"}


def test_a_fork_gets_every_check_and_the_rehearsals_summary_and_may_write_nothing() -> None:
    every = yaml.safe_load((places.repository() / ".github" / "workflows" / "pull-request.yml").read_text())["jobs"]
    of_forks = {name: job for name, job in every.items() if name not in ("preview", "comment")}
    assert {"checks", "rehearsal", "image", "clusters"} == of_forks.keys()
    assert "make rehearsal-summary" in [step.get("run") for step in of_forks["rehearsal"]["steps"]]
    for name, job in of_forks.items():
        assert "if" not in job, name
        writes = {right for right, kind in job["permissions"].items() if kind == "write"}
        assert writes <= {"security-events"}
        for step in job["steps"]:
            if "upload-sarif" in step.get("uses", ""):
                assert "head.repo.full_name == github.repository" in step["if"]
