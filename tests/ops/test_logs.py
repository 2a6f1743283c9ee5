"""`logs`: what is in the archive, and that no planted secret is."""

import base64
import secrets
import tarfile
from pathlib import Path

import pytest
from kubernetes import client

from ops.logs import seconds_of, write
from ops.redaction import MASKED, Redaction
from tests.ops import kubelet
from tests.ops.conftest import RehearsedStack

NAMESPACE = "logged"


def read(archive: Path) -> dict[str, str]:
    """Texts by path, without the archive's own folder."""
    found = {}
    with tarfile.open(archive) as opened:
        for entry in opened.getmembers():
            content = opened.extractfile(entry)
            assert content is not None
            found[entry.name.partition("/")[2]] = content.read().decode()
    return found


def test_everything_is_in_the_archive_except_what_is_secret(rehearsed_stack: RehearsedStack, tmp_path: Path) -> None:
    planted = {name: secrets.token_urlsafe(18) for name in ("database", "session", "header", "address", "key", "event")}
    said = {
        "speaker/main": (
            "2026-01-01T00:00:00Z an ordinary line\n"
            f"2026-01-01T00:00:01Z connecting to postgresql://quotes:{planted['address']}@db.example:5432/quotes\n"
            f"2026-01-01T00:00:02Z GET / Authorization: Bearer {planted['header']}\n"
            f"2026-01-01T00:00:03Z Traceback: {planted['database']} was refused, {planted['session']} too\n"
        ),
        "speaker/main/previous": f'2026-01-01T00:00:00Z {{"api_key": "{planted["key"]}", "event": "last words"}}\n',
    }
    encoded = base64.b64encode(planted["session"].encode()).decode()
    with rehearsed_stack.opened() as opened:
        core = opened.cluster.core
        core.create_namespace({"metadata": {"name": NAMESPACE}})
        try:
            core.create_namespaced_secret(
                NAMESPACE, {"metadata": {"name": "session"}, "stringData": {"value": planted["session"]}}
            )
            with kubelet.kubelet(opened.cluster, tmp_path, said):
                kubelet.pod(
                    opened.cluster,
                    NAMESPACE,
                    "speaker",
                    {"DATABASE_PASSWORD": planted["database"], "LOG_LEVEL": "info"},
                )
                core.create_namespaced_event(
                    NAMESPACE,
                    client.CoreV1Event(
                        metadata=client.V1ObjectMeta(name="said"),
                        involved_object=client.V1ObjectReference(kind="Pod", name="speaker", namespace=NAMESPACE),
                        type="Warning",
                        reason="Failed",
                        message=f"login with password={planted['event']} was refused",
                    ),
                )
                found = rehearsed_stack.document(
                    "logs", "--namespace", NAMESPACE, "--output", str(tmp_path / "all.tar.gz"), "--since", "30m"
                )
        finally:
            core.delete_namespace(NAMESPACE)
    assert (tmp_path / "all.tar.gz").stat().st_mode & 0o777 == 0o600
    files = read(Path(found["archive"]))
    everything = "\n".join(files.values())
    for name, value in {**planted, "as the API writes it": encoded}.items():
        assert value not in everything, name
    log = files[f"{NAMESPACE}/pods/speaker/main.log"]
    assert "an ordinary line" in log
    assert f"postgresql://quotes:{MASKED}@db.example:5432/quotes" in log
    assert "last words" in files[f"{NAMESPACE}/pods/speaker/main.previous.log"]
    assert "Warning Failed Pod/speaker (x1): login with password" in files[f"{NAMESPACE}/events.txt"]
    pods = files[f"{NAMESPACE}/pods.yaml"]
    assert "value: info" in pods
    assert "DATABASE_PASSWORD" in pods
    assert "last 30m" in files["about.txt"]
    # What no kubelet has is told, in the archive too, and keeps nobody from the rest.
    assert any("no logs found" in fault for fault in found["left_out"])
    assert "no logs found" in files["about.txt"]
    assert {"marlinspike/deployments.yaml", "marlinspike/autoscalers.yaml", "marlinspike/jobs.yaml"} <= files.keys()


def test_a_dry_run_writes_nothing(rehearsed_stack: RehearsedStack, tmp_path: Path) -> None:
    target = tmp_path / "all.tar.gz"
    assert rehearsed_stack.run("logs", "--output", str(target), "--dry-run").exit_code == 0
    assert list(tmp_path.iterdir()) == []


def test_an_archive_that_could_not_be_written_leaves_nothing(tmp_path: Path) -> None:
    target = tmp_path / "all.tar.gz"
    with pytest.raises(UnicodeEncodeError):
        write(target, "logs", [("good", "text"), ("bad", "\ud800")], 0)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("since", ["", "h", "2", "0h", "-1h", "2w", "1h30m"])
def test_a_time_that_is_none_is_refused_with_what_one_looks_like(rehearsed_stack: RehearsedStack, since: str) -> None:
    answer = rehearsed_stack.run("logs", "--since", since)
    assert answer.exit_code == 1
    assert "as in 30m, 2h, 1d" in answer.output


def test_times_are_read() -> None:
    assert [seconds_of(since) for since in ("30m", "2h", "1d")] == [1800, 7200, 86400]


@pytest.mark.parametrize(
    "text",
    [
        "GET / Authorization: Bearer s3cr3t-abc.def",
        'headers={"authorization": "Basic s3cr3t=="}',
        "{'Authorization': 'Bearer s3cr3t'}",
        "Cookie: session=s3cr3t; theme=s3cr3t",
        "connecting with password=s3cr3t to db",
        "{'password': 's3cr3t', 'user': 'me'}",
        '{"password": "s3cr3t with \\" and spaces", "user": "me"}',
        '{"api_key":"s3cr3t"}',
        "redis://:s3cr3t@cache:6379/0",
        "GET /callback?access_token=s3cr3t&state=1",
        "AWS_SECRET_ACCESS_KEY=s3cr3t",
        "x-api-key: s3cr3t",
        "-----BEGIN RSA PRIVATE KEY-----\ns3cr3t\n-----END RSA PRIVATE KEY-----",
        "the known one: k-s3cr3t-k.",
        "line two of the known: other-s3cr3t",
    ],
)
def test_a_secret_in_running_text_goes_and_the_rest_stays(text: str) -> None:
    masked = Redaction(["k-s3cr3t-k", "first\nother-s3cr3t"]).text(text)
    assert "s3cr3t" not in masked
    assert MASKED in masked


@pytest.mark.parametrize(
    "text",
    ["passwords are never logged", "see https://example.com/docs?page=2, 12:30:01", "migrated to 0001", "short: abc"],
)
def test_text_without_secrets_stays_as_it_is(text: str) -> None:
    assert Redaction(["abc", "", " "]).text(text) == text


def test_an_object_keeps_where_its_secrets_are_and_loses_what_they_are() -> None:
    content = {
        "env": [
            {"name": "CACHE_PASSWORD", "value": "s3cr3t"},
            {"name": "CACHE_PASSWORD_FILE", "value": "/var/run/secrets/marlinspike/cache-password"},
            {"name": "API_TOKEN", "valueFrom": {"secretKeyRef": {"name": "api", "key": "token"}}},
            {"name": "LOG_LEVEL", "value": "info"},
        ],
        "volumes": [{"secret": {"secretName": "app-tls"}}],
        "data": {"admin-password": "s3cr3t", "page": "password=s3cr3t"},
    }
    found = Redaction().document(content)
    assert "s3cr3t" not in str(found)
    assert found["env"][1:] == content["env"][1:]
    assert found["volumes"] == content["volumes"]
