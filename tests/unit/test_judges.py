"""Every skipped check has its reason, and what the judges say is counted honestly."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from judges import checkov, clusters, gitleaks, kube_score, report
from judges.findings import Finding, JudgeError, Opinion
from judges.skips import Skip, read, stale, verdict
from judges.tools import LOCK, PROGRAMS, pinned, version
from tests.unit.plan import PROJECT_FOLDER

REASON = "Somebody has thought about this."
ENTRY = {
    "judge": "checkov",
    "check": "CKV_1",
    "resources": ["aws_subnet.*_public_*"],
    "stacks": ["prod"],
    "reason": REASON,
}

PUBLIC = Finding("CKV_1", "aws_subnet.shop_public_a", "wants this", "infra/network.py:1")
PRIVATE = Finding("CKV_1", "aws_subnet.shop_private_a", "wants this")


def skip(**changes: object) -> Skip:
    return Skip.model_validate(ENTRY | changes)


def test_the_shipped_entries_are_valid_and_no_two_say_the_same() -> None:
    entries = read()
    said = [
        (each.judge, each.check, pattern, stack)
        for each in entries
        for pattern in each.resources
        for stack in each.stacks
    ]
    assert len(said) == len(set(said))


def test_the_document_tells_every_reason() -> None:
    document = (PROJECT_FOLDER / "docs" / "judges.md").read_text()
    missing = [line for line in report.reasons(read()) if line not in document]
    assert missing == [], 'make judge STACK="prod staging dev local" WRITE=1 writes them'


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"reason": ""}, "sentence"),
        ({"reason": "  "}, "sentence"),
        ({"reason": "False positive."}, "sentence"),
        ({"reason": "We do not care about it"}, "full stop"),
        ({"reason": None}, "string"),
        ({"check": ""}, "at least 1 character"),
        ({"resources": []}, "at least 1 item"),
        ({"stacks": []}, "at least 1 item"),
        ({"stacks": ["production"]}, "'dev', 'staging', 'prod', 'local' or 'repository'"),
        ({"judge": "chekov"}, "'checkov', 'kube-score', .* 'zizmor' or 'hardeneks'"),
        ({"reasons": "x"}, "Extra inputs"),
    ],
)
def test_an_entry_without_a_reason_or_with_a_mistake_is_refused(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        skip(**wrong)


@pytest.mark.parametrize(
    ("judge", "stack", "finding", "covered"),
    [
        ("checkov (terraform)", "prod", PUBLIC, True),
        ("checkov (terraform)", "prod", PRIVATE, False),
        ("checkov (terraform)", "dev", PUBLIC, False),
        ("kube-score", "prod", PUBLIC, False),
        ("checkov (terraform)", "prod", Finding("CKV_12", PUBLIC.resource, ""), False),
    ],
)
def test_an_entry_covers_its_check_on_its_resources_in_its_stacks_only(
    judge: str, stack: str, finding: Finding, covered: bool
) -> None:
    judged = verdict(Opinion(judge, "1", 3, (finding,)), stack, [skip()])
    assert (len(judged.skipped), len(judged.failed), judged.passed) == ((1, 0, 3) if covered else (0, 1, 3))


def test_an_entry_that_nothing_needs_any_more_is_found() -> None:
    both = skip(stacks=["prod", "dev"])
    verdicts = {
        stack: [verdict(Opinion("checkov", "1", 0, found), stack, [both])]
        for stack, found in {"prod": (PUBLIC,), "dev": ()}.items()
    }
    assert stale([both], verdicts) == [("dev", both)]
    assert stale([skip(stacks=["staging"])], verdicts) == [], "it holds in another stack"
    assert stale([both], {"prod": verdicts["prod"]}) == [], "of a stack that was not judged nothing is said"
    assert stale([skip(judge="hardeneks")], verdicts) == [], "nor of a judge who was not asked"


def test_checkovs_report_is_counted_once_for_each_check_and_resource() -> None:
    def found(check: str, resource: str) -> dict[str, str]:
        return {"check_id": check, "resource": resource, "check_name": "wants", "file_path": "/sub/network.tf"}

    results = {
        "passed_checks": [found("A", "x"), found("A", "x"), found("B", "x"), found("C", "x")],
        "failed_checks": [found("C", "x"), found("C", "x"), found("A", "y")],
        "parsing_errors": [],
    }
    said = checkov.opinion(
        "checkov", {"results": results, "summary": {"checkov_version": "3"}}, 1, {"y": "infra/network.py:4"}
    )
    assert said.version == "3"
    assert said.passed == 2, "a check that passed at one place of a resource and failed at another has failed"
    assert said.failed == (Finding("A", "y", "wants", "infra/network.py:4"), Finding("C", "x", "wants", "network.tf"))


def test_a_report_on_less_than_everything_is_an_error() -> None:
    results = {"passed_checks": [], "failed_checks": [], "parsing_errors": ["/network.tf"]}
    with pytest.raises(JudgeError, match=r"can't read /network\.tf"):
        checkov.opinion("checkov", {"results": results}, 1, {})
    with pytest.raises(JudgeError, match="nothing to check in 2 files"):
        checkov.opinion("checkov", {"passed": 0, "checkov_version": "3"}, 2, {})
    assert checkov.opinion("checkov", {"passed": 0, "checkov_version": "3"}, 0, {}) == Opinion("checkov", "3", 0)


def test_anything_below_kube_scores_best_grade_has_failed() -> None:
    def result(check: str, grade: int, *, skipped: bool = False) -> dict[str, object]:
        return {"check": {"id": check, "comment": "wants"}, "grade": grade, "skipped": skipped, "comments": None}

    judged = {
        "type_meta": {"kind": "Service"},
        "object_meta": {"name": "app"},
        "file_name": "out/service.yaml",
        "checks": [result("good", 10), result("remark", 7), result("warning", 5), result("not-meant", 0, skipped=True)],
    }
    said = kube_score.opinion("1", [judged])
    assert said.passed == 1
    assert [finding.check for finding in said.failed] == ["remark", "warning"]
    assert {(finding.resource, finding.place) for finding in said.failed} == {("Service.default.app", "service.yaml")}


def test_hardeneks_names_a_pod_by_what_owns_it_and_a_rule_by_its_words() -> None:
    def result(kind: str, *names: str, namespace: str | None = "shop") -> dict[str, object]:
        return {"status": not names, "resources": names or [""], "resource_type": kind, "namespace": namespace}

    told = {
        "cluster_wide": {"security": {"iam": {"No wildcards.": [result("Cluster Role", namespace=None)]}}},
        "namespace_based": {
            "reliability": {
                "applications": {
                    "Probe pods (always).": [result("Pod", "a-1b2c3-d4e5f", "a-1b2c3-zzzzz"), result("Pod")]
                }
            }
        },
    }
    said = clusters.opinion(told)
    assert said.passed == 2
    assert said.failed == (Finding("probe-pods-always", "Pod.shop.a", "Probe pods (always)."),)


def test_a_secret_is_named_by_a_digest_and_counts_once_a_file(tmp_path: Path) -> None:
    def found(name: str, secret: str, line: int) -> dict[str, object]:
        where = {"File": str(tmp_path / name), "StartLine": line}
        return {"RuleID": "generic", "Description": "looks like a key", "Secret": secret, **where}

    said = gitleaks.opinion([found("a/b.py", "s1", 3), found("a/b.py", "s2", 4), found("a/b.py", "s1", 9)], tmp_path, 5)
    assert said.passed == 4
    assert len(said.failed) == 2
    assert all(each.resource.startswith("a/b.py#") and "s1" not in each.resource for each in said.failed)


def test_the_report_shows_what_failed_and_why_the_rest_was_skipped(tmp_path: Path) -> None:
    judged = [verdict(Opinion("checkov", "3", 7, (PUBLIC, PRIVATE)), "prod", [skip()])]
    assert report.table("prod", judged)[1].split() == ["checkov", "3", "7", "1", "1"]
    assert [line for line in report.failures(judged) if "aws_subnet" in line] == [
        "  checkov: CKV_1  aws_subnet.shop_private_a"
    ]
    assert dict(report.total(judged)) == {"passed": 7, "failed": 1, "skipped": 1}
    report.write_json("prod", judged, tmp_path / "judges.json")
    [written] = json.loads((tmp_path / "judges.json").read_text())["judges"]
    assert written["skipped"] == [{**vars(PUBLIC), "reason": REASON}]
    assert written["failed"] == [vars(PRIVATE)]
    page = report.document({"prod": judged}, [skip()])
    assert "| prod | checkov | 3 | 7 | 1 | 1 |" in page
    assert f"| checkov | CKV_1 | `aws_subnet.*_public_*` | prod | {REASON} |" in page


def test_every_judge_is_pinned() -> None:
    assert pinned(LOCK.read_text(), "checkov").count(".") == 2
    assert set(PROGRAMS) == {"kube-score", "kubeconform", "cyclonus", "actionlint", "gitleaks"}
    assert all(version(program)[0].isdigit() for program in PROGRAMS)
    with pytest.raises(ValueError, match="pins no checko"):
        pinned(LOCK.read_text(), "checko")
