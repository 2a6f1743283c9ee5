"""The judges see what is wrong: each is shown a bad state beside a good one, so that "none failed" means something."""

import json
import secrets
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from judges import checkov, gitleaks, hadolint, kube_score, kubeconform, prometheus
from judges.findings import JudgeError, Opinion
from judges.tools import Judges
from rehearsal.manifests import write_manifests
from rehearsal.terraform import write_terraform
from tests.judges.state import aws, state
from tests.unit.plan import PROJECT_FOLDER

BUCKET = "aws:s3/bucket:Bucket"


def seen(opinion: Opinion) -> set[tuple[str, str]]:
    return {(finding.check, finding.resource) for finding in opinion.failed}


def policy(*statements: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **each} for each in statements]})


@pytest.fixture(scope="module")
def on_aws(judges: Judges, tmp_path_factory: pytest.TempPathFactory) -> Opinion:
    """checkov's opinion of a state in which each resource has a fault, and some have a faultless neighbour."""
    public, private = aws(BUCKET, "public", {}), aws(BUCKET, "private", {})
    fence = aws(
        "aws:ec2/securityGroup:SecurityGroup",
        "open",
        {"ingress": [{"fromPort": 22, "toPort": 22, "protocol": "tcp", "cidrBlocks": ["0.0.0.0/0"]}]},
    )
    attached = aws("aws:ec2/securityGroup:SecurityGroup", "attached", {"description": "Attached"})
    role = aws(
        "aws:iam/role:Role",
        "anyone",
        {"assumeRolePolicy": policy({"Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"})},
    )
    resources = [
        public,
        private,
        aws(
            "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
            "private",
            dict.fromkeys(("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"), True)
            | {"bucket": "private-id"},
            propertyDependencies={"bucket": [private["urn"]]},
        ),
        aws("aws:rds/instance:Instance", "bare", {"engine": "postgres", "publiclyAccessible": True}),
        aws(
            "aws:rds/instance:Instance",
            "fenced",
            {"engine": "postgres", "storageEncrypted": True, "vpcSecurityGroupIds": ["attached-id"]},
            propertyDependencies={"vpcSecurityGroupIds": [attached["urn"]]},
        ),
        fence,
        attached,
        role,
        aws(
            "aws:iam/rolePolicy:RolePolicy",
            "all",
            {"role": "anyone-id", "policy": policy({"Action": "*", "Resource": "*"})},
            propertyDependencies={"role": [role["urn"]]},
        ),
        aws("aws:kms/key:Key", "unturned", {"enableKeyRotation": False}),
        aws("aws:ec2/launchTemplate:LaunchTemplate", "old", {"metadataOptions": {"httpTokens": "optional"}}),
    ]
    folder = tmp_path_factory.mktemp("terraform")
    write_terraform(state(*resources), folder)
    return checkov.ask(judges, "terraform", folder, {"aws_db_instance.bare": "infra/database.py:7"})


@pytest.mark.parametrize(
    ("check", "bad", "good"),
    [
        ("CKV2_AWS_6", "aws_s3_bucket.public", "aws_s3_bucket.private"),  # by the reference of another resource
        ("CKV2_AWS_5", "aws_security_group.open", "aws_security_group.attached"),  # likewise
        ("CKV_AWS_16", "aws_db_instance.bare", "aws_db_instance.fenced"),
        ("CKV_AWS_17", "aws_db_instance.bare", "aws_db_instance.fenced"),
        ("CKV_AWS_24", "aws_security_group.open", "aws_security_group.attached"),  # a block
        ("CKV_AWS_60", "aws_iam_role.anyone", None),  # a policy in a text
        ("CKV_AWS_62", "aws_iam_role_policy.all", None),
        ("CKV_AWS_7", "aws_kms_key.unturned", None),
        ("CKV_AWS_79", "aws_launch_template.old", None),
    ],
)
def test_checkov_finds_the_fault_and_only_where_it_is(on_aws: Opinion, check: str, bad: str, good: str | None) -> None:
    assert (check, bad) in seen(on_aws)
    assert (check, good) not in seen(on_aws)


def test_a_finding_says_what_is_wanted_and_where_the_program_declares_it(on_aws: Opinion) -> None:
    [finding] = [
        each for each in on_aws.failed if (each.check, each.resource) == ("CKV_AWS_16", "aws_db_instance.bare")
    ]
    assert "encrypted" in finding.meaning
    assert finding.place == "infra/database.py:7"
    assert {each.place for each in on_aws.failed if each.resource == "aws_kms_key.unturned"} == {"stack.tf"}
    assert on_aws.passed > 20
    assert on_aws.version


CAREFUL = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "app", "namespace": "shop"},
    "spec": {
        "selector": {"matchLabels": {"app": "a"}},
        "template": {
            "metadata": {"labels": {"app": "a"}},
            "spec": {"containers": [{"name": "app", "image": "shop/app:1", "securityContext": {"privileged": False}}]},
        },
    },
}


def deployment(**container: Any) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads(json.dumps(CAREFUL))
    manifest["spec"]["template"]["spec"]["containers"][0] |= container
    return {
        "urn": "urn:app",
        "type": "kubernetes:apps/v1:Deployment",
        "custom": True,
        "id": "shop/app",
        "inputs": manifest,
    }


def manifests(folder: Path, **container: Any) -> list[Path]:
    return write_manifests(state(deployment(**container)), folder)


def test_checkov_and_kube_score_tell_a_bad_object_from_a_better_one(judges: Judges, tmp_path: Path) -> None:
    bad = manifests(tmp_path / "bad", image="shop/app:latest", securityContext={"privileged": True})
    better = manifests(tmp_path / "better")
    for opinion_of_bad, opinion_of_better, checks in (
        (
            checkov.ask(judges, "kubernetes", tmp_path / "bad", {}),
            checkov.ask(judges, "kubernetes", tmp_path / "better", {}),
            {"CKV_K8S_14", "CKV_K8S_16"},
        ),
        (
            kube_score.ask(judges, bad, "1.36"),
            kube_score.ask(judges, better, "1.36"),
            {"container-image-tag", "container-security-context-privileged"},
        ),
    ):
        found = seen(opinion_of_bad) - seen(opinion_of_better)
        assert {(check, "Deployment.shop.app") for check in checks} <= found
        assert opinion_of_better.passed > opinion_of_bad.passed > 0


class Server:
    """What an API server publishes of two kinds, as far as `write_schemas` asks."""

    def get(self, path: str, **_options: Any) -> Any:
        definitions = {
            "/openapi/v3": {
                "paths": {
                    "apis/apps/v1": {"serverRelativeURL": "/openapi/v3/apis/apps/v1?hash=1"},
                    "api/v1": {"serverRelativeURL": "/openapi/v3/api/v1?hash=2"},
                }
            },
            "/openapi/v3/apis/apps/v1": document("apps", "v1", "Deployment"),
            "/openapi/v3/api/v1": document("", "v1", "Secret"),
        }
        return definitions[path]


def document(group: str, version: str, kind: str) -> dict[str, Any]:
    """An OpenAPI document of one kind with a `spec` that is a definition of its own."""
    body = {
        "type": "object",
        "required": ["spec"],
        "properties": {
            **{name: {"type": "string"} for name in ("apiVersion", "kind")},
            "metadata": {"type": "object", "additionalProperties": {"type": "string"}},
            "spec": {"allOf": [{"$ref": "#/components/schemas/Spec"}], "default": {}},
        },
        "x-kubernetes-group-version-kind": [{"group": group, "version": version, "kind": kind}],
    }
    spec = {
        "type": "object",
        "properties": {
            "replicas": {"type": "integer"},
            "free": {"type": "object", "properties": {}, "x-kubernetes-preserve-unknown-fields": True},
        },
    }
    return {"components": {"schemas": {kind: body, "Spec": spec}}}


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({"spec": {"replicas": 1, "free": {"anything": "goes"}}}, None),
        ({"spec": {"replicas": "one"}}, "integer"),
        ({"spec": {"replica": 1}}, "replica"),
        ({"spec": {}, "spce": {}}, "spce"),
        ({}, "spec"),
        ({"apiVersion": "apps/v1", "kind": "Unheard", "spec": {}}, "could not find schema"),
        ({"apiVersion": "unheard.io/v1", "spec": {}}, "could not find schema"),
        ({"apiVersion": "v1", "kind": "Secret", "spec": {}}, None),
    ],
)
def test_kubeconform_judges_by_the_schemas_of_the_api_server(
    judges: Judges, tmp_path: Path, body: dict[str, Any], fault: str | None
) -> None:
    file = tmp_path / "object.yaml"
    file.write_text(json.dumps({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "app"}, **body}))
    opinion = kubeconform.ask(judges, [file], Server(), tmp_path / "schemas")  # type: ignore[arg-type]
    if fault is None:
        assert (opinion.passed, opinion.failed) == (1, ())
    else:
        [finding] = opinion.failed
        assert (opinion.passed, finding.check, finding.place) == (0, "schema", "object.yaml")
        assert fault in finding.meaning
        assert finding.resource.endswith(".app")


def test_what_checkov_can_not_read_is_an_error_and_no_pass(judges: Judges, tmp_path: Path) -> None:
    (tmp_path / "bad.tf").write_text('resource "aws_vpc" {{{')
    with pytest.raises(JudgeError, match=r"can't read .*bad\.tf|nothing to check"):
        checkov.ask(judges, "terraform", tmp_path, {})


def test_a_stack_without_aws_has_nothing_to_be_checked(judges: Judges, tmp_path: Path) -> None:
    assert checkov.ask(judges, "terraform", tmp_path, {}).passed == 0
    assert kube_score.ask(judges, [], "1.36").passed == 0
    assert kubeconform.ask(judges, [], Server(), tmp_path).passed == 0  # type: ignore[arg-type]


def test_hadolint_reads_the_dockerfile_and_its_remarks_hide_nothing(judges: Judges, tmp_path: Path) -> None:
    bad = tmp_path / "Dockerfile"
    bad.write_text("FROM debian:12\n# hadolint ignore=DL3004\nRUN sudo true\nRUN cd /tmp && echo $unquoted\n")
    assert {("DL3004", "Dockerfile"), ("DL3003", "Dockerfile"), ("SC2086", "Dockerfile")} <= seen(
        hadolint.ask(judges, bad)
    )
    assert hadolint.ask(judges, PROJECT_FOLDER / "app" / "Dockerfile").failed == ()
    bad.write_text("FROM\n")
    with pytest.raises(JudgeError, match="can't read"):
        hadolint.ask(judges, bad)


def test_gitleaks_finds_a_planted_secret_wherever_it_lies_and_nothing_beside_it(judges: Judges, tmp_path: Path) -> None:
    # Put together here, so that this file holds none; of the form of the real thing, with random letters.
    planted = "AKIA" + "".join(secrets.choice("ABCDEFGHJKLMNPQRSTUVWXYZ234567") for _ in range(16))
    for part in ("manifests", "terraform"):
        (tmp_path / part).mkdir()
    (tmp_path / "kubeconfig").write_text(f"elsewhere: {planted}\n")
    (tmp_path / "terraform" / "good.tf").write_text('resource "aws_vpc" "main" {}\n')
    clean = gitleaks.ask(judges.gitleaks, tmp_path, "manifests", "terraform")
    assert (clean.passed, clean.failed) == (1, ())
    (tmp_path / "manifests" / "bad.yaml").write_text(f"data:\n  id: {planted} # gitleaks:allow\n")
    (tmp_path / ".gitleaks.toml").write_text('[allowlist]\npaths = [".*"]\n')
    found = gitleaks.ask(judges.gitleaks, tmp_path, "manifests", "terraform")
    assert [(each.check, each.place) for each in found.failed] == [("aws-access-token", "manifests/bad.yaml:2")]
    assert found.passed == 1
    assert planted not in repr(found)


def test_the_sources_are_those_that_git_knows_or_could_the_rest_is_nobodys(judges: Judges, tmp_path: Path) -> None:
    key = "-----BEGIN RSA PRIVATE KEY-----\n" + secrets.token_hex(400) + "\n-----END RSA PRIVATE KEY-----\n"
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / ".gitignore").write_text("/out/\n")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "kubeconfig").write_text(key)
    assert gitleaks.ask_about_sources(judges.gitleaks, tmp_path).failed == ()
    (tmp_path / "new.pem").write_text(key)
    [finding] = gitleaks.ask_about_sources(judges.gitleaks, tmp_path).failed
    assert (finding.check, finding.resource.partition("#")[0]) == ("private-key", "new.pem")
    with pytest.raises(JudgeError, match="work in a clone"):
        gitleaks.ask_about_sources(judges.gitleaks, tmp_path.parent)


def test_promtool_reads_every_rule_and_says_what_is_wrong_with_one(judges: Judges, tmp_path: Path) -> None:
    def rules(expression: str) -> list[dict[str, Any]]:
        group = {"name": "g", "rules": [{"alert": "A", "expr": expression}, {"alert": "B", "expr": "up == 1"}]}
        return [{"kind": "PrometheusRule", "spec": {"groups": [group]}}, {"kind": "Service"}]

    assert prometheus.ask_about_rules(judges, [{"kind": "Service"}], tmp_path).passed == 0
    good = prometheus.ask_about_rules(judges, rules("up == 0"), tmp_path)
    assert (good.passed, good.failed) == (2, ())
    [finding] = prometheus.ask_about_rules(judges, rules("up ="), tmp_path).failed
    assert "parse error" in finding.meaning
    [twice] = prometheus.ask_about_rules(judges, [*rules("up == 0"), *rules("up == 0")], tmp_path).failed
    assert "repeated" in twice.meaning


def test_amtool_reads_what_the_chart_gets_with_its_templates(judges: Judges, tmp_path: Path) -> None:
    def routes(receiver: str, template: str = '{{ define "a" }}{{ end }}') -> dict[str, Any]:
        config = {"route": {"receiver": receiver}, "receivers": [{"name": "nobody"}]}
        values = {"alertmanager": {"config": config, "templateFiles": {"a.tmpl": template}}}
        release = {"type": "kubernetes:helm.sh/v3:Release", "inputs": {"values": values}}
        other = {"type": "kubernetes:helm.sh/v3:Release", "inputs": {"values": {}}}
        return {"deployment": {"resources": [release, other]}}

    assert prometheus.ask_about_routes(judges, {"deployment": {}}, tmp_path).passed == 0
    good = prometheus.ask_about_routes(judges, routes("nobody"), tmp_path)
    assert (good.passed, good.failed) == (1, ())
    [unknown] = prometheus.ask_about_routes(judges, routes("somebody"), tmp_path).failed
    assert "somebody" in unknown.meaning
    assert prometheus.ask_about_routes(judges, routes("nobody", '{{ define "a" }}{{'), tmp_path).failed
