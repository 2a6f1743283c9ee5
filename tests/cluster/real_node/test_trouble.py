"""What `ops` says of pods that do not come up, where a kubelet and a container's own process are at fault."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from ops.trouble import since_now
from tests.cluster.real_node.stack import NAMESPACE, Stack
from tests.ops.places import session

PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"


@contextmanager
def pod_like_the_application_s(stack: Stack, **changed: Any) -> Iterator[None]:
    """A pod of the application's template whose container is another one, and which belongs to no Service."""
    spec = stack.deployment()["spec"]["template"]["spec"]
    [container] = spec["containers"]
    container = {**{k: v for k, v in container.items() if not k.endswith("Probe") and k != "lifecycle"}, **changed}
    stack.api.create(PODS, {"metadata": {"name": "tried"}, "spec": {**spec, "containers": [container]}})
    try:
        yield
    finally:
        stack.api.delete(f"{PODS}/tried", {"gracePeriodSeconds": 0})
        stack.eventually("it is gone", lambda: "tried" not in {pod["metadata"]["name"] for pod in stack.pods("")})


@pytest.mark.parametrize(
    ("changed", "reason", "words"),
    [
        (
            {"args": ["-c", "print('password=unspoken'); raise SystemExit('no such schema')"]},
            "CrashLoopBackOff",
            ["ended with status 1 (Error) before", "    | password=***", "    | no such schema"],
        ),
        ({"image": "localhost:1/marlinspike/none:1"}, "ImagePullBackOff", ["localhost:1/marlinspike/none:1"]),
    ],
)
def test_a_pod_that_does_not_come_up_says_why_in_the_kubelet_s_words_and_its_own(
    brought_up: Stack, changed: dict[str, Any], reason: str, words: list[str]
) -> None:
    with session("dev", {"namespace": NAMESPACE}, brought_up.rehearsal.kubeconfig) as (asked, _):
        why = since_now(asked.stack)
        with pod_like_the_application_s(brought_up, **changed):
            brought_up.eventually("the kubelet gives up", lambda: f"pod tried app: {reason}: " in why())
            told = why()
    for expected in words:
        assert expected in told, told
