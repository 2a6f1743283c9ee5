"""What runs: everything of stack `local`, as the settings promise it."""

import json
import secrets

import httpx

from tests.cluster.real_node.conftest import Figure
from tests.cluster.real_node.stack import NAMESPACE, Stack

INSIDE_A_POD = """
import json, os, socket
def name(host):
    try: return socket.gethostbyname(host)
    except OSError as reason: return str(reason)
def refused(act):
    try: act()
    except OSError as reason: return type(reason).__name__ + ": " + str(reason)
    return "allowed"
print(json.dumps({
    "user": os.getuid(),
    "database": name("postgresql.NAMESPACE.svc.cluster.local"),
    "elsewhere": name("example.com"),
    "token": os.path.exists("/var/run/secrets/kubernetes.io"),
    "write": refused(lambda: open("/srv/x", "w")),
    "leave": refused(lambda: socket.create_connection(("203.0.113.1", 443), 3)),
    "privileges": [l.split()[1] for l in open("/proc/self/status") if l.startswith(("CapEff", "NoNewPrivs", "Seccomp:"))],
}))
""".replace("NAMESPACE", NAMESPACE)


def test_the_application_answers_from_inside_and_through_the_forwarder(brought_up: Stack) -> None:
    outside = brought_up.node.forward(brought_up.rehearsal._cluster.control_plane)  # type: ignore[arg-type]
    assert outside is not None
    brought_up.eventually("the forwarder answers", lambda: _answers(f"{outside}/healthz"))
    with httpx.Client(base_url=outside, timeout=60) as person:
        who = {"name": "ada", "password": secrets.token_urlsafe(16)}
        assert person.post("/users", json=who).status_code == 201
        token = person.post("/users/login", json={**who, "bearer": True}).json()["token"]
        made = person.post(
            "/quotes", json={"author": "Ada", "text": "It runs."}, headers={"Authorization": f"Bearer {token}"}
        )
    assert made.status_code == 201
    assert "<title>Quotes</title>" in httpx.get(outside, timeout=60).text
    health = json.loads(brought_up.inside("curl", "-s", f"{brought_up.address}/health").stdout)
    assert health == {"status": "ok", "dependencies": {"database": "ok", "cache": "ok"}}
    assert "It runs." in brought_up.inside("curl", "-s", f"{brought_up.address}/quotes").stdout


def test_a_pod_is_as_fenced_as_the_settings_say(brought_up: Stack) -> None:
    """User, read-only disk, no token, no privileges; the cluster's names known, and no way out of the namespace."""
    seen = json.loads(brought_up.execute(brought_up.ready()[0], "/usr/bin/python3", "-c", INSIDE_A_POD))
    service = brought_up.api.get(f"/api/v1/namespaces/{NAMESPACE}/services/postgresql")["spec"]["clusterIP"]
    assert seen["user"] == 10001
    assert seen["database"] == service
    assert "not known" in seen["elsewhere"] or "failure" in seen["elsewhere"]
    assert seen["token"] is False
    assert "Read-only file system" in seen["write"]
    assert "unreachable" in seen["leave"]
    assert seen["privileges"] == ["0000000000000000", "1", "2"]


def test_the_images_health_check_passes_in_a_restricted_pod(brought_up: Stack) -> None:
    namespace = brought_up.api.get(f"/api/v1/namespaces/{NAMESPACE}")["metadata"]["labels"]
    assert namespace["pod-security.kubernetes.io/enforce"] == "restricted"
    assert brought_up.execute(brought_up.ready()[0], "/usr/bin/python3", "-m", "app.healthcheck") == ""


def test_the_database_keeps_its_data_when_it_is_killed(brought_up: Stack, figure: Figure) -> None:
    before = brought_up.inside("curl", "-s", f"{brought_up.address}/quotes").stdout
    restarts = _restarts(brought_up)
    brought_up.kill(brought_up.pods("app.kubernetes.io/name=postgresql")[0])
    seconds = brought_up.eventually(
        "the database is back",
        lambda: (
            "ok" in brought_up.inside("curl", "-s", "-f", f"{brought_up.address}/health").stdout
            and brought_up.ready("app.kubernetes.io/name=postgresql")
        ),
    )
    figure("the database was killed: until the application could use it again", seconds=round(seconds, 1))
    assert brought_up.inside("curl", "-s", f"{brought_up.address}/quotes").stdout == before
    assert _restarts(brought_up) == restarts, "the application was restarted because its database was away"


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=30).is_success
    except httpx.HTTPError:
        return False


def _restarts(stack: Stack) -> int:
    return sum(pod["status"]["containerStatuses"][0]["restartCount"] for pod in stack.pods())
