"""Secrets of a store outside become files of the workloads that name them, and are in no environment, plan or state."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from infra.secret_store import SecretStoreSettings
from stacks.settings import SettingsError
from tests.unit.plan import (
    PROJECT,
    STACKS,
    Plan,
    plan_of,
    planned,
    planned_with,
    settings_of,
    settings_with,
    stack_file,
)

STORE = "kubernetes:external-secrets.io/v1:SecretStore"
SECRET = "kubernetes:external-secrets.io/v1:ExternalSecret"  # noqa: S105 - the type
DEPLOYMENT = "kubernetes:apps/v1:Deployment"
PLACE = "aws:secretsmanager/secret:Secret"

DECLARED = {"payment-api": {"description": "Token of the payment provider"}, "unused": {"description": "Of nobody yet"}}
ALONE = {"secrets": DECLARED, "monitoring.notifications": None}
"""No secrets but those of the workloads."""
USED = {**ALONE, "app.secrets": ["payment-api"]}
VAULT = {"secret_store": {"backend": "vault", "vault": {"server": "https://vault.example.com:8200"}}}


def pod(plan: Plan) -> dict[str, Any]:
    found: dict[str, Any] = plan.only(DEPLOYMENT).inputs["spec"]["template"]["spec"]
    return found


def test_a_secret_that_a_workload_names_is_fetched_into_a_kubernetes_secret_of_its_name() -> None:
    plan = planned_with("staging", USED)
    made = plan.only(SECRET).inputs
    assert made["metadata"]["name"] == "payment-api"
    assert made["spec"]["target"] == {"name": "payment-api", "creationPolicy": "Owner", "deletionPolicy": "Retain"}
    assert made["spec"]["data"] == [{"secretKey": "value", "remoteRef": {"key": "marlinspike-staging/payment-api"}}]
    assert made["spec"]["secretStoreRef"] == {
        "kind": "SecretStore",
        "name": plan.only(STORE).inputs["metadata"]["name"],
    }
    assert made["spec"]["refreshInterval"] == "300s"
    assert {place.inputs["name"] for place in plan.of(PLACE)} == {f"marlinspike-staging/{name}" for name in DECLARED}


def test_it_is_a_file_in_the_workloads_pods_and_nowhere_else() -> None:
    plan = planned_with("staging", USED)
    [volume] = [volume for volume in pod(plan)["volumes"] if volume["name"] == "secrets"]
    item = {"secret": {"name": "payment-api", "items": [{"key": "value", "path": "payment-api"}]}}
    assert volume["projected"] == {"sources": [item], "defaultMode": 0o440}
    [mount] = [mount for mount in pod(plan)["containers"][0]["volumeMounts"] if mount["name"] == "secrets"]
    assert mount == {"name": "secrets", "mountPath": "/var/run/secrets/marlinspike", "readOnly": True}
    for job in plan.of("kubernetes:batch/v1:Job"):
        assert "payment-api" not in str(job.inputs)


def test_a_value_that_is_missing_stops_the_release_before_a_pod_waits_for_it() -> None:
    plan = planned_with("staging", USED)
    secret = plan.only(SECRET)
    assert secret.inputs["metadata"]["annotations"]["pulumi.com/waitFor"] == "condition=Ready"
    assert plan.comes_before(secret.key, "Deployment/app-deployment")
    assert plan.comes_before("Release/external-secrets-release", plan.only(STORE).key)


def test_secrets_manager_is_entered_as_the_operator_without_a_key() -> None:
    provider = planned_with("staging", USED).only(STORE).inputs["spec"]["provider"]
    assert provider == {"aws": {"service": "SecretsManager", "region": "eu-west-3"}}


def test_vault_is_entered_with_a_token_of_an_account_that_can_do_nothing_else() -> None:
    plan = planned_with("staging", {**USED, **VAULT})
    vault = plan.only(STORE).inputs["spec"]["provider"]["vault"]
    assert (vault["server"], vault["path"], vault["version"]) == ("https://vault.example.com:8200", "secret", "v2")
    account = vault["auth"]["kubernetes"]["serviceAccountRef"]["name"]
    [made] = [a for a in plan.of("kubernetes:core/v1:ServiceAccount") if a.inputs["metadata"]["name"] == account]
    assert made.inputs["automountServiceAccountToken"] is False
    assert plan.only(SECRET).inputs["spec"]["data"][0]["remoteRef"]["property"] == "value"


def test_where_vault_has_them_aws_has_no_place_for_them_and_the_operator_no_role() -> None:
    plan = planned_with("staging", {**USED, **VAULT})
    assert plan.of(PLACE) == []
    assert [role.name for role in plan.of("aws:iam/role:Role") if "external-secrets" in role.name] == []


def test_without_a_workload_that_asks_no_store_is_made() -> None:
    plan = planned_with("staging", ALONE)
    assert (plan.of(STORE), plan.of(SECRET)) == ([], [])
    assert [volume["name"] for volume in pod(plan)["volumes"]] == ["tmp"]


@pytest.mark.parametrize(
    ("stack", "changes", "says"),
    [
        (
            "staging",
            {**USED, "app.secrets": ["payment-apu"]},
            "payment-apu is not in section secrets; .*known are payment-api",
        ),
        ("staging", {**USED, "add_ons.external_secrets": False}, "set add_ons.external_secrets to true"),
        ("staging", {**USED, "app.secrets": ["Payment"]}, "app.secrets.0: string should match pattern"),
        ("staging", {**USED, "secret_store": {"backend": "vault"}}, "nothing says where it is; set vault.server"),
        ("local", {"app.secrets": ["payment-api"]}, "target local has no store of secrets"),
    ],
)
def test_a_secret_that_nobody_would_bring_is_refused(stack: str, changes: dict[str, Any], says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        settings_with(stack, changes)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"backend": "aws", "vault": {"server": "https://vault.example.com"}}, "set backend to vault, or remove it"),
        ({"backend": "vault", "vault": {"server": "http://vault.example.com"}}, "String should match pattern"),
        (
            {"backend": "vault", "vault": {"server": "https://v", "ca_certificate": "MII="}},
            "String should match pattern",
        ),
        ({"refresh_seconds": 5}, "greater than or equal to 30"),
    ],
)
def test_a_wrong_store_is_refused(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        SecretStoreSettings(**wrong)


def places(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every key of a nested value, with what stands there."""
    if isinstance(value, dict):
        for key, within in value.items():
            yield f"{path}.{key}", within
            yield from places(within, f"{path}.{key}")
    elif isinstance(value, list):
        for within in value:
            yield from places(within, f"{path}[]")


@pytest.mark.parametrize("stack", [*STACKS, "staging with secrets"])
def test_no_environment_takes_anything_from_a_secret_and_no_file_stays_as_it_was(stack: str) -> None:
    plan = planned_with("staging", USED) if stack not in STACKS else planned(stack)
    found = [(each.key, path, value) for each in plan.resources for path, value in places(each.inputs)]
    assert len(found) > 500
    # An environment can be read by whatever dumps it, and is what it was at the start; so is a file mounted by subPath.
    wrong = [(key, path) for key, path, _ in found if path.endswith((".secretKeyRef", ".secretRef", ".subPath"))]
    assert wrong == []
    named = {path.rsplit(".", 1)[1] for _, path, _ in found}
    assert {"env", "volumeMounts"} <= named, "the pods are there to be looked at"


def test_the_second_region_reads_the_copies_and_only_them() -> None:
    config = stack_file("prod")
    config[f"{PROJECT}:recovery"] |= {
        "restore_database_from": "arn:aws:rds:eu-central-1:111122223333:auto-backup:ab-0123456789abcdef"
    }
    config[f"{PROJECT}:app"] |= {"secrets": ["payment-api"]}
    config[f"{PROJECT}:monitoring"] = {"mode": "off"}
    config[f"{PROJECT}:secrets"] = DECLARED
    plan = plan_of("prod-recovery", settings_of("prod-recovery", config))
    rights = rights_of_the_operator(plan)
    assert rights["SecretsOfThisStack"]["Resource"] == [
        "arn:aws:secretsmanager:eu-central-1:111122223333:secret:marlinspike-prod/*"
    ]
    condition = rights["TheirKey"]["Condition"]
    assert condition["ForAnyValue:StringEquals"] == {"kms:ResourceAliases": "alias/marlinspike-prod-copies"}
    assert condition["StringEquals"] == {"kms:ViaService": "secretsmanager.eu-central-1.amazonaws.com"}
    assert plan.only(SECRET).inputs["spec"]["data"][0]["remoteRef"]["key"] == "marlinspike-prod/payment-api"
    assert plan.only(STORE).inputs["spec"]["provider"]["aws"]["region"] == "eu-central-1"


def rights_of_the_operator(plan: Plan) -> dict[str, dict[str, Any]]:
    [found] = [each for each in plan.of("aws:iam/rolePolicy:RolePolicy") if "-external-secrets-" in each.name]
    return {statement["Sid"]: statement for statement in json.loads(found.inputs["policy"])["Statement"]}
