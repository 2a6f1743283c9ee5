"""`secrets rotate` from the command to the file in a pod: moto's Secrets Manager, a real API server, PostgreSQL under load."""

import base64
import shutil
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import psycopg
import pytest
from kubernetes.client.exceptions import ApiException

from ops.cluster import Cluster, of_kubeconfig
from ops.command import Session
from ops.console import Report
from ops.errors import OpsError
from ops.secrets_rotate import GROUP, PLURAL, VERSION, fetch, secrets_rotate
from ops.stack import Stack
from ops.stack_file import changed_text
from tests.app.conftest import PASSWORD, USER, Place, cache, place, postgresql, temporary_folder  # noqa: F401
from tests.app.servers import REPOSITORY, Application, eventually, stopping
from tests.app.writers import loaded
from tests.ops.external_secrets import Volume, define, external_secret, operator, told
from tests.ops.places import Exported, control_plane
from tests.ops.servers import amazon, aws_environment, client

NAME = "quotes-login"
PATH = f"marlinspike-staging/{NAME}"
NAMESPACES = ("marlinspike", "other")

SHORT_LIVED = """
import runpy
import app.database
app.database.CONNECTION_LIFE_SECONDS = 1.0
runpy.run_module("app", run_name="__main__")
"""
"""The application, whose connections live a second instead of twelve minutes: it logs in all the time."""


@pytest.fixture(scope="module")
def kubeconfig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with control_plane(tmp_path_factory.mktemp("control-plane")) as started:
        yield started.kubeconfig


@pytest.fixture(scope="module")
def cluster(kubeconfig: Path) -> Iterator[Cluster]:
    """With namespaces, and at first without the operator's kind."""
    found = of_kubeconfig(kubeconfig, None)
    for namespace in NAMESPACES:
        found.core.create_namespace({"metadata": {"name": namespace}})
    assert fetch(found, NAME, print) == [], "a cluster without the operator has nothing to fetch"
    define(found)
    eventually(lambda: is_known(found), what="the kind is known")
    assert fetch(found, NAME, print) == [], "nobody asks for it"
    yield found
    found.close()


def is_known(cluster: Cluster) -> bool:
    try:
        cluster.custom.list_cluster_custom_object(GROUP, VERSION, PLURAL)
    except ApiException:
        return False
    return True


@pytest.fixture
def manager(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    with amazon() as endpoint:
        for name, value in aws_environment(endpoint).items():
            monkeypatch.setenv(name, value)
        found = client(endpoint, "secretsmanager")
        found.create_secret(Name=PATH, SecretString=PASSWORD)
        yield found
        found.delete_secret(SecretId=PATH, ForceDeleteWithoutRecovery=True)


@pytest.fixture
def asked(cluster: Cluster) -> Iterator[Cluster]:
    """Two namespaces ask for the secret, and one for another."""
    names = [*((namespace, NAME) for namespace in NAMESPACES), ("other", "payment-api")]
    for namespace, name in names:
        external_secret(cluster, namespace, name, PATH)
    yield cluster
    for namespace, name in names:
        cluster.custom.delete_namespaced_custom_object(GROUP, VERSION, namespace, PLURAL, name)


def secret(cluster: Cluster, namespace: str) -> str:
    return base64.b64decode(cluster.core.read_namespaced_secret(NAME, namespace).data["value"]).decode()


@pytest.mark.parametrize("behind", [timedelta(0), timedelta(hours=1)], ids=["same clock", "operator's clock late"])
def test_every_namespace_that_asks_for_it_has_it_and_others_are_left_alone(
    asked: Cluster, manager: Any, behind: timedelta
) -> None:
    arrived: list[str] = []
    with operator(asked, manager, lambda namespace, _: arrived.append(namespace), behind):
        for value in ("first", "second"):
            manager.put_secret_value(SecretId=PATH, SecretString=value)
            found = fetch(asked, NAME, print, patience_seconds=20, poll_seconds=0.05)
            assert sorted(found) == [f"marlinspike/{NAME}", f"other/{NAME}"]
            assert [secret(asked, namespace) for namespace in NAMESPACES] == [value, value]
    assert sorted(arrived) == ["marlinspike", "marlinspike", "other", "other"]
    other = asked.custom.get_namespaced_custom_object(GROUP, VERSION, "other", PLURAL, "payment-api")
    assert "annotations" not in other["metadata"]


def test_an_operator_that_is_away_or_may_not_read_it_is_told_with_where_to_look(asked: Cluster) -> None:
    with pytest.raises(OpsError, match=f"marlinspike/{NAME} has not fetched it after 0 s; see: kubectl"):
        fetch(asked, NAME, print, patience_seconds=0.3, poll_seconds=0.05)
    told(asked, "marlinspike", NAME, "2026-11-22T00:00:00Z", ready="False")
    with pytest.raises(OpsError, match="the new value is in the store, and marlinspike"):
        fetch(asked, NAME, print, patience_seconds=0.3, poll_seconds=0.05)


def test_no_request_fails_while_the_databases_password_is_rotated_under_load(
    asked: Cluster,
    manager: Any,
    kubeconfig: Path,
    place: Place,  # noqa: F811
    tmp_path: Path,
) -> None:
    server, volume = place.postgresql, Volume(tmp_path / "secrets", NAME)
    volume.renew(PASSWORD)
    application = Application(place.environment(DATABASE_PASSWORD_FILE=str(volume.file)), tmp_path)
    application.server.command = [sys.executable, "-c", SHORT_LIVED]

    def arrived(namespace: str, value: str) -> None:
        """The other side takes the new value, and the kubelet renews the file: in between nobody can log in."""
        if namespace == "marlinspike":
            server.run(f"ALTER ROLE {USER} PASSWORD '{value}'")
            time.sleep(0.2)
            volume.renew(value)

    try:
        with stopping(application), operator(asked, manager, arrived):
            process = application.start().server.process
            place.sign_in(application)
            with loaded(application, place) as load:
                for _ in range(2):
                    rotated = secrets_rotate(session_on(kubeconfig, tmp_path), NAME, generate=True)
                    assert rotated is not None
                    assert sorted(rotated["fetched_by"]) == [f"marlinspike/{NAME}", f"other/{NAME}"]
                    [[since]] = server.run("SELECT now()")
                    eventually(lambda since=since: logged_in_since(place, since), what="a login with the new value")
                    load.more()
            assert set(load.statuses) == {201}, load.statuses
            assert application.server.process is process
        value = manager.get_secret_value(SecretId=PATH)
        assert (value["VersionId"], value["SecretString"]) == (rotated["version"], volume.file.read_text())
        with pytest.raises(psycopg.OperationalError, match="authentication failed"):
            psycopg.connect(host="127.0.0.1", port=server.port, user=USER, password=PASSWORD, dbname=place.database)
    finally:
        server.run(f"ALTER ROLE {USER} PASSWORD '{PASSWORD}'")


def session_on(kubeconfig: Path, folder: Path) -> Session:
    """On stack staging with one secret more."""
    for file in REPOSITORY.glob("Pulumi*.yaml"):
        shutil.copy(file, folder)
    file = folder / "Pulumi.staging.yaml"
    file.write_text(changed_text(file.read_text(), {f"secrets.{NAME}": {"description": "Login of the quotes"}}))
    engine = Exported({"region": "eu-west-3", "namespace": "marlinspike"}, kubeconfig, rehearsed=False)
    return Session(Stack(folder, "staging", engine), Report(as_json=False, out=StringIO()), yes=True)


def logged_in_since(place: Place, moment: Any) -> bool:  # noqa: F811
    """Whether the application has logged in since."""
    with place.postgresql.connect(place.database) as connection:
        asked = "SELECT count(*) FROM pg_stat_activity WHERE usename = %s AND backend_start > %s"
        row = connection.execute(asked, (USER, moment)).fetchone()
        return bool(row and row[0])
