"""The price of a plan: what is billed, what is left out, and when it is too much. Runs on pip packages alone."""

import dataclasses
import json
import re
from pathlib import Path

import pulumi
import pulumi_aws as aws
import pytest
import yaml
from pydantic import ValidationError

from infra.usage import UsageSettings
from price.billing import BILLED, HOURS
from price.estimate import Estimate, EstimateError, difference, estimate, over_the_limit
from price.picture import svg
from price.report import as_json, as_markdown, from_json
from price.resources import Resource, resources_of
from price.stack import PICTURE, NoPriceError, estimate_of
from price.table import MEMORY, TABLE, Price, Table, UnknownPriceError, table
from price.uncounted import HEADINGS, LIST, uncounted
from stacks.configuration import NoStackError
from stacks.settings import SettingsError
from tests.unit.plan import AWS_STACKS, PROJECT_FOLDER, plan_of, planned, planned_with, settings_with


@pytest.fixture(autouse=True)
def _plans_are_shared_with_other_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("price.stack.plan_of", plan_of)


UNUSED = UsageSettings(**{name: 0 for name in UsageSettings.model_fields if name != "spot_share"})


def of(resources: list[Resource], usage: UsageSettings = UNUSED, region: str = "eu-west-3") -> Estimate:
    return estimate("test", region, resources, table(), usage)


def with_changes(stack: str, changes: dict[str, object]) -> Estimate:
    resources = [Resource(r.type, r.name, r.inputs) for r in planned_with(stack, changes).resources]
    return of(resources, settings_with(stack, changes).usage)  # type: ignore[union-attr]


def price(service: str, item: str, region: str = "eu-west-3") -> float:
    return table().price(service, item, region)


def test_every_type_that_the_program_can_register_is_priced_or_left_out_with_a_reason() -> None:
    found = set()
    for path in (*(PROJECT_FOLDER / "infra").rglob("*.py"), *(PROJECT_FOLDER / "stacks").rglob("*.py")):
        for module, name in re.findall(r"\baws\.([a-z0-9]+)\.([A-Z]\w+)", path.read_text()):
            kind = getattr(getattr(aws, module), name)
            if isinstance(kind, type) and issubclass(kind, pulumi.CustomResource):
                found.add(kind.pulumi_type)  # type: ignore[attr-defined]
    for stack in (*AWS_STACKS, "account"):
        found |= {r.type for r in planned(stack).resources if r.type.startswith(("aws:", "eks:"))}
    assert len(found) > 70
    assert found - BILLED.keys() - uncounted().keys() == set()
    made_by_pulumi_eks = {kind for kind in uncounted() if kind.startswith(("eks:", "aws:eks/"))}
    assert uncounted().keys() - found - made_by_pulumi_eks == set(), "on the list, but never registered"


def test_nothing_is_both_priced_and_left_out_and_every_reason_says_something() -> None:
    headings = yaml.safe_load(LIST.read_text())
    assert tuple(headings) == HEADINGS
    assert not headings["free"].keys() & headings["by_usage"].keys()
    assert not BILLED.keys() & uncounted().keys()
    assert all(isinstance(reason, str) and reason for reason in uncounted().values())
    keys = set(re.findall(r"usage\.([a-z_]+)", " ".join(uncounted().values())))
    assert keys <= UsageSettings.model_fields.keys()


def test_a_type_on_no_list_fails_the_estimate_and_so_does_every_missing_price() -> None:
    nodes = {"scalingConfig": {"desiredSize": 1}, "instanceTypes": ["x9.huge"]}
    resources = [
        Resource("aws:sqs/queue:Queue", "new", {}),
        Resource("aws:eks/nodeGroup:NodeGroup", "group", nodes),
        Resource("marlinspike:network:Network", "component", {}),
        Resource("kubernetes:core/v1:Namespace", "namespace", {}),
    ]
    with pytest.raises(EstimateError) as refused:
        of(resources)
    assert [fault.split(":")[0] for fault in refused.value.faults] == ["new", "group"]
    assert "price/uncounted.yaml" in refused.value.faults[0]
    assert "AmazonEC2 x9.huge: has no price" in refused.value.faults[1]


def test_a_region_that_the_table_does_not_know_is_refused_also_for_what_is_billed_by_use() -> None:
    group = Resource("aws:cloudwatch/logGroup:LogGroup", "group", {})
    with pytest.raises(EstimateError, match=r"logs written: AmazonCloudWatch logs: has no price for us-east-1"):
        of([group], UsageSettings(), region="us-east-1")
    with pytest.raises(UnknownPriceError, match="known: eu-west-3, eu-central-1"):
        price("AmazonEBS", "gp3", "us-east-1")


GROUP = {"scalingConfig": {"desiredSize": 3}, "instanceTypes": ["t4g.medium", "t4g.large"]}
DATABASE = {"instanceClass": "db.m7g.xlarge", "storageType": "gp3", "allocatedStorage": 100}
CLAIM = {"volumeClaimTemplate": {"spec": {"resources": {"requests": {"storage": "10Gi"}}}}}


@pytest.mark.parametrize(
    ("kind", "inputs", "usd"),
    [
        ("eks:index:Cluster", {}, 73),
        ("aws:eks/nodeGroup:NodeGroup", GROUP, 3 * HOURS * price("AmazonEC2", "t4g.medium")),
        (
            "aws:eks/nodeGroup:NodeGroup",
            {**GROUP, "capacityType": "SPOT"},
            3 * HOURS * price("AmazonEC2", "t4g.medium") * UNUSED.spot_share,
        ),
        ("aws:ec2/natGateway:NatGateway", {}, HOURS * price("AmazonVPC", "nat-gateway")),
        ("aws:ec2/eip:Eip", {}, HOURS * 0.005),
        ("aws:ec2/vpcEndpoint:VpcEndpoint", {"vpcEndpointType": "Gateway"}, 0),
        (
            "aws:ec2/vpcEndpoint:VpcEndpoint",
            {"vpcEndpointType": "Interface", "subnetIds": ["a", "b", "c"]},
            3 * HOURS * price("AmazonVPC", "interface-endpoint"),
        ),
        (
            "aws:lb/loadBalancer:LoadBalancer",
            {"loadBalancerType": "application", "internal": False, "subnets": ["a", "b"]},
            HOURS * (price("AWSELB", "application") + 2 * 0.005),
        ),
        ("aws:wafv2/webAcl:WebAcl", {"rules": [{}, {}, {}]}, 5 + 3),
        ("aws:route53/healthCheck:HealthCheck", {"type": "HTTPS", "requestInterval": 30}, 0.5 + 1),
        ("aws:route53/healthCheck:HealthCheck", {"type": "HTTPS", "requestInterval": 10}, 0.5 + 2),
        (
            "aws:rds/instance:Instance",
            DATABASE,
            HOURS * price("AmazonRDS", "db.m7g.xlarge") + 100 * price("AmazonRDS", "gp3"),
        ),
        (
            "aws:rds/instance:Instance",
            {**DATABASE, "multiAz": True, "databaseInsightsMode": "advanced", "manageMasterUserPassword": True},
            2 * (HOURS * (price("AmazonRDS", "db.m7g.xlarge") + 4 * 0.0125) + 100 * price("AmazonRDS", "gp3")) + 0.4,
        ),
        (
            "aws:elasticache/replicationGroup:ReplicationGroup",
            {"nodeType": "cache.t4g.small", "numCacheClusters": 2},
            2 * HOURS * price("AmazonElastiCache", "cache.t4g.small"),
        ),
        ("aws:kms/key:Key", {"region": "eu-central-1"}, 1),
        ("aws:secretsmanager/secret:Secret", {"replicas": [{"region": "eu-central-1"}]}, 0.8),
        ("aws:cloudwatch/metricAlarm:MetricAlarm", {"metricName": "CPUUtilization"}, 0.1),
        ("aws:cloudwatch/metricAlarm:MetricAlarm", {"metricQueries": [{"metric": {}}, {"metric": {}}, {}]}, 0.2),
        (
            "kubernetes:helm.sh/v3:Release",
            {"values": {"prometheusSpec": {"replicas": 2, "storageSpec": CLAIM}}},
            20 * price("AmazonEBS", "gp3"),
        ),
    ],
)
def test_a_resource_costs_what_aws_bills_for_it(kind: str, inputs: dict[str, object], usd: float) -> None:
    assert of([Resource(kind, "one", inputs)]).total == pytest.approx(usd)


def test_the_disks_of_a_group_are_those_of_its_launch_template_one_a_node() -> None:
    template = {"blockDeviceMappings": [{"ebs": {"volumeSize": 50, "volumeType": "gp3"}}]}
    resources = [
        Resource("aws:ec2/launchTemplate:LaunchTemplate", "group", template),
        Resource("aws:eks/nodeGroup:NodeGroup", "group", GROUP),
    ]
    assert of(resources).total - of(resources[1:]).total == pytest.approx(3 * 50 * price("AmazonEBS", "gp3"))


@pytest.mark.parametrize("key", [name for name in UsageSettings.model_fields if name != "spot_share"])
def test_every_assumption_on_usage_costs_something_where_its_resource_is(key: str) -> None:
    resources = [
        Resource(r.type, r.name, r.inputs) for r in (*planned("prod").resources, *planned("account").resources)
    ]
    resources += [
        Resource("aws:cloudfront/distribution:Distribution", "cdn", {}),
        Resource("aws:elasticache/serverlessCache:ServerlessCache", "cache", {}),
    ]
    usage = UNUSED.model_copy(update={key: 100})
    assert of(resources, usage).total > of(resources).total
    assert of([], usage).total == 0


def test_the_copies_cost_what_the_second_region_asks() -> None:
    usage = UNUSED.model_copy(update={"backups_gb": 100})
    copies = "aws:rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication"
    found = of([Resource(copies, "copies", {"region": "eu-central-1"})], usage)
    assert found.components == {"recovery": pytest.approx(100 * price("AmazonRDS", "backup", "eu-central-1"))}


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_a_shipped_environment_costs_less_than_its_budget_and_not_next_to_nothing(stack: str) -> None:
    found, limit = estimate_of(stack)
    assert limit is not None
    assert limit / 4 < found.total < limit
    assert {"cluster", "nodes", "network", "database", "cache", "edge"} <= found.components.keys()
    assert over_the_limit(found, limit) == ""


def test_too_dear_an_environment_is_told_with_figure_limit_and_its_three_biggest_components() -> None:
    found, _ = estimate_of("prod")
    said = over_the_limit(found, 100)
    assert f"{found.total:.0f} USD" in said
    assert "budget.monthly_usd, 100" in said
    assert all(name in said for name in list(found.components)[:3])
    assert not any(f"{name} " in said.split("the most goes to")[1] for name in list(found.components)[3:])
    assert over_the_limit(found, found.total) == ""
    assert over_the_limit(found, None) == ""


def test_the_difference_of_two_plans_names_what_changed_and_nothing_else() -> None:
    before, after = (
        with_changes("staging", {}),
        with_changes("staging", {"database.multi_az": False, "cache.nodes": 3, "alarms": None}),
    )
    changes = difference(before, after)
    assert list(changes) == ["database", "cache", "alarms"]
    assert changes["database"] < 0 < changes["cache"]
    assert changes["alarms"] == -before.components["alarms"]
    assert sum(changes.values()) == pytest.approx(after.total - before.total)
    assert difference(before, before) == {}
    gone = difference(before, dataclasses.replace(before, lines=()))
    assert sum(gone.values()) == pytest.approx(-before.total)


def test_the_comment_shows_components_changes_and_how_sure_the_prices_are() -> None:
    found, limit = estimate_of("dev")
    text = as_markdown(found, table(), limit, {"nodes": 12.3, "alarms": -4})
    assert text.startswith(f"**dev: {found.total:.0f} USD a month of 400**\n")
    assert re.search(r"^\| nodes \| \d+\.\d\d \| \+12\.30 \|$", text, flags=re.MULTILINE)
    assert "| alarms | 0.00 | -4.00 |" in text
    assert "written from memory and are to be checked" in text
    assert "change" not in as_markdown(found, table(), limit)


def test_the_json_adds_up() -> None:
    found, limit = estimate_of("dev")
    content = json.loads(as_json(found, table(), limit))
    assert content["limit_usd"] == 400
    assert sum(content["components"].values()) == pytest.approx(content["usd_a_month"], abs=0.1)
    assert sum(line["usd"] for line in content["lines"]) == pytest.approx(content["usd_a_month"], abs=0.2)
    assert difference(from_json(as_json(found, table(), limit)), found) == {}
    assert {line["origin"] for line in content["lines"]} <= {"AWS", "third party", MEMORY}


def test_the_picture_is_up_to_date() -> None:
    drawn = svg([estimate_of(stack)[0] for stack in AWS_STACKS], table())
    assert PICTURE.read_text() == drawn, "write it again: make cost PICTURE=1"


def test_a_rehearsals_plan_is_read_as_what_will_be_there(tmp_path: Path) -> None:
    def step(operation: str, name: str, inputs: object) -> dict[str, object]:
        urn = f"urn:pulumi:dev::marlinspike::aws:kms/key:Key::{name}"
        return {"operation": operation, "urn": urn, "type": "aws:kms/key:Key", "inputs": inputs}

    steps = [step("create", "new", {}), step("same", "old", {}), step("delete", "gone", None)]
    steps += [
        step("create-replacement", "twice", {}),
        step("replace", "twice", {}),
        step("delete-replaced", "twice", None),
    ]
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps({"steps": steps}))
    assert sorted(r.name for r in resources_of(plan)) == ["new", "old", "twice"]


def test_a_stack_that_is_not_on_aws_has_no_price_and_a_missing_one_no_file() -> None:
    with pytest.raises(NoPriceError, match="target `local`"):
        estimate_of("local")
    with pytest.raises(NoStackError):
        estimate_of("nowhere")


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ({"unit": "hour", "seen": MEMORY}, r"names \[\]"),
        ({"unit": "hour", "seen": MEMORY, "eu-west-3": 1.0}, "each of"),
        ({"unit": "hour", "seen": "somewhere", "all": 1.0}, "neither"),
        ({"unit": "hour", "seen": MEMORY, "all": 0.0}, "greater than 0"),
        ({"unit": "hour", "all": 1.0}, "seen"),
    ],
)
def test_the_table_refuses_a_price_without_a_region_an_origin_or_an_amount(
    content: dict[str, object], fault: str
) -> None:
    with pytest.raises(ValidationError, match=fault):
        Price.model_validate(content)


def test_every_price_of_the_table_is_dated_has_awss_page_and_an_origin() -> None:
    assert Table.model_validate(yaml.safe_load(TABLE.read_text())).on.year >= 2026
    origins = {p.origin for service in table().services.values() for p in service.prices.values()}
    assert origins == {"AWS", "third party", MEMORY}


def test_the_command_fails_with_every_fault_and_leaves_reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("typer", reason="the command line needs requirements-dev.txt")
    from typer import Typer  # noqa: PLC0415 - as above
    from typer.testing import CliRunner  # noqa: PLC0415

    from price import __main__ as command  # noqa: PLC0415

    app = Typer()
    app.command()(command.main)
    monkeypatch.chdir(tmp_path)
    dear, _ = estimate_of("dev")
    assert CliRunner().invoke(app, ["dev"]).exit_code == 0
    assert json.loads((tmp_path / "out/dev/cost.json").read_text())["stack"] == "dev"
    assert (tmp_path / "out/dev/cost.md").read_text().startswith("**dev: ")
    earlier = tmp_path / "before" / "dev" / "cost.json"
    earlier.parent.mkdir(parents=True)
    without_nodes = tuple(line for line in dear.lines if line.component != "nodes")
    earlier.write_text(as_json(dataclasses.replace(dear, lines=without_nodes), table(), None))
    assert CliRunner().invoke(app, ["dev", "--before", "before"]).exit_code == 0
    nodes = f"{dear.components['nodes']:.2f}"
    assert f"| nodes | {nodes} | +{nodes} |" in (tmp_path / "out/dev/cost.md").read_text()
    monkeypatch.setattr(
        command, "estimate_of", lambda stack, plan: (dear, 10.0) if stack == "dev" else estimate_of(stack, plan)
    )
    failed = CliRunner().invoke(app, ["dev", "local"])
    assert failed.exit_code == 1
    assert "more than budget.monthly_usd, 10;" in failed.output
    assert "target `local`" in failed.output


def test_usage_is_a_section_of_aws_stacks_that_refuses_nonsense() -> None:
    with pytest.raises(SettingsError, match=r"usage\.spot_share"):
        settings_with("dev", {"usage.spot_share": 1.5})
    with pytest.raises(SettingsError, match=r"usage\.nat_gb"):
        settings_with("dev", {"usage.nat_gb": -1})
