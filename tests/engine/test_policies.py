"""The policy pack in the real engine: what breaks a rule is refused in plain words, and not made."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from rehearsal import places, summary
from rehearsal.run import Rehearsal
from rehearsal.toolchain import Toolchain
from tests.engine.conftest import unmeasured

PROGRAM = """
import os
import pulumi
import pulumi_aws as aws

provider = aws.Provider(
    "aws",
    region="eu-west-3",
    allowed_account_ids=["111122223333"],
    default_tags={"tags": {"Project": "shop", "Environment": "dev", "ManagedBy": "pulumi"}},
)
opts = pulumi.ResourceOptions(provider=provider)
key = aws.kms.Key("key", enable_key_rotation=True, opts=opts)
if os.environ.get("LOOSE"):
    aws.iam.RolePolicy(
        "loose",
        role="deployer",
        policy=key.arn.apply(
            lambda arn: '{"Statement": [{"Effect": "Allow", "Action": "*", "Resource": ["' + arn + '", "*"]}]}'
        ),
        opts=opts,
    )
aws.rds.Instance(
    "database",
    instance_class="db.t4g.small",
    engine="postgres",
    username="root",
    allocated_storage=20,
    manage_master_user_password=True,
    storage_encrypted=True,
    kms_key_id=key.arn,
    backup_retention_period=3,
    publicly_accessible=bool(os.environ.get("PUBLIC")),
    skip_final_snapshot=True,
    opts=opts,
)
pulumi.export(os.environ.get("OUTPUT", "key"), key.arn)
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, toolchain: Toolchain) -> Iterator[Rehearsal]:
    """A small program with a copy of the pack beside it; the tests take it through one life, in the order of this file."""
    folder = tmp_path_factory.mktemp("shop")
    program = folder / "program"
    program.mkdir()
    shutil.copytree(places.repository() / "policy", program / "policy", ignore=shutil.ignore_patterns("__pycache__"))
    (program / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    (program / "Pulumi.dev.yaml").write_text("config: {}\n")
    (program / "__main__.py").write_text(PROGRAM)
    rehearsal = Rehearsal(
        "dev", folder / "state", folder / "out", program, toolchain=toolchain, with_control_plane=False
    )
    with unmeasured():
        try:
            yield rehearsal
        finally:
            rehearsal.remove()


def names_made(shop: Rehearsal) -> set[str]:
    resources = shop.state()["deployment"].get("resources") or []
    return {entry["urn"].rsplit("::", 1)[-1] for entry in resources if entry["type"].startswith("aws:")}


def test_what_breaks_a_rule_is_refused_with_resource_rule_reason_and_remedy(shop: Rehearsal) -> None:
    # Of the other policy a preview can't know the text: it holds the ARN of a key that is not there yet.
    preview = shop.preview({"PUBLIC": "yes", "LOOSE": "yes"})
    assert preview.run.exit_code != 0
    [error] = preview.errors
    assert error.startswith("database (aws:rds/instance:Instance) breaks the rule database-is-private.")
    assert "publiclyAccessible is true" in error
    assert "Why: " in error
    assert "Fix: " in error
    assert names_made(shop) == set()
    assert list(shop.cloud.rglob("*.json")) == []
    left = json.loads((shop.out / "policy.json").read_text())
    assert (left["mandatory"], left["advisory"]) == (1, 0)
    assert [violation["name"] for violation in left["violations"]] == ["database"]


def test_what_a_preview_can_not_know_is_refused_when_it_would_be_made(shop: Rehearsal) -> None:
    refused = shop.up({"LOOSE": "yes"})
    assert any(
        "loose (aws:iam/rolePolicy:RolePolicy) breaks the rule no-wildcard-writes." in each for each in refused.errors
    )
    assert "loose" not in names_made(shop)


def test_what_is_mended_comes_up_and_it_is_told_how_much_was_looked_at(shop: Rehearsal) -> None:
    mended = shop.up()
    assert mended.succeeded, "\n".join(mended.errors)
    assert names_made(shop) == {"key", "database"}
    assert mended.policies is not None
    assert mended.policies.passed["database-is-private"] == 1
    assert mended.policies.lines()[0] in summary.closing("dev", mended)


def test_all_that_is_refused_is_told_at_once_and_nothing_is_touched(shop: Rehearsal) -> None:
    before = sorted(shop.cloud.rglob("*.json"))
    errors = shop.preview({"LOOSE": "yes", "PUBLIC": "yes", "OUTPUT": "database_password"}).errors
    assert sum("breaks the rule" in error for error in errors) == 3
    assert any("It allows * on every resource." in error for error in errors)
    assert any("The output database_password is a credential by its name" in error for error in errors)
    assert sorted(shop.cloud.rglob("*.json")) == before


def test_the_packs_configuration_is_checked_and_holds(shop: Rehearsal, tmp_path: Path) -> None:
    file = tmp_path / "policies.json"
    file.write_text('{"regions-are-approved": {"regions": []}}')
    wrong = shop.preview(None, None, "--policy-pack-config", str(file))
    assert any("regions-are-approved: regions: Array must have at least 1 items" in error for error in wrong.errors)
    file.write_text('{"regions-are-approved": {"regions": ["eu-north-1"], "enforcementLevel": "advisory"}}')
    advised = shop.preview(None, None, "--policy-pack-config", str(file))
    assert advised.succeeded
    assert advised.policies is not None
    # The provider, and what the engine knows the region of.
    assert "aws" in {violation.name for violation in advised.policies.violations}
    assert "0 refused" in advised.policies.lines()[0]
    assert "region is eu-west-3; approved are eu-north-1" in "\n".join(summary.difference(advised))
