"""The image registry of an account."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from infra.registry import RegistrySettings
from stacks.settings import SettingsError
from tests.unit.iam import statements
from tests.unit.plan import planned, planned_with, settings_with

REPOSITORY = "aws:ecr/repository:Repository"
LIFECYCLE = "aws:ecr/lifecyclePolicy:LifecyclePolicy"
TEMPLATE = "aws:ecr/repositoryCreationTemplate:RepositoryCreationTemplate"
REPLICATION = "aws:ecr/replicationConfiguration:ReplicationConfiguration"
SCANNING = "aws:ecr/registryScanningConfiguration:RegistryScanningConfiguration"


def key(name: str) -> str:
    """ARN of a key under the mocks."""
    return f"arn:aws:test:eu-west-3:111122223333:marlinspike-account{name}-key"


def test_repositories_are_immutable_scanned_encrypted_and_protected() -> None:
    repository = planned("account").only(REPOSITORY)
    assert repository.inputs["name"] == "marlinspike/app"
    assert repository.inputs["imageTagMutability"] == "IMMUTABLE"
    assert repository.inputs["imageScanningConfiguration"] == {"scanOnPush": True}
    assert repository.inputs["encryptionConfigurations"] == [{"encryptionType": "KMS", "kmsKey": key("")}]
    assert (repository.protect, repository.inputs["forceDelete"]) == (True, False)


def test_untagged_images_go_after_four_weeks_and_tagged_ones_stay() -> None:
    [rule] = json.loads(planned("account").only(LIFECYCLE).inputs["policy"])["rules"]
    assert rule["action"] == {"type": "expire"}
    assert rule["selection"] == {
        "tagStatus": "untagged",
        "countType": "sinceImagePushed",
        "countUnit": "days",
        "countNumber": 28,
    }


def test_nobody_else_pulls_unless_the_settings_say_so() -> None:
    assert planned("account").of("aws:ecr/repositoryPolicy:RepositoryPolicy") == []


def test_other_accounts_pull_and_nothing_else_here_and_from_the_copies() -> None:
    plan = planned_with("account", {"registry.pull_accounts": ["444455556666"]})
    policy = plan.only("aws:ecr/repositoryPolicy:RepositoryPolicy").inputs["policy"]
    [statement] = json.loads(policy)["Statement"]
    assert statement["Principal"] == {"AWS": ["arn:aws:iam::444455556666:root"]}
    assert statement["Action"] == [
        "ecr:BatchCheckLayerAvailability",
        "ecr:BatchGetImage",
        "ecr:GetDownloadUrlForLayer",
    ]
    assert plan.only(TEMPLATE).inputs["repositoryPolicy"] == policy


def test_copies_in_the_second_region_have_the_properties_of_their_originals() -> None:
    plan = planned("account")
    template = plan.only(TEMPLATE)
    assert (template.inputs["region"], template.inputs["prefix"]) == ("eu-central-1", "marlinspike")
    assert template.inputs["appliedFors"] == ["REPLICATION"]
    original = plan.only(REPOSITORY).inputs
    assert template.inputs["imageTagMutability"] == original["imageTagMutability"]
    assert template.inputs["lifecyclePolicy"] == plan.only(LIFECYCLE).inputs["policy"]
    assert template.inputs["encryptionConfigurations"] == [{"encryptionType": "KMS", "kmsKey": key("-copy")}]
    assert plan.only("aws:kms/key:Key", "marlinspike-account-copy-key").inputs["region"] == "eu-central-1"
    assert {scanning.inputs.get("region") for scanning in plan.of(SCANNING)} == {None, "eu-central-1"}


def test_every_image_is_copied_once_the_template_for_copies_is_there() -> None:
    plan = planned("account")
    replication = plan.only(REPLICATION)
    [rule] = replication.inputs["replicationConfiguration"]["rules"]
    assert rule["destinations"] == [{"region": "eu-central-1", "registryId": "111122223333"}]
    assert rule["repositoryFilters"] == [{"filter": "marlinspike/", "filterType": "PREFIX_MATCH"}]
    assert plan.comes_before(plan.only(TEMPLATE).key, replication.key)
    assert plan.comes_before("RolePolicy/marlinspike-account-registry-copy", replication.key)


def test_the_copying_role_makes_copies_under_their_key_and_nothing_else() -> None:
    policy = planned("account").only("aws:iam/rolePolicy:RolePolicy", "marlinspike-account-registry-copy")
    made, encrypted = statements([policy.inputs["policy"]])
    assert made["Resource"] == ["arn:aws:ecr:eu-central-1:111122223333:repository/marlinspike/*"]
    assert encrypted["Resource"] == [key("-copy")]


def test_without_a_second_region_nothing_is_made_for_one() -> None:
    plan = planned_with("account", {"registry.replicate_to": None})
    assert plan.of(TEMPLATE) == plan.of(REPLICATION) == []
    assert len(plan.of("aws:kms/key:Key")) == 1
    assert len(plan.of(SCANNING)) == 1


def test_enhanced_scanning_goes_on_after_the_push() -> None:
    for scanning in planned_with("account", {"registry.scan": "enhanced"}).of(SCANNING):
        assert scanning.inputs["scanType"] == "ENHANCED"
        assert scanning.inputs["rules"][0]["scanFrequency"] == "CONTINUOUS_SCAN"


def test_an_account_may_have_only_roles_or_only_images() -> None:
    roles = planned_with("account", {"registry": None})
    assert roles.of(REPOSITORY) == roles.of("aws:kms/key:Key") == []
    assert "marlinspike-push" not in {role.name for role in roles.of("aws:iam/role:Role")}
    images = planned_with("account", {"delivery": None})
    assert len(images.of(REPOSITORY)) == 1
    assert images.of("aws:iam/openIdConnectProvider:OpenIdConnectProvider") == []


def test_everything_goes_through_the_one_provider() -> None:
    assert {r.provider.split("::")[3] for r in planned("account").resources if r.type.startswith("aws:")} == {"aws"}


def test_a_copy_in_the_same_region_is_refused() -> None:
    with pytest.raises(SettingsError) as refused:
        settings_with("account", {"registry.replicate_to": "eu-west-3"})
    assert refused.value.faults == [
        "registry.replicate_to: eu-west-3 is the region that the images are in; name another one, or leave it out"
    ]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"repositories": ()}, "at least 1 item"),
        ({"repositories": ("app",)}, "String should match pattern"),
        ({"repositories": ("Marlinspike/app",)}, "String should match pattern"),
        ({"untagged_days": 0}, "greater than or equal to 1"),
        ({"scan": "none"}, "Input should be 'basic' or 'enhanced'"),
        ({"pull_accounts": ("*",)}, "String should match pattern"),
    ],
)
def test_a_wrong_registry_setting_is_refused_with_its_reason(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        RegistrySettings(**{"repositories": ("marlinspike/app",), **wrong})
