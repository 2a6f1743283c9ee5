"""The pods of section `exports`, as a stack on AWS describes them, on a real node: a dump to S3, and the way back.

Of AWS there is moto's S3 and Pod Identity's agent. What a pod is told of the database is this stack's own: a password in the
place of RDS's tokens, and no TLS. Network policies are stored, and not enforced.
"""

import base64
import hashlib
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3  # type: ignore[import-untyped]
import httpx
import pytest

from app.exports.dump import DUMP as FILE
from infra.exports.jobs import DUMP, OBJECTS, RESTORE
from ops import jobs
from ops.command import Session
from ops.db.backup import db_backup
from ops.db.connect import db_connect
from ops.db.restore import db_restore
from rehearsal.control_plane import forwarder
from rehearsal.control_plane.certificates import NODE_ADDRESS
from tests.app.servers import free_port
from tests.cluster.real_node import amazon
from tests.cluster.real_node.conftest import Figure
from tests.cluster.real_node.stack import NAMESPACE, Stack
from tests.ops.places import session
from tests.ops.test_db_cluster import PATHS, whole
from tests.unit.plan import planned

REGION, BUCKET, PORT = "eu-west-3", "exports", 5000
IDENTITY = "/var/run/secrets/pods.eks.amazonaws.com/serviceaccount"
KINDS = (
    "kubernetes:core/v1:ServiceAccount",
    "kubernetes:networking.k8s.io/v1:NetworkPolicy",
    "kubernetes:rbac.authorization.k8s.io/v1:ClusterRole",
    "kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding",
    "kubernetes:batch/v1:CronJob",
)


@dataclass(frozen=True)
class Place:
    """The stack, beside which AWS is played, with the CronJobs of stack `staging`."""

    stack: Stack
    said: Path

    @contextmanager
    def operated(self, **options: Any) -> Iterator[Session]:
        """As `ops` sees it: S3 and the cluster are real to it."""
        outputs = {"namespace": NAMESPACE, "exports_bucket": BUCKET, "region": REGION}
        kubeconfig = self.stack.rehearsal.kubeconfig
        with session("staging", outputs, kubeconfig, rehearsed=False, **options) as (asked, said):
            yield asked
        print(said())

    def credentials_for(self) -> set[str]:
        """The service accounts to whose pods the agent gave credentials."""
        return {line.rpartition(":")[2] for line in self.said.read_text().split()}


@contextmanager
def started(command: list[str], **options: Any) -> Iterator[None]:
    with subprocess.Popen(command, **options) as process:
        try:
            yield
        finally:
            process.kill()


@pytest.fixture(scope="module")
def place(brought_up: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder, outside = tmp_path_factory.mktemp("exports"), free_port()
    inside = ["nsenter", f"--net={brought_up.node.namespace}"]
    added = brought_up.inside("ip", "address", "add", f"{amazon.AGENT}/32", "dev", "node0")
    assert added.returncode == 0, added.stderr
    said = folder / "said"
    way = [str(brought_up.node.namespace), f"{outside}={NODE_ADDRESS}:{PORT}"]
    with (
        said.open("w") as output,
        started(
            [*inside, sys.executable, amazon.__file__, NODE_ADDRESS, str(PORT)],
            stdout=output,
            stderr=subprocess.DEVNULL,
        ),
        started([sys.executable, forwarder.__file__, *way]),
        pytest.MonkeyPatch.context() as patch,
    ):
        for name, value in {
            "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{outside}",
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "PATH": f"{brought_up.rehearsal.toolchain.control_plane}:{os.environ['PATH']}",
        }.items():
            patch.setenv(name, value)
        brought_up.eventually("S3 answers", made_the_bucket)
        name_the_images(brought_up)
        apply(brought_up)
        yield Place(brought_up, said)


def made_the_bucket() -> bool:
    try:
        boto3.client("s3", region_name=REGION).create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION}
        )
    except Exception:  # not up yet
        return False
    return True


def name_the_images(stack: Stack) -> None:
    """What the node has, under the names that the program gives."""
    application = stack.deployment()["spec"]["template"]["spec"]["containers"][0]["image"]
    ours, theirs = pod(planned("staging").only("kubernetes:batch/v1:CronJob", DUMP).inputs)["containers"]
    for there, name in ((application, ours["image"]), (stack.node.images.postgresql, theirs["image"])):
        stack.node.containerd("images", "tag", "--force", there, name)


def pod(cron_job: Any) -> Any:
    return cron_job["spec"]["jobTemplate"]["spec"]["template"]["spec"]


def apply(stack: Stack) -> None:
    """What the program makes for the copies in stack `staging`."""
    plan, migration = planned("staging"), pod_of_the_migration(stack)
    for kind in KINDS:
        for each in plan.of(kind):
            if not any(name in each.name for name in (DUMP, RESTORE, OBJECTS)):
                continue
            found = whole({**each.inputs})
            found["metadata"].setdefault("name", each.name)
            if "{}" in PATHS[kind]:
                found["metadata"]["namespace"] = NAMESPACE
            if kind.endswith("Binding"):
                found["subjects"][0]["namespace"] = NAMESPACE
            if kind.endswith("CronJob"):
                found = as_on_this_node(found, migration)
            stack.api.create(PATHS[kind].format(NAMESPACE), found)


def pod_of_the_migration(stack: Stack) -> Any:
    query = {"labelSelector": "app.kubernetes.io/name=database-migrate"}
    return stack.api.items(f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs", query)[0]["spec"]["template"]["spec"]


def as_on_this_node(cron_job: Any, migration: Any) -> Any:
    """With the way to this stack's database, this S3, and what EKS's own webhook adds for Pod Identity."""
    spec = pod(cron_job)
    own, [migrates] = spec["containers"][0], migration["containers"]
    database = {each["name"]: each["value"] for each in migrates["env"]}
    told = {each["name"]: each["value"] for each in own["env"] if not each["name"].startswith("DATABASE_")}
    told |= database if len(told) < len(own["env"]) else {}
    told["EXPORTS_PLACE"] = f"s3://{BUCKET}/{told['EXPORTS_PLACE'].rpartition('/')[2]}"
    told["AWS_ENDPOINT_URL_S3"] = f"http://{NODE_ADDRESS}:{PORT}"
    told["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = f"http://{amazon.AGENT}/v1/credentials"
    told["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = f"{IDENTITY}/eks-pod-identity-token"
    own["env"] = [{"name": name, "value": value} for name, value in told.items()]
    source = {"audience": amazon.AUDIENCE, "expirationSeconds": 3600, "path": "eks-pod-identity-token"}
    token = {"name": "eks-pod-identity-token", "projected": {"sources": [{"serviceAccountToken": source}]}}
    login = [each for each in migration["volumes"] if each["name"] == "secrets"]
    spec["volumes"] += [token, *login]
    own["volumeMounts"] += [each for each in migrates["volumeMounts"] if each["name"] == "secrets"]
    own["volumeMounts"].append({"name": token["name"], "mountPath": IDENTITY, "readOnly": True})
    return cron_job


def quote(stack: Stack, text: str) -> None:
    """Written as a person would, through the application."""
    address = stack.node.forward(stack.rehearsal._cluster.control_plane)  # type: ignore[arg-type]
    assert address is not None
    stack.eventually("the application answers", lambda: answers(f"{address}/readyz"))
    with httpx.Client(base_url=address, timeout=60) as person:
        who = {"name": f"someone-{secrets.token_hex(4)}", "password": secrets.token_urlsafe(16)}
        assert person.post("/users", json=who).status_code == 201
        token = person.post("/users/login", json={**who, "bearer": True}).json()["token"]
        words = {"author": "Ada", "text": text}
        assert person.post("/quotes", json=words, headers={"Authorization": f"Bearer {token}"}).status_code == 201


def answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=30).is_success
    except httpx.HTTPError:
        return False


def test_a_dump_is_in_s3_as_its_manifest_says_and_a_restore_brings_it_back(
    place: Place, figure: Figure, capfd: pytest.CaptureFixture[str]
) -> None:
    quote(place.stack, "Kept in the copy.")
    with place.operated() as asked:
        copy = db_backup(asked)
    assert copy is not None
    dump = copy["dump"]
    content = boto3.client("s3", region_name=REGION).get_object(
        Bucket=BUCKET, Key=f"database/{copy['name']}/{FILE}", ChecksumMode="ENABLED"
    )
    body = content["Body"].read()
    assert base64.b64decode(content["ChecksumSHA256"]).hex() == dump["sha256"], "S3's own checksum"
    assert (len(body), hashlib.sha256(body).hexdigest()) == (dump["bytes"], dump["sha256"])
    assert body.startswith(b"PGDMP")
    assert copy["rows"]["public.quotes"] >= 1
    assert place.credentials_for() == {DUMP}

    quote(place.stack, "Written after the copy.")
    with place.operated(confirmed="staging") as asked:
        done = db_restore(asked, copy["name"])
        assert done is not None
        assert done["rows"] == sum(copy["rows"].values())
        assert place.credentials_for() == {DUMP, RESTORE}
        capfd.readouterr()
        db_connect(asked, "SELECT datname FROM pg_database")
        assert done["kept"] in capfd.readouterr().out
        db_connect(asked, "SELECT text FROM quotes")
        said = capfd.readouterr().out
    assert "Kept in the copy." in said
    assert "Written after the copy." not in said
    figure("a dump and its restore as pods", dump_seconds=copy["seconds"], restore_seconds=done["seconds"], **dump)
    quote(place.stack, "The application works on what was restored.")


def test_the_export_of_objects_runs_as_its_pod_and_reads_with_its_own_token(place: Place) -> None:
    with place.operated() as asked:
        name = f"{OBJECTS}-{secrets.token_hex(4)}"
        log = jobs.run(asked.stack.cluster, NAMESPACE, OBJECTS, name, {"EXPORTS_NAME": "now"}, print)
    assert json.loads(log.splitlines()[-1])["copy"] == "now", log
    stored = boto3.client("s3", region_name=REGION).list_objects_v2(Bucket=BUCKET, Prefix="objects/now/")["Contents"]
    assert {each["Key"].rpartition("/")[2] for each in stored} >= {"manifest.json"}
    assert OBJECTS in place.credentials_for()
