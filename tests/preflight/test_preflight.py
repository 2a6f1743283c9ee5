"""The preflight says what an account lacks, all at once, and changes nothing. AWS is played by moto."""

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import pytest
import yaml
from botocore.exceptions import ClientError
from moto import mock_aws

from infra import versions
from preflight import __main__ as command_line
from preflight.account import Account
from preflight.findings import Finding, Status, as_json, faults
from preflight.placeholders import placeholders
from preflight.run import preflight
from stacks.configuration import NoStackError
from tests.preflight.amazon import ACCOUNT_ID, REGION, Answer, amazon, denied, furnish, quota, zone

PROJECT_FOLDER = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "made-by-a-test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "made-by-a-test")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    # AWS's ids begin with Z, moto's with anything.
    monkeypatch.setattr("moto.route53.models.create_route53_zone_id", lambda **_: f"Z{uuid4().hex[:20].upper()}")
    with mock_aws(config={"core": {"mock_credentials": False}}):
        yield


@pytest.fixture
def session() -> boto3.Session:
    return furnish()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The stack files of an owner: no documentation value is left in dev's."""
    text = (PROJECT_FOLDER / "Pulumi.dev.yaml").read_text()
    for documented, own in (
        ("111122223333", ACCOUNT_ID),
        ("203.0.113.0/24", "192.88.98.0/24"),
        ("example.com", "marlin.dev"),
        ("Z0123456789EXAMPLE", zone("marlin.dev")),
    ):
        text = text.replace(documented, own)
    (tmp_path / "Pulumi.dev.yaml").write_text(text)
    return tmp_path


def change(project: Path, section: str, changes: Mapping[str, Any]) -> None:
    file = project / "Pulumi.dev.yaml"
    content = yaml.safe_load(file.read_text())
    content["config"].setdefault(f"marlinspike:{section}", {}).update(changes)
    file.write_text(yaml.safe_dump(content))


def look(project: Path, session: boto3.Session, changes: Mapping[str, Answer] | None = None) -> list[Finding]:
    with amazon(changes or {}):
        return preflight(project, "dev", lambda region: Account(region, session))


def said(findings: list[Finding], status: Status) -> list[str]:
    return [f"{finding.check}: {finding.found}" for finding in findings if finding.status is status]


def test_an_account_that_has_everything_passes_every_check(project: Path, session: boto3.Session) -> None:
    found = look(project, session)
    assert said(found, Status.FAULT) == []
    assert said(found, Status.WARNING) == []
    assert {finding.check for finding in found} == {
        *("own values", "credentials", "region", "permissions", "cluster access", "instance types"),
        *("quota: VPCs", "quota: Elastic IPs", "quota: NAT gateways in eu-west-3a", "quota: EKS clusters"),
        *("quota: RDS instances", "quota: ElastiCache nodes", "quota: load balancers", "quota: certificates"),
        *("quota: vCPU on spot", "EKS version", "EKS add-ons", "RDS", "ElastiCache"),
        *("DNS: dev.marlin.dev", "images", "network"),
    }


ECR = f"{ACCOUNT_ID}.dkr.ecr.{REGION}.amazonaws.com"
NOBODY = f"arn:aws:iam::{ACCOUNT_ID}:role/nobody"
UNKNOWN_TYPE = {"application": {"instance_types": ["m99g.large"], "minimum": 2, "desired": 2, "maximum": 4}}

CHANGED_SETTINGS: list[tuple[dict[str, dict[str, Any]], list[str]]] = [
    (
        {
            "account": {"id": "210987654322"},
            "edge": {"hosted_zone_id": "Z000NOTTHERE"},
            "app": {"image": f"{ECR}/marlinspike/none:1"},
            "nodes": UNKNOWN_TYPE,
        },
        [
            "belongs to account 210987654321; account.id is 210987654322",
            "the account has no zone Z000NOTTHERE",
            "no repository marlinspike/none",
            "nodes.application.instance_types: m99g.large not offered in eu-west-3a",
        ],
    ),
    (
        {
            "cluster": {"administrators": [NOBODY]},
            "edge": {"domain": "app.elsewhere.dev"},
            "app": {"image": f"{ECR}/marlinspike/app:9"},
        },
        [
            "role/nobody does not exist",
            "is neither among cluster.administrators nor deployers",
            "the domain does not lie in",
            "marlinspike/app has no image 9",
        ],
    ),
]


@pytest.mark.parametrize(("changes", "words"), CHANGED_SETTINGS)
def test_all_settings_that_the_account_cannot_meet_are_faults_at_once(
    changes: dict[str, dict[str, Any]], words: list[str], project: Path, session: boto3.Session
) -> None:
    for section, changed in changes.items():
        change(project, section, changed)
    found = look(project, session)
    told = said(found, Status.FAULT)
    assert [each for each in words if not any(each in text for text in told)] == [], told
    assert all(finding.to_do for finding in faults(found))


def refuse_eks(parameters: Mapping[str, Any]) -> Mapping[str, Any]:
    decision = {True: "implicitDeny", False: "allowed"}
    return {
        "EvaluationResults": [
            {"EvalActionName": action, "EvalDecision": decision[action.startswith("eks:Create")]}
            for action in parameters["ActionNames"]
        ]
    }


def old_add_ons(parameters: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        "addons": [{"addonName": parameters["addonName"], "addonVersions": [{"addonVersion": "v0.0.1-eksbuild.1"}]}]
    }


LACKING: Mapping[str, Answer] = {
    "GetServiceQuota": quota(0),
    "DescribeRegions": {"Regions": [{"RegionName": REGION, "OptInStatus": "not-opted-in"}]},
    "SimulatePrincipalPolicy": refuse_eks,
    "DescribeAddonVersions": old_add_ons,
    "DescribeOrderableDBInstanceOptions": {"OrderableDBInstanceOptions": []},
    "DescribeCacheEngineVersions": {"CacheEngineVersions": [{"EngineVersion": "7.2"}]},
}


def test_all_that_an_account_lacks_is_a_fault_at_once(project: Path, session: boto3.Session) -> None:
    told = said(look(project, session, LACKING), Status.FAULT)
    for words in (
        "quota: VPCs: needs 1, 1 of 0 in use",
        "region: eu-west-3 is not enabled",
        "quota: vCPU on spot: needs 4 to 8, 0 of 0 in use",
        "may not eks:CreateAccessEntry",
        "EKS add-ons: vpc-cni",
        "is not offered on db.t4g.small",
        f"Valkey {versions.VALKEY} is not offered",
    ):
        assert any(words in text for text in told), (words, told)


def test_a_version_of_kubernetes_that_is_gone_is_a_fault_and_aws_default_quotas_hold_where_there_is_no_other(
    project: Path, session: boto3.Session
) -> None:
    none = ClientError({"Error": {"Code": "NoSuchResourceException", "Message": "no"}}, "GetServiceQuota")
    answers = {
        "GetServiceQuota": none,
        "GetAWSDefaultServiceQuota": quota(64),
        "DescribeClusterVersions": {"clusterVersions": []},
    }
    told = said(look(project, session, answers), Status.FAULT)
    assert told == [f"EKS version: {versions.KUBERNETES} is not offered"]


def test_a_standby_that_the_class_cannot_have_is_a_fault(project: Path, session: boto3.Session) -> None:
    change(project, "database", {"multi_az": True})
    options = {"OrderableDBInstanceOptions": [{"EngineVersion": f"{versions.POSTGRESQL}.1", "MultiAZCapable": False}]}
    found = look(project, session, {"DescribeOrderableDBInstanceOptions": options})
    assert said(found, Status.FAULT) == ["RDS: db.t4g.small has no standby in another zone"]


def test_a_private_zone_is_a_fault(project: Path, session: boto3.Session) -> None:
    vpc = boto3.client("ec2", region_name=REGION).create_vpc(CidrBlock="10.99.0.0/16")["Vpc"]["VpcId"]
    made = boto3.client("route53").create_hosted_zone(
        Name="marlin.dev", CallerReference="again", VPC={"VPCRegion": REGION, "VPCId": vpc},
        HostedZoneConfig={"PrivateZone": True},
    )  # fmt: skip
    change(project, "edge", {"hosted_zone_id": made["HostedZone"]["Id"].rpartition("/")[2]})
    assert any("is private" in each for each in said(look(project, session), Status.FAULT))


def test_room_to_begin_but_not_to_grow_is_a_warning(project: Path, session: boto3.Session) -> None:
    found = look(project, session, {"GetServiceQuota": quota(6)})
    assert said(found, Status.FAULT) == []
    assert said(found, Status.WARNING) == [
        "quota: vCPU on spot: needs 4 to 8, 0 of 6 in use: enough to begin, not to grow"
    ]


def test_what_is_used_counts_against_the_quota(project: Path, session: boto3.Session) -> None:
    ec2 = boto3.client("ec2", region_name=REGION)
    for _ in range(3):
        ec2.allocate_address(Domain="vpc")
    found = look(project, session, {"GetServiceQuota": quota(3)})
    assert "quota: Elastic IPs: needs 1, 3 of 3 in use" in said(found, Status.FAULT)


def test_a_network_that_another_vpc_has_is_a_warning_and_the_stacks_own_is_named(
    project: Path, session: boto3.Session
) -> None:
    ec2 = boto3.client("ec2", region_name=REGION)
    ec2.create_vpc(CidrBlock="10.40.0.0/20")
    own = {"Project": "marlinspike", "Environment": "dev", "ManagedBy": "pulumi"}
    tags = [{"Key": key, "Value": value} for key, value in own.items()]
    ec2.create_vpc(CidrBlock="10.40.0.0/16", TagSpecifications=[{"ResourceType": "vpc", "Tags": tags}])
    warned = said(look(project, session), Status.WARNING)
    assert ["overlaps 10.40.0.0/20" in warned[0], "is this stack's already" in warned[1]] == [True, True]


def test_what_may_not_be_asked_is_a_warning_and_the_rest_is_still_asked(project: Path, session: boto3.Session) -> None:
    found = look(project, session, {name: denied(name) for name in ("SimulatePrincipalPolicy", "GetServiceQuota")})
    assert said(found, Status.FAULT) == []
    warned = said(found, Status.WARNING)
    assert "permissions: could not be checked: SimulatePrincipalPolicy answered AccessDeniedException" in warned
    assert "quota: RDS instances: could not be checked: GetServiceQuota answered AccessDeniedException" in warned
    assert "network" in {finding.check for finding in found}


def test_without_credentials_nothing_is_asked(project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    found = preflight(project, "dev")
    assert [finding.check for finding in faults(found)] == ["credentials"]


def test_each_documentation_value_of_the_committed_files_is_refused_by_its_key() -> None:
    refused = {}
    for stack in ("account", "dev", "staging", "prod"):
        config = yaml.safe_load((PROJECT_FOLDER / f"Pulumi.{stack}.yaml").read_text())["config"]
        refused[stack] = [finding.found.split(" is ")[0] for finding in faults(placeholders(config))]
    assert refused["account"] == ["account.id", "delivery.repository"]
    assert refused["dev"] == [
        "account.id",
        "cluster.public_access_cidrs[0]",
        "cluster.administrators[0]",
        "cluster.deployers[0]",
        "cluster.readers[0]",
        "cluster.namespace_editors.arn:aws:iam::111122223333:role/application-developers",
        "edge.domain",
        "edge.hosted_zone_id",
        "app.image",
        "budget.emails[0]",
    ]
    assert {"alarms.emails[0]", "monitoring.notifications.email.sender"} <= set(refused["prod"])
    for value in ("example", "111122223333", "203.0.113"):
        text = (PROJECT_FOLDER / "Pulumi.prod.yaml").read_text()
        assert value in text


def test_wrong_settings_are_all_told_together_with_the_documentation_values(tmp_path: Path) -> None:
    shutil.copy(PROJECT_FOLDER / "Pulumi.dev.yaml", tmp_path)
    change(tmp_path, "database", {"backup_days": 99, "no_such_key": 1})
    found = preflight(tmp_path, "dev")
    assert {finding.check for finding in faults(found)} == {"own values", "settings"}
    assert sum(finding.check == "settings" for finding in found) == 2


def test_the_accounts_own_stack_names_an_identity_provider_that_exists(tmp_path: Path, session: boto3.Session) -> None:
    text = (PROJECT_FOLDER / "Pulumi.account.yaml").read_text()
    (tmp_path / "Pulumi.account.yaml").write_text(
        text.replace("111122223333", ACCOUNT_ID).replace("example/", "marlin/")
    )
    before = preflight(tmp_path, "account", lambda region: Account(region, session))
    boto3.client("iam").create_open_id_connect_provider(
        Url="https://token.actions.githubusercontent.com", ThumbprintList=["a" * 40]
    )
    after = preflight(tmp_path, "account", lambda region: Account(region, session))
    assert [said(before, Status.WARNING), len(said(after, Status.WARNING))] == [[], 1]


def test_a_stack_that_does_not_exist_is_answered_with_those_that_do(project: Path) -> None:
    with pytest.raises(NoStackError, match=r"choose one of dev"):
        preflight(project, "devv")


def test_the_report_for_programs_says_whether_the_account_is_ready(project: Path, session: boto3.Session) -> None:
    ready, not_ready = (
        json.loads(as_json("dev", look(project, session, {"GetServiceQuota": quota(value)}))) for value in (64, 0)
    )
    assert [ready["ok"], not_ready["ok"]] == [True, False]
    assert set(ready["findings"][0]) == {"check", "status", "found", "to_do"}


def test_the_command_ends_with_status_one_on_a_fault(capsys: pytest.CaptureFixture[str]) -> None:
    for words, heading in ((["dev"], "Preflight of dev"), (["dev", "--json"], '"ok": false')):
        with amazon({}), pytest.raises(SystemExit) as ended:
            command_line.app(words)
        assert ended.value.code == 1
        assert heading in capsys.readouterr().out
