"""The commands about data on a real API server: Jobs and pods that it admits, and objects that can be applied again."""

import base64
import json
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra import versions
from infra.exports.jobs import DUMP, OBJECTS, RESTORE
from ops import jobs
from ops.cluster_backup import cluster_backup
from ops.db.backup import db_backup
from ops.db.connect import db_connect
from ops.db.restore import _told, db_restore
from ops.errors import DeclinedError, OpsError
from ops.trouble import log_of
from rehearsal.control_plane import ControlPlane
from rehearsal.control_plane.api import Api
from tests.app.servers import REPOSITORY, eventually, process_environment
from tests.ops import kubelet
from tests.ops.places import control_plane, session
from tests.unit.plan import planned

NAMESPACE = "marlinspike"
OUTPUTS = {"namespace": NAMESPACE, "exports_bucket": "exports", "region": "eu-west-3", "database_address": "db.example"}

PATHS = {
    "kubernetes:core/v1:ServiceAccount": "/api/v1/namespaces/{}/serviceaccounts",
    "kubernetes:core/v1:LimitRange": "/api/v1/namespaces/{}/limitranges",
    "kubernetes:core/v1:ResourceQuota": "/api/v1/namespaces/{}/resourcequotas",
    "kubernetes:batch/v1:CronJob": "/apis/batch/v1/namespaces/{}/cronjobs",
    "kubernetes:batch/v1:Job": "/apis/batch/v1/namespaces/{}/jobs",
    "kubernetes:networking.k8s.io/v1:NetworkPolicy": "/apis/networking.k8s.io/v1/namespaces/{}/networkpolicies",
    "kubernetes:rbac.authorization.k8s.io/v1:ClusterRole": "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    "kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding": (
        "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"
    ),
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """The namespace of stack staging with its quota, its accounts and its CronJobs, as the program describes them."""
    with control_plane(tmp_path_factory.mktemp("control-plane")) as started, Api(started.kubeconfig) as api:
        plan = planned("staging")
        home = plan.only("kubernetes:core/v1:Namespace", "marlinspike-namespace").inputs
        api.create("/api/v1/namespaces", {"metadata": {**home["metadata"], "name": NAMESPACE}})
        eventually(lambda: api.items(f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts"), what="the default account")
        for kind, path in PATHS.items():
            for each in plan.of(kind):
                metadata = {**each.inputs["metadata"]}
                if metadata.get("namespace", NAMESPACE) != NAMESPACE or metadata.get("name") == "default":
                    continue
                if "{}" in path:
                    metadata["namespace"] = NAMESPACE
                metadata.setdefault("name", each.name)
                if kind.endswith("Binding"):
                    each.inputs["subjects"][0]["namespace"] = NAMESPACE
                api.create(path.format(NAMESPACE), whole({**each.inputs, "metadata": metadata}))
        yield started


def whole(value: Any) -> Any:
    """The same with whole numbers: in the engine's protocol every number is a float."""
    if isinstance(value, Mapping):
        return {key: whole(each) for key, each in value.items()}
    if isinstance(value, list):
        return [whole(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def objects(plane: ControlPlane, path: str) -> list[dict[str, Any]]:
    with Api(plane.kubeconfig) as api:
        return list(api.items(path))


def test_a_backup_runs_a_job_of_the_cronjob_that_everything_admits(place: ControlPlane) -> None:
    with session("staging", OUTPUTS, place.kubeconfig) as (asked, said):
        found = db_backup(asked)
    assert found is not None
    assert found["rehearsed"]
    [job] = [
        each
        for each in objects(place, f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs")
        if DUMP in each["metadata"]["name"]
    ]
    assert job["metadata"]["name"] == f"{DUMP}-{found['name']}"
    container = job["spec"]["template"]["spec"]["containers"][0]
    assert {"name": "EXPORTS_NAME", "value": found["name"]} in container["env"]
    assert job["spec"]["template"]["spec"]["serviceAccountName"] == DUMP
    assert job["status"]["succeeded"] == 1
    assert "nothing was dumped" in said()


def test_a_dry_run_makes_no_job(place: ControlPlane) -> None:
    before = len(objects(place, f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs"))
    with session("staging", OUTPUTS, place.kubeconfig, dry_run=True) as (asked, said):
        db_backup(asked)
        db_restore(asked, "2026-11-22t03-00-00z")
        db_connect(asked)
    assert said().count("would ") == 3
    assert len(objects(place, f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs")) == before


def test_a_restore_is_confirmed_and_in_prod_with_the_typed_name(place: ControlPlane) -> None:
    for stack, options, words in (
        ("staging", {}, "Say --yes to agree"),
        ("prod", {"yes": True}, "Say --confirm prod to agree"),
        ("prod", {"confirmed": "staging"}, "the stack is prod"),
    ):
        with (
            session(stack, OUTPUTS, place.kubeconfig, **options) as (asked, _),
            pytest.raises(DeclinedError, match=words),
        ):
            db_restore(asked, "2026-11-22t03-00-00z")
    assert not [
        e for e in objects(place, f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs") if RESTORE in e["metadata"]["name"]
    ]
    with session("prod", OUTPUTS, place.kubeconfig, confirmed="prod") as (asked, _):
        assert db_restore(asked, "2026-11-22t03-00-00z") == {"name": "2026-11-22t03-00-00z", "rehearsed": True}


def test_a_job_that_fails_says_why_and_stays_for_people_to_look_at(place: ControlPlane) -> None:
    with Api(place.kubeconfig) as api, session("staging", OUTPUTS, place.kubeconfig) as (asked, _):
        # A quota that is full: no pod of the Job is ever admitted, and its deadline passes.
        template = api.get(f"/apis/batch/v1/namespaces/{NAMESPACE}/cronjobs/{OBJECTS}")
        spec = {**template["spec"], "suspend": True}
        spec["jobTemplate"]["spec"]["activeDeadlineSeconds"] = 2
        spec["jobTemplate"]["spec"]["template"]["spec"]["nodeSelector"] = {"no": "such-node"}
        api.create(f"/apis/batch/v1/namespaces/{NAMESPACE}/cronjobs", {"metadata": {"name": "stuck"}, "spec": spec})
        with pytest.raises(OpsError, match=r"Job stuck-1 failed: Job was active longer than specified deadline"):
            jobs.run(asked.stack.cluster, NAMESPACE, "stuck", "stuck-1", {}, lambda _: None, poll_seconds=0.2)
    assert [
        e for e in objects(place, f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs") if e["metadata"]["name"] == "stuck-1"
    ]


@pytest.mark.parametrize(
    "log",
    [
        '{"event": "restored", "kept": null, "rows": 3}\n',
        'one line\n{"event": "sent", "percent": 10}\n{"event": "restored", "kept": null, "rows": 3}\n',
        '{"event": "restored", "kept": null, "rows": 3}\nund sie lügen nicht\n',
    ],
)
def test_what_a_pod_has_written_is_read_as_it_was_written(place: ControlPlane, tmp_path: Path, log: str) -> None:
    with session("staging", OUTPUTS, place.kubeconfig) as (asked, _):
        cluster = asked.stack.cluster
        with kubelet.kubelet(cluster, tmp_path, {"speaker/main": log}):
            kubelet.pod(cluster, "default", "speaker", {})
            try:
                said = log_of(cluster, "default", "speaker", "main")
            finally:
                cluster.core.delete_namespaced_pod("speaker", "default", grace_period_seconds=0)
    assert said == log
    assert _told(said) == {"event": "restored", "kept": None, "rows": 3}


def test_a_job_is_deleted_when_whoever_waits_for_it_goes_away(place: ControlPlane) -> None:
    def leaves(line: str) -> None:
        raise KeyboardInterrupt(line)

    path = f"/apis/batch/v1/namespaces/{NAMESPACE}/cronjobs"
    with Api(place.kubeconfig) as api, session("staging", OUTPUTS, place.kubeconfig) as (asked, _):
        spec = api.get(f"{path}/{OBJECTS}")["spec"]
        spec["jobTemplate"]["spec"]["template"]["spec"]["nodeSelector"] = {"no": "such-node"}
        api.create(path, {"metadata": {"name": "waits"}, "spec": {**spec, "suspend": True}})
        with pytest.raises(KeyboardInterrupt):
            jobs.run(asked.stack.cluster, NAMESPACE, "waits", "waits-1", {}, leaves)

    def gone() -> bool:
        found = objects(place, f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs")
        return not [each for each in found if each["metadata"]["name"] == "waits-1"]

    eventually(gone, what="the Job is deleted")


def test_a_stack_without_the_section_is_told_what_to_add(place: ControlPlane) -> None:
    outputs = {key: value for key, value in OUTPUTS.items() if key != "exports_bucket"}
    with session("staging", outputs, place.kubeconfig) as (asked, _), pytest.raises(OpsError, match="section exports"):
        db_backup(asked)
    with (
        session("staging", OUTPUTS, place.kubeconfig) as (asked, _),
        pytest.raises(OpsError, match="there is no CronJob other"),
    ):
        jobs.run(asked.stack.cluster, NAMESPACE, "other", "other-1", {}, lambda _: None)


def psql_pods(plane: ControlPlane) -> list[dict[str, Any]]:
    found = objects(plane, f"/api/v1/namespaces/{NAMESPACE}/pods")
    return [each for each in found if each["metadata"]["name"].startswith("psql-")]


def test_psqls_pod_is_admitted_reaches_what_migrations_reach_and_is_gone_at_the_end(place: ControlPlane) -> None:
    seen: list[dict[str, Any]] = []

    def look(_: str) -> None:
        seen.extend(psql_pods(place))

    with session("staging", OUTPUTS, place.kubeconfig) as (asked, _):
        asked.report.say = look  # type: ignore[method-assign]
        found = db_connect(asked)
    assert found is not None
    [pod, *_] = seen
    assert pod["metadata"]["labels"]["app.kubernetes.io/name"] == "database-migrate"
    assert pod["spec"]["serviceAccountName"] == "database-migrate"
    assert pod["spec"]["activeDeadlineSeconds"] == 4 * 3600
    assert not psql_pods(place)


def test_a_stack_without_aws_is_dumped_and_restored_by_a_pod_that_everything_admits(place: ControlPlane) -> None:
    seen: list[dict[str, Any]] = []

    def look(_: str) -> None:
        found = objects(place, f"/api/v1/namespaces/{NAMESPACE}/pods")
        seen.extend(
            each
            for each in found
            if each["metadata"]["name"].startswith(("database-dump-", "database-restore-"))
            and "ownerReferences" not in each["metadata"]  # a Job's, of another test
        )

    with session("local", OUTPUTS, place.kubeconfig, yes=True) as (asked, _):
        asked.report.say = look  # type: ignore[method-assign]
        assert (db_backup(asked) or {})["rehearsed"]
        assert (db_restore(asked, "2026-11-22t03-00-00z") or {})["rehearsed"]
    pods = {each["metadata"]["name"].rpartition("-2026-")[0]: each for each in seen}
    assert pods.keys() == {DUMP, RESTORE}
    for name, pod in pods.items():
        # Network policies know it as a migration, which reaches the database and nothing else.
        assert pod["metadata"]["labels"]["app.kubernetes.io/name"] == "database-migrate"
        containers = {each["name"]: each for each in pod["spec"]["containers"]}
        told = {each["name"]: each.get("value") for each in containers[name]["env"]}
        assert (told["EXPORTS_PLACE"], told["DATABASE_NAME"]) == ("/copies", "app")
        assert containers["postgresql"]["image"] == versions.POSTGRESQL_IMAGE, "the server's own, which the node has"
    names = {each["metadata"]["name"] for each in seen}
    assert not names & {e["metadata"]["name"] for e in objects(place, f"/api/v1/namespaces/{NAMESPACE}/pods")}


def test_psqls_pod_goes_on_ctrl_c_too(place: ControlPlane) -> None:
    def interrupted(line: str) -> None:
        raise KeyboardInterrupt(line)

    with session("staging", OUTPUTS, place.kubeconfig) as (asked, _):
        asked.report.say = interrupted  # type: ignore[method-assign]
        with pytest.raises(KeyboardInterrupt):
            db_connect(asked)
    assert not psql_pods(place)


def test_an_archive_of_the_objects_is_applied_to_a_fresh_namespace(place: ControlPlane, tmp_path: Path) -> None:
    with Api(place.kubeconfig) as api:
        api.create(
            f"/api/v1/namespaces/{NAMESPACE}/secrets", {"metadata": {"name": "hidden"}, "stringData": {"a": "s3cret"}}
        )
        service = {"selector": {"a": "b"}, "ports": [{"port": 80, "nodePort": 30080}], "type": "NodePort"}
        api.create("/api/v1/namespaces/default/services", {"metadata": {"name": "web"}, "spec": service})
    with session("staging", OUTPUTS, place.kubeconfig) as (asked, _):
        told = cluster_backup(asked, tmp_path / "objects.tar.gz")
    assert told is not None
    assert f"{NAMESPACE}/hidden" in told["secrets_without_values"]
    with tarfile.open(tmp_path / "objects.tar.gz") as archive:
        archive.extractall(tmp_path / "objects", filter="data")
    files = sorted((tmp_path / "objects" / NAMESPACE).rglob("*.yaml"))
    assert {file.parent.name for file in files} >= {
        "CronJob.batch",
        "NetworkPolicy.networking.k8s.io",
        "ServiceAccount",
    }
    text = "".join(file.read_text() for file in (tmp_path / "objects").rglob("*.yaml"))
    assert "czNjcmV0" not in text
    assert "managedFields" not in text
    assert not list((tmp_path / "objects").rglob("Secret*"))
    with Api(place.kubeconfig) as api:
        api.create("/api/v1/namespaces", {"metadata": {"name": "fresh"}})
        eventually(lambda: api.items("/api/v1/namespaces/fresh/serviceaccounts"), what="the default account")
    for file in files:
        found = json.loads(file.read_text())
        assert "status" not in found, file
        found["metadata"]["namespace"] = "fresh"
        file.write_text(json.dumps(found))
    _kubectl(
        place,
        "apply",
        "--server-side",
        "--force-conflicts",
        "--recursive",
        "--filename",
        str(tmp_path / "objects" / NAMESPACE),
    )
    names = {e["metadata"]["name"] for e in objects(place, "/apis/batch/v1/namespaces/fresh/cronjobs")}
    assert {DUMP, OBJECTS, RESTORE} <= names
    web = tmp_path / "objects" / "default" / "Service" / "web.yaml"
    assert "nodePort" not in web.read_text()
    assert "clusterIP" not in web.read_text()


def _kubectl(plane: ControlPlane, *words: str) -> None:
    subprocess.run(["kubectl", "--kubeconfig", str(plane.kubeconfig), *words], check=True, capture_output=True)


def test_a_file_that_is_there_is_not_overwritten(place: ControlPlane, tmp_path: Path) -> None:
    (tmp_path / "old").write_text("mine")
    with session("staging", OUTPUTS, place.kubeconfig) as (asked, _), pytest.raises(OpsError, match="is there already"):
        cluster_backup(asked, tmp_path / "old")
    assert (tmp_path / "old").read_text() == "mine"


def test_the_daily_export_sees_with_its_own_account_all_but_secrets(place: ControlPlane, tmp_path: Path) -> None:
    with Api(place.kubeconfig) as api:
        token = api.create(f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/{OBJECTS}/token", {"spec": {}})["status"][
            "token"
        ]
    cluster = yaml.safe_load(place.kubeconfig.read_text())["clusters"][0]["cluster"]
    (tmp_path / "token").write_text(token)
    (tmp_path / "ca.crt").write_bytes(base64.b64decode(cluster["certificate-authority-data"]))
    done = subprocess.run(
        [sys.executable, "-m", "app.exports.cluster"],
        env=process_environment(
            {
                "EXPORTS_PLACE": str(tmp_path / "copies"),
                "EXPORTS_NAME": "today",
                "KUBERNETES_API": cluster["server"],
                "SERVICE_ACCOUNT_FOLDER": str(tmp_path),
            }
        ),
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    manifest = json.loads((tmp_path / "copies" / "today" / "manifest.json").read_text())
    assert manifest["refused"]["Secret"] == 403
    assert manifest["secrets_without_values"] == []
    assert manifest["kinds"]["CronJob.batch"] >= 3
    assert manifest["archive"]["bytes"] == (tmp_path / "copies" / "today" / "objects.tar.gz").stat().st_size
