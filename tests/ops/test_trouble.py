"""Why pods do not come up: what the scheduler, the kubelet and the containers say is told, each kind once, without secrets."""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ops import jobs
from ops.errors import OpsError
from ops.stack import Stack
from ops.trouble import since_now
from rehearsal.control_plane import ControlPlane
from tests.ops import kubelet
from tests.ops.places import control_plane, session
from tests.waiting import until

LABELS = {"app": "new"}


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    with control_plane(tmp_path_factory.mktemp("control-plane")) as started:
        yield started


@pytest.fixture
def stack(plane: ControlPlane) -> Iterator[Stack]:
    """One with a namespace of its own, which is empty."""
    with session("dev", {"namespace": f"released-{secrets.token_hex(4)}"}, plane.kubeconfig) as (asked, _):
        core, namespace = asked.stack.cluster.core, asked.stack.namespace
        core.create_namespace({"metadata": {"name": namespace}})
        until("the default account is there", lambda: core.list_namespaced_service_account(namespace).items)
        yield asked.stack


@contextmanager
def deployment(
    stack: Stack, replicas: int = 2, *, image: str = "registry.example.net/new:1", **pod: Any
) -> Iterator[None]:
    """A Deployment; its pods' specification has what is given."""
    spec = {"containers": [{"name": "main", "image": image}], **pod}
    body = {
        "metadata": {"name": "new"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": LABELS},
            "template": {"metadata": {"labels": LABELS}, "spec": spec},
        },
    }
    stack.cluster.apps.create_namespaced_deployment(stack.namespace, body)
    yield


def pods(stack: Stack) -> list[Any]:
    found: list[Any] = stack.cluster.core.list_namespaced_pod(stack.namespace).items
    return found


def test_a_pod_without_a_node_is_told_with_the_scheduler_s_words_and_those_alike_are_counted(stack: Stack) -> None:
    why = since_now(stack)
    with deployment(stack, 3, nodeSelector={"none": "such"}):
        until("the scheduler has spoken", lambda: why().count("\n") == 1 and "and 2 like it" in why())
    assert "has no node: 0/" in why()
    assert "didn't match Pod's node affinity/selector" in why()


def test_an_image_that_can_not_be_pulled_is_told_with_its_name(stack: Stack) -> None:
    why = since_now(stack)
    with deployment(stack, image="registry.example.net/new:2-broken-image"):
        until("the kubelet has spoken", lambda: "ImagePullBackOff" in why())
    assert (
        "(and 1 like it) main: ImagePullBackOff: Back-off pulling image registry.example.net/new:2-broken-image"
        in why()
    )


def test_pods_that_the_api_server_refuses_are_told_with_its_words(stack: Stack) -> None:
    hard = {"metadata": {"name": "small"}, "spec": {"hard": {"pods": "0"}}}
    stack.cluster.core.create_namespaced_resource_quota(stack.namespace, hard)
    why = since_now(stack)
    with deployment(stack):
        until("the quota refuses", lambda: "Deployment new gets no pods: pods" in why())
    assert "exceeded quota: small, requested: pods=1, used: pods=0, limited: pods=0" in why()


@pytest.mark.parametrize(
    ("state", "before", "expected"),
    [
        (
            {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s restarting failed container"}},
            "/previous",
            "speaker main: CrashLoopBackOff: back-off 10s restarting failed container; ended with status 3 (Error) before",
        ),
        ({"terminated": {"exitCode": 3, "reason": "Error"}}, "", "speaker main: ended with status 3 (Error)"),
        (
            {"running": {"startedAt": "2026-01-01T00:00:00Z"}},
            "",
            "speaker main: runs, and is not ready; ended with status 3 (Error) before",
        ),
    ],
)
def test_a_container_that_ends_or_is_not_ready_is_told_with_the_warning_and_the_end_of_its_log(
    stack: Stack, tmp_path: Path, state: Mapping[str, Any], before: str, expected: str
) -> None:
    password, why = secrets.token_urlsafe(18), since_now(stack)
    said = f"an ordinary line\nconnecting to postgresql://quotes:{password}@db.example:5432/quotes\nno such schema\n"
    with kubelet.kubelet(stack.cluster, tmp_path, {f"speaker/main{before}": said}):
        kubelet.pod(stack.cluster, stack.namespace, "speaker", {})
        status(stack, state)
        stack.cluster.core.create_namespaced_event(stack.namespace, warning(pods(stack)[0]))
        told = why()
        assert since_now(stack)() == "", "who was in trouble before is not the change's fault"
    assert f"{expected}; Unhealthy: Readiness probe failed: HTTP probe failed with statuscode: 503\n" in told
    assert told.splitlines()[-3:] == [
        "    | an ordinary line",
        "    | connecting to postgresql://quotes:***@db.example:5432/quotes",
        "    | no such schema",
    ]


def status(stack: Stack, state: Mapping[str, Any]) -> None:
    """As the kubelet writes it of a container that was restarted once."""
    container = {
        "name": "main", "image": "main", "imageID": "main", "ready": False, "restartCount": 1, "state": state,
        "lastState": {"terminated": {"exitCode": 3, "reason": "Error"}},
    }  # fmt: skip
    stack.cluster.core.patch_namespaced_pod_status(
        "speaker", stack.namespace, {"status": {"containerStatuses": [container]}}
    )


def warning(pod: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "unhealthy"},
        "involvedObject": {"kind": "Pod", "namespace": pod.metadata.namespace, "uid": pod.metadata.uid},
        "type": "Warning",
        "reason": "Unhealthy",
        "message": "Readiness probe failed: HTTP probe failed with statuscode: 503",
    }


def test_a_job_that_does_not_begin_is_not_waited_for_in_silence(stack: Stack) -> None:
    pod = {
        "restartPolicy": "Never",
        "nodeSelector": {"none": "such"},
        "containers": [{"name": "main", "image": "main"}],
    }
    job = {"activeDeadlineSeconds": 5, "template": {"spec": pod}}
    body = {
        "metadata": {"name": "copies"},
        "spec": {"schedule": "0 0 31 2 *", "suspend": True, "jobTemplate": {"spec": job}},
    }
    stack.cluster.batch.create_namespaced_cron_job(stack.namespace, body)
    said: list[str] = []
    with pytest.raises(OpsError, match="Job copies-1 failed: Job was active longer than specified deadline"):
        jobs.run(stack.cluster, stack.namespace, "copies", "copies-1", {}, said.append, poll_seconds=0.2)
    assert [line for line in said if line.startswith("pod copies-1-") and " has no node: 0/" in line]


def test_pods_that_serve_or_have_done_their_work_are_no_trouble(stack: Stack) -> None:
    why = since_now(stack)
    with deployment(stack):
        until(
            "they serve",
            lambda: [pod.status.phase for pod in pods(stack)] == ["Running"] * 2 and why() == "",
        )
    assert why() == ""


def test_a_cluster_that_does_not_answer_hides_the_failure_from_nobody(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    why = since_now(stack)
    monkeypatch.setattr(stack.cluster.api.configuration, "host", "https://127.0.0.1:1")
    assert "what became of the pods, the cluster doesn't say: " in why()
