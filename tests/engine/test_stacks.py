"""Every shipped stack through the real engine: up, nothing left to do, one change, and down again.

One rehearsal for each stack, in the order of this file: it comes up (dev at the third try only, since the first two meet
faults), is looked at, changed, and destroyed by the last test.
"""

import base64
import contextlib
import functools
import json
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from app.settings import DatabaseSettings, Settings
from infra.placement import placement_on
from rehearsal import places, report
from rehearsal.control_plane.api import Api, ApiError
from rehearsal.run import Rehearsal, Result
from rehearsal.toolchain import Toolchain
from stacks.settings import AwsSettings
from tests.engine.changes import CHANGES, REFUSED
from tests.engine.conftest import unmeasured
from tests.engine.pods import bare_pod, evict, scheduling
from tests.unit.plan import settings_of
from tests.waiting import until

STACKS = ("dev", "staging", "prod", "local")

NAMESPACE = "marlinspike"

FAULTY = "dev"
"""The stack that comes up at its third try only."""

MEASURED = (FAULTY, "local")
"""The stacks whose programs and plugins coverage measures; the other two run the same code with other settings."""

FAULTS = [
    # AWS refuses; the next update meets a Kubernetes API whose answer is lost after the work was done.
    {"type": "aws:rds/instance:Instance", "name": "*", "operation": "create", "effect": "fail", "times": 1},
    {"type": "kubernetes:apps/v1:Deployment", "name": "*", "operation": "create", "effect": "lose-answer", "times": 1},
]


@dataclass
class Rehearsed:
    """One stack that is up."""

    stack: str
    rehearsal: Rehearsal
    tries: list[Result]
    """The updates that it took."""

    @functools.cached_property
    def resources(self) -> list[dict[str, Any]]:
        """Everything in the stack's state as it came up; the engine is asked once."""
        found: list[dict[str, Any]] = self.rehearsal.state()["deployment"].get("resources") or []
        return found

    def api(self) -> Api:
        return Api(self.rehearsal.kubeconfig)


@pytest.fixture(scope="module", params=STACKS)
def up(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, toolchain: Toolchain
) -> Iterator[Rehearsed]:
    folder = tmp_path_factory.mktemp(request.param)
    rehearsal = Rehearsal(request.param, state=folder / "state", out=folder / "out", toolchain=toolchain)
    with contextlib.nullcontext() if request.param in MEASURED else unmeasured():
        try:
            if request.param == FAULTY:
                faults = folder / "faults.json"
                faults.write_text(json.dumps(FAULTS))
                tries = [rehearsal.up({"MARLINSPIKE_FAULTS": str(faults)}) for _ in range(3)]
            else:
                tries = [rehearsal.up()]
            assert tries[-1].succeeded, "\n".join(tries[-1].errors)
            yield Rehearsed(request.param, rehearsal, tries)
        finally:
            rehearsal.remove()


def only(*stacks: str) -> pytest.MarkDecorator:
    """Runs a test on some of the stacks."""
    return pytest.mark.parametrize("up", stacks, indirect=True, scope="module")


@only(FAULTY)
class TestRecovery:
    def test_an_update_that_fails_half_way_names_the_resource_and_the_reason(self, up: Rehearsed) -> None:
        first, second, third = up.tries
        assert (first.succeeded, second.succeeded, third.succeeded) == (False, False, True)
        assert any("database-instance" in error and "injected fault" in error for error in first.errors)
        assert any("app-deployment" in error for error in second.errors)

    def test_the_next_update_makes_what_is_missing_and_nothing_twice(self, up: Rehearsed) -> None:
        made = [
            step.urn
            for result in up.tries
            for step in result.events.changed
            if step.operation == "create" and not step.failed
        ]
        assert [urn for urn, count in Counter(made).items() if count > 1] == []
        with up.api() as api:
            assert len(api.items(f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments")) == 1


class TestUp:
    def test_every_resource_of_the_state_is_in_the_simulated_account_exactly_once(self, up: Rehearsed) -> None:
        in_state = [r for r in up.resources if r.get("custom") and r["type"].startswith("aws:")]
        in_account = [path for path in up.rehearsal.cloud.rglob("*.json") if not path.name.startswith(".")]
        assert len(in_account) == len(in_state)
        assert bool(in_state) == (up.stack != "local")

    def test_no_secret_is_readable_in_the_state_or_in_what_is_left_for_people(self, up: Rehearsed) -> None:
        user = yaml.safe_load(up.rehearsal.kubeconfig.read_text())["users"][0]["user"]
        key = user["client-key-data"]
        secrets = {key, base64.b64decode(key).decode().splitlines()[1]}
        secrets.add((up.rehearsal.state_directory / "passphrase").read_text())
        assert report.write(up.rehearsal).stat().st_size > 30_000
        state = up.rehearsal.state_file.read_text()
        left = [path for path in up.rehearsal.out.rglob("*") if path.is_file() and path.name != "kubeconfig"]
        for text in (state, *(path.read_text() for path in left)):
            assert not any(secret in text for secret in secrets)
        # The kubeconfig is in there, but nobody can read it.
        assert ("ciphertext" in state) == (up.stack != "local")

    def test_the_committed_stack_file_is_as_it_was(self, up: Rehearsed) -> None:
        committed = places.repository() / f"Pulumi.{up.stack}.yaml"
        assert "encryptionsalt" not in committed.read_text()
        if (places.repository() / ".git").exists():
            changed = subprocess.run(
                ["git", "status", "--porcelain", "--", ".rehearsal", "out", str(committed)],
                cwd=places.repository(),
                capture_output=True,
                text=True,
                check=True,
            )
            assert changed.stdout == "" or changed.stdout.startswith(" M")  # a developer's own change of the file

    def test_the_deployed_application_is_given_exactly_the_settings_that_it_reads(self, up: Rehearsed) -> None:
        with up.api() as api:
            [deployment] = api.items(f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments")
            jobs = api.items(f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs")
        given = environment(deployment)
        # What is given is known, what is left out has a default, and all of it together is valid.
        assert given.keys() <= Settings.environment_names()
        accepted = Settings(**{name.lower(): value for name, value in given.items()})
        assert accepted.port == deployment["spec"]["template"]["spec"]["containers"][0]["ports"][0]["containerPort"]
        [migration] = [job for job in jobs if job["metadata"]["labels"]["app.kubernetes.io/name"] == "database-migrate"]
        given = environment(migration)
        assert given.keys() <= DatabaseSettings.environment_names()
        DatabaseSettings(**{name.lower(): value for name, value in given.items()})

    def test_the_cluster_is_what_the_component_has_no_argument_for(self, up: Rehearsed) -> None:
        # The program's transform reached the component's child.
        clusters = [r["inputs"] for r in up.resources if r["type"] == "aws:eks/cluster:Cluster"]
        assert len(clusters) == (0 if up.stack == "local" else 1)
        for cluster in clusters:
            # Its creator is no administrator by that alone, and a zone can be shifted away from.
            assert not cluster["accessConfig"]["bootstrapClusterCreatorAdminPermissions"]
            assert cluster["zonalShiftConfig"] == {"enabled": True}

    def test_each_principal_has_one_way_into_the_cluster(self, up: Rehearsed) -> None:
        entries = [r["inputs"] for r in up.resources if r["type"] == "aws:eks/accessEntry:AccessEntry"]
        policies = [
            r["inputs"] for r in up.resources if r["type"] == "aws:eks/accessPolicyAssociation:AccessPolicyAssociation"
        ]
        principals = sorted(entry["principalArn"] for entry in entries)
        assert principals == sorted(policy["principalArn"] for policy in policies)
        assert len(set(principals)) == len(principals) == (0 if up.stack == "local" else 4)
        scopes = [policy["accessScope"].get("namespaces") for policy in policies if "Edit" in policy["policyArn"]]
        assert scopes == ([] if up.stack == "local" else [["marlinspike"]])

    def test_every_role_is_bounded_where_ci_may_deploy(self, up: Rehearsed) -> None:
        # Those that pulumi-eks makes too: the program's transform reached them.
        bounds = {r["inputs"].get("permissionsBoundary") for r in up.resources if r["type"] == "aws:iam/role:Role"}
        bound = "arn:aws:iam::111122223333:policy/delivery/marlinspike-boundary"
        assert bounds == {"dev": {None}, "staging": {bound}, "prod": {bound}, "local": set()}[up.stack]

    def test_every_rule_of_the_policy_pack_is_kept(self, up: Rehearsed) -> None:
        policies = up.tries[-1].policies
        assert policies is not None
        assert policies.violations == ()
        on_aws = {"database-is-private", "no-wildcard-writes", "bucket-is-complete", "provider-names-its-account"}
        assert {"pods-are-restricted", *(on_aws if up.stack != "local" else ())} <= policies.passed.keys()
        left = json.loads((up.rehearsal.out / "policy.json").read_text())
        assert (left["mandatory"], left["advisory"]) == (0, 0)

    def test_all_pods_are_scheduled(self, up: Rehearsed) -> None:
        with up.api() as api:
            pods = api.items("/api/v1/pods")
        assert {pod["status"]["phase"] for pod in pods} <= {"Running", "Succeeded"}
        assert len([pod for pod in pods if pod["metadata"]["namespace"] == NAMESPACE]) >= 3


class TestAfterwards:
    def test_a_second_preview_finds_nothing_to_do(self, up: Rehearsed) -> None:
        preview = up.rehearsal.preview(None, None, "--expect-no-changes")
        assert preview.succeeded, "\n".join(preview.errors)
        assert preview.changes.keys() == {"same"}

    def test_changed_settings_change_exactly_what_they_should(self, up: Rehearsed) -> None:
        changes = CHANGES[up.stack]
        preview = up.rehearsal.preview(None, {change.setting: change.value for change in changes})
        assert preview.succeeded, "\n".join(preview.errors)
        expected = set().union(*(change.operations for change in changes))
        found = {f"{step.operation} {step.key}" for step in preview.events.changed}
        assert (sorted(found - expected), sorted(expected - found)) == ([], []), "beside what was expected; missing"

    def test_a_setting_that_cannot_work_is_refused_before_anything_is_touched(self, up: Rehearsed) -> None:
        refused = up.rehearsal.up(None, {"app.shutdown.grace_seconds": 10, "app.log_levle": "info"})
        assert not refused.succeeded
        [error] = [error for error in refused.errors if "faults" in error or "fault;" in error]
        assert "app.log_levle: unknown setting; did you mean log_level?" in error
        assert not refused.events.changed


@only("prod")
class TestProtection:
    @pytest.mark.parametrize(("setting", "value", "resource"), REFUSED["prod"])
    def test_what_holds_data_is_never_replaced(self, up: Rehearsed, setting: str, value: Any, resource: str) -> None:
        refused = up.rehearsal.preview(None, {setting: value})
        assert not refused.succeeded
        name = resource.partition("/")[2]
        assert any(name in error and "protect" in error for error in refused.errors), refused.errors


@only("prod")
class TestProdOnTheCluster:
    def test_pods_run_in_three_zones_on_three_nodes_of_their_group(self, up: Rehearsed) -> None:
        with up.api() as api:
            nodes = {node["metadata"]["name"]: node["metadata"]["labels"] for node in api.items("/api/v1/nodes")}
            pods = app_pods(api)
        homes = [nodes[pod["spec"]["nodeName"]] for pod in pods]
        assert len(pods) == 3
        assert {home["topology.kubernetes.io/zone"] for home in homes} == {"eu-west-3a", "eu-west-3b", "eu-west-3c"}
        assert {home["marlinspike.io/node-group"] for home in homes} == {"application"}
        assert len({home["kubernetes.io/hostname"] for home in homes}) == 3

    def test_nodes_have_the_label_that_their_group_serves_and_its_taints(self, up: Rehearsed) -> None:
        with up.api() as api:
            nodes = api.items("/api/v1/nodes")
        found = {
            (
                node["metadata"]["labels"]["marlinspike.io/node-group"],
                tuple(f"{taint['key']}={taint['value']}:{taint['effect']}" for taint in node["spec"].get("taints", [])),
            )
            for node in nodes
        }
        assert found == {("application", ()), ("system", ("CriticalAddonsOnly=true:NoSchedule",))}

    def test_a_pod_gets_onto_a_tainted_group_only_by_the_toleration_that_the_program_derives(
        self, up: Rehearsed
    ) -> None:
        settings = settings_of("prod")
        assert isinstance(settings, AwsSettings)
        placement = placement_on(settings.nodes, "system").values()
        with up.api() as api:
            for name, tolerations in (("tolerates", placement["tolerations"]), ("does-not", [])):
                api.create("/api/v1/namespaces/default/pods", bare_pod(name, placement["nodeSelector"], tolerations))
            until("the pod that tolerates has a node", lambda: scheduling(api, "tolerates") == "")
            until("the other one says why not", lambda: "untolerated taint" in scheduling(api, "does-not"))
            for name in ("tolerates", "does-not"):
                api.delete(f"/api/v1/namespaces/default/pods/{name}", {"gracePeriodSeconds": 0})

    def test_an_eviction_below_the_budget_is_refused_and_one_within_it_is_not(self, up: Rehearsed) -> None:
        with up.api() as api:
            first, second, *_ = [pod["metadata"]["name"] for pod in app_pods(api)]
            budget = api.get(f"/apis/policy/v1/namespaces/{NAMESPACE}/poddisruptionbudgets/app")
            assert budget["status"]["disruptionsAllowed"] == 1
            assert evict(api, NAMESPACE, first) is None
            # The replacement is not ready yet, so that two are left: no more may go.
            assert "would violate the pod's disruption budget" in (evict(api, NAMESPACE, second) or "")

    def test_the_restricted_standard_refuses_a_privileged_pod(self, up: Rehearsed) -> None:
        container = {"name": "a", "image": "a", "securityContext": {"privileged": True}}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": {"containers": [container]}}
        with up.api() as api, pytest.raises(ApiError, match=r'violates PodSecurity "restricted:v1\.36"'):
            api.create(f"/api/v1/namespaces/{NAMESPACE}/pods", pod)


class TestDown:
    def test_destroy_leaves_neither_state_nor_account_nor_objects(self, up: Rehearsed) -> None:
        down = up.rehearsal.destroy()
        assert down.succeeded, "\n".join(down.errors)
        assert not up.rehearsal.state()["deployment"].get("resources")
        records = [path for path in up.rehearsal.cloud.rglob("*.json") if not path.name.startswith(".")]
        left = {json.loads(path.read_text())["type"] for path in records}
        # Nobody could read prod's final snapshot without the key.
        assert left == ({"aws:kms/key:Key"} if up.stack == "prod" else set())
        with up.api() as api:
            namespaces = {namespace["metadata"]["name"] for namespace in api.items("/api/v1/namespaces")}
            nodes = api.items("/api/v1/nodes")
        assert namespaces.isdisjoint({NAMESPACE, "monitoring"})
        assert bool(nodes) == (up.stack == "local")  # whose nodes are not the program's


def environment(owner: dict[str, Any]) -> dict[str, str]:
    """The environment of the first container of a Deployment or Job, as the API server has it."""
    variables = owner["spec"]["template"]["spec"]["containers"][0]["env"]
    return {variable["name"]: variable.get("value", "") for variable in variables}


def app_pods(api: Api) -> list[dict[str, Any]]:
    query = {"labelSelector": "app.kubernetes.io/name=app"}
    return api.items(f"/api/v1/namespaces/{NAMESPACE}/pods", query)
