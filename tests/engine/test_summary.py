"""The closing words of a rehearsal tell what was made and what of it was simulated."""

from pathlib import Path

from rehearsal import summary
from rehearsal.engine import EngineRun
from rehearsal.events import Event, Events
from rehearsal.run import Result


def made(kind: str, name: str, operation: str = "create") -> Event:
    state = None if operation == "delete" else {"inputs": {}}
    return {
        "resourcePreEvent": {
            "metadata": {"op": operation, "urn": f"urn:pulumi:s::p::{kind}::{name}", "type": kind, "new": state}
        }
    }


def result(*events: Event, kubeconfig: Path | None = None) -> Result:
    counted: Event = {"summaryEvent": {"resourceChanges": {"create": len(events)}}}
    run = EngineRun(("pulumi", "up"), 0, "", Events([*events, counted]), 2.5)
    return Result(run, {"tools": 0.5, "engine": 2.5}, kubeconfig)


PLATFORM = (
    made("pulumi:pulumi:Stack", "p-s"),
    made("pulumi:providers:aws", "aws"),
    made("aws:rds/subnetGroup:SubnetGroup", "database"),
    made("aws:elasticache/subnetGroup:SubnetGroup", "cache"),
    made("eks:index:Cluster", "cluster"),
    made("kubernetes:core/v1:Namespace", "shop"),
    made("kubernetes:helm.sh/v3:Release", "monitoring"),
    made("kubernetes:external-secrets.io/v1:ExternalSecret", "secrets-payment-api"),
    made("aws:ec2/vpc:Vpc", "old", "delete"),
)


def test_resources_are_counted_by_package_and_type() -> None:
    lines = summary.resources_by_package(summary.by_type(result(*PLATFORM).events.steps))
    assert lines == [
        "     3  aws: SubnetGroup 2, provider",
        "     1  eks: Cluster",
        "     3  kubernetes: ExternalSecret, Namespace, Release",
    ]


def test_after_a_refusal_by_policies_a_person_is_told_how_to_see_all_of_them() -> None:
    asked: Event = {"policyAnalyzeSummaryEvent": {"policyPackName": "p", "policyPackVersion": "1", "passed": ["one"]}}
    for level, told in (("mandatory", ["make preview STACK=dev"]), ("advisory", [])):
        said: Event = {"policyEvent": {"policyName": "two", "enforcementLevel": level, "message": "No."}}
        lines = summary.after_a_refusal("dev", result(asked, said))
        assert len(lines) == len(told)
        assert all(words in line for words, line in zip(told, lines, strict=True))


def test_everything_simulated_is_named(tmp_path: Path) -> None:
    text = "\n".join(summary.closing("prod", result(*PLATFORM, kubeconfig=tmp_path / "kubeconfig")))
    simulated = text[text.index("Simulated:") : text.index("Real:")]
    for words in (
        "rehearsal.plugins.aws",
        "rehearsal.plugins.eks",
        "Helm releases: monitoring",
        "External Secrets: secrets-payment-api",
        "KWOK",
    ):
        assert words in simulated
    assert "make destroy STACK=prod" in text
    assert f"export KUBECONFIG={tmp_path / 'kubeconfig'}" in text
    assert "in 3 s (tools 0.5 s, engine 2.5 s)" in text


def test_a_stack_without_aws_is_not_said_to_simulate_it() -> None:
    text = "\n".join(summary.closing("local", result(made("kubernetes:core/v1:Namespace", "shop"))))
    assert "AWS" not in text
    assert "KWOK" in text


def test_a_preview_lists_each_resource_that_would_change() -> None:
    change = made("aws:ec2/vpc:Vpc", "network", "update")
    change["resourcePreEvent"]["metadata"]["detailedDiff"] = {"tags": {"diffKind": "update"}}
    lines = summary.difference(result(change, made("aws:ec2/eip:Eip", "address", "same")))
    assert lines[0] == "  ~  aws:ec2/vpc:Vpc network  [tags]"
    assert lines[1].startswith("1 resources would change")
