"""The workloads' namespace: its quota, its limits, who may do what in it, and what its default account has."""

import math

import pytest
from pydantic import ValidationError

from infra.access import access_entries
from infra.cluster import ClusterSettings
from infra.pods import ResourcesSettings
from infra.quota import Demand, QuotaSettings, allowed, needed
from infra.roles import operating, viewing
from stacks.demands import of_workload
from stacks.settings import SettingsError
from tests.unit.plan import AWS_STACKS, STACKS, planned, settings_of, settings_with

QUOTA = "kubernetes:core/v1:ResourceQuota"
LIMITS = "kubernetes:core/v1:LimitRange"
ACCOUNT = "kubernetes:core/v1:ServiceAccount"
ROLE = "kubernetes:rbac.authorization.k8s.io/v1:Role"
BINDING = "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding"

PERSON = "arn:aws:iam::111122223333:role/on-call"


def test_what_pods_need_is_counted_at_full_scale_in_a_rollout() -> None:
    workload = settings_of("prod").app
    assert of_workload(workload).pods == 45  # 20, 5 more for the surge, 20 that leave
    found = needed([of_workload(workload)])
    assert (found["cpu_request"], found["cpu_limit"]) == (45 * 500, 45 * 1000)
    assert (found["memory_limit"], found["ephemeral_storage_limit"]) == (45 * 512, 45 * 2048)
    assert (found["persistent_volume_claims"], found["storage"]) == (0, 0)


def test_disks_are_counted_with_their_pods() -> None:
    found = needed([Demand(2, ResourcesSettings(), storage_gib=3)])
    assert (found["persistent_volume_claims"], found["storage"]) == (2, 2 * 3 * 1024)


def test_a_quota_that_is_left_out_has_room_beside_what_is_needed_and_one_that_is_given_is_that() -> None:
    demands = [Demand(10, ResourcesSettings())]
    free = allowed(QuotaSettings(), demands)
    assert free["pods"] == math.ceil((10 + 4) * 1.25)
    assert all(free[name] > amount for name, amount in needed(demands).items() if amount)
    assert allowed(QuotaSettings(pods=11), demands) == {**free, "pods": 11}


@pytest.mark.parametrize("stack", STACKS)
def test_every_pod_of_a_stack_fits_its_quota_and_its_limits(stack: str) -> None:
    plan = planned(stack)
    hard = plan.only(QUOTA).inputs["spec"]["hard"]
    assert int(hard["pods"]) > of_workload(settings_of(stack).app).pods
    assert (hard["services.loadbalancers"], hard["services.nodeports"]) == ("0", "0")
    assert {"requests.cpu", "limits.cpu", "requests.memory", "limits.memory"} <= hard.keys()
    assert (int(hard["persistentvolumeclaims"]) >= 2) == (stack == "local")
    [limits] = plan.only(LIMITS).inputs["spec"]["limits"]
    assert limits["type"] == "Container"
    app = settings_of(stack).app.resources
    assert limits["max"]["memory"] == f"{512 if stack in ('prod', 'staging') else 256}Mi"
    assert int(limits["max"]["cpu"][:-1]) >= int(app.cpu_limit[:-1])
    assert limits["default"]["cpu"] == ResourcesSettings().cpu_limit
    assert limits["defaultRequest"]["cpu"] == ResourcesSettings().cpu_request


@pytest.mark.parametrize("stack", STACKS)
def test_quota_and_limits_are_there_before_the_first_pod(stack: str) -> None:
    plan = planned(stack)
    first = "Credentials/credentials" if stack == "local" else "Job/database-bootstrap"
    for earlier in (QUOTA, LIMITS, ACCOUNT):
        [made] = [found for found in plan.of(earlier) if found.name.startswith("marlinspike-")]
        assert plan.comes_before(made.key, first)


@pytest.mark.parametrize("stack", STACKS)
def test_the_default_account_loses_its_token_by_a_provider_that_takes_over_nothing_else(stack: str) -> None:
    plan = planned(stack)
    account = plan.only(ACCOUNT, "marlinspike-default-account")
    assert account.inputs["metadata"]["name"] == "default"
    assert account.inputs["automountServiceAccountToken"] is False
    assert "kubernetes-existing" in account.provider
    providers = {found.name: found.inputs for found in plan.of("pulumi:providers:kubernetes")}
    assert providers["kubernetes-existing"]["upsertExistingObjects"] == "true"
    assert "upsertExistingObjects" not in providers["kubernetes"]
    others = [found.key for found in plan.kubernetes() if "kubernetes-existing" in found.provider and found != account]
    assert others == []


@pytest.mark.parametrize(
    ("stack", "changes", "says"),
    [
        ("prod", {"namespace.quota": {"pods": 40}}, r"namespace.quota.pods: 40 is less than the 49 that jobs"),
        ("prod", {"namespace.quota": {"cpu_request": "9000m"}}, "quota.cpu_request: 9000m is less than the 22900m"),
        ("staging", {"namespace.quota": {"memory_limit": "4Gi"}}, "quota.memory_limit: 4Gi is less than the 7168Mi"),
        ("local", {"namespace.quota": {"storage": "1Gi"}}, "quota.storage: 1Gi is less than the"),
        ("local", {"namespace.quota": {"persistent_volume_claims": 1}}, "claims: 1 is less than the 2"),
        ("dev", {"namespace.quota": {"pod": 40}}, r"unknown setting; did you mean pods\?"),
    ],
)
def test_a_quota_into_which_the_stacks_own_pods_do_not_fit_is_refused_with_the_numbers(
    stack: str, changes: dict[str, object], says: str
) -> None:
    with pytest.raises(SettingsError, match=says):
        settings_with(stack, changes)


def test_a_quota_into_which_they_just_fit_is_taken() -> None:
    assert settings_with("prod", {"namespace.quota": {"pods": 49}})


# ---- people


@pytest.mark.parametrize("rules", [viewing(), operating()])
def test_no_role_names_secrets_or_everything(rules: list[dict[str, list[str]]]) -> None:
    for rule in rules:
        words = {*rule["api_groups"], *rule["resources"], *rule["verbs"]}
        assert not words & {"*", "secrets", "configmaps", "pods/exec", "pods/attach", "pods/ephemeralcontainers"}


def test_viewers_only_read_and_operators_make_nothing_but_evictions_and_port_forwards() -> None:
    assert {verb for rule in viewing() for verb in rule["verbs"]} == {"get", "list", "watch"}  # type: ignore[index, union-attr]
    made = [rule["resources"] for rule in operating() if "create" in rule["verbs"]]  # type: ignore[index, operator]
    assert made == [["pods/eviction", "pods/portforward"]]


@pytest.mark.parametrize("stack", STACKS)
def test_each_role_is_bound_to_its_group(stack: str) -> None:
    plan = planned(stack)
    for role in ("viewer", "operator"):
        assert plan.only(ROLE, f"marlinspike-{role}").inputs["metadata"]["namespace"] == "marlinspike"
        binding = plan.only(BINDING, f"marlinspike-{role}s").inputs
        assert binding["roleRef"] == {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": role}
        assert [subject["name"] for subject in binding["subjects"]] == [f"marlinspike:{role}s"]


@pytest.mark.parametrize("key", ["viewers", "operators"])
def test_a_principal_comes_into_its_group_and_has_no_policy_of_eks_beside(key: str) -> None:
    settings = ClusterSettings(administrators=("arn:aws:iam::111122223333:role/a",), **{key: (PERSON,)})  # type: ignore[arg-type]
    entry = access_entries(settings)["111122223333-role-on-call"]
    assert entry.kubernetes_groups == [f"marlinspike:{key}"]
    assert entry.access_policies is None
    with pytest.raises(ValidationError, match="EKS accepts one access entry"):
        ClusterSettings(administrators=(PERSON,), **{key: (PERSON,)})  # type: ignore[arg-type]


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_operators_are_held_to_restarts_in_this_namespace_only(stack: str) -> None:
    binding = planned(stack).only("kubernetes:admissionregistration.k8s.io/v1:ValidatingAdmissionPolicyBinding").inputs
    assert binding["spec"]["validationActions"] == ["Deny"]
    selector = binding["spec"]["matchResources"]["namespaceSelector"]["matchLabels"]
    assert selector == {"kubernetes.io/metadata.name": "marlinspike"}
