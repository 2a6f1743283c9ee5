"""What an update waits for, and what it says when that does not come."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from google.protobuf import empty_pb2

from rehearsal.plugins.kubernetes.api import ApiServer
from rehearsal.plugins.wire import decode
from tests.cluster.conftest import Eventually
from tests.cluster.kubernetes_plugin.conftest import Started
from tests.cluster.kubernetes_plugin.objects import DEPLOYMENT, JOB, SERVICE, deployment, live, unschedulable
from tests.engine_double import EngineDouble, OperationFailedError, Resource


def test_a_deployment_that_cannot_run_fails_with_the_reason_and_stays_in_the_state(
    engine: EngineDouble, server: ApiServer, namespace: str
) -> None:
    with pytest.raises(OperationFailedError, match="failed to fully initialize or become live") as failed:
        engine.create(DEPLOYMENT, "web", unschedulable(deployment(namespace, replicas=2)), timeout=2)
    partial = failed.value.partial
    assert partial is not None
    assert partial.id == f"{namespace}/web"
    assert decode(partial.properties)["metadata"]["uid"]
    assert "0/2 Pods available" in partial.reasons
    assert any("didn't match Pod's node affinity/selector" in reason for reason in partial.reasons)
    assert live(server, "apps/v1", "Deployment", namespace, "web")


def test_a_deployment_past_its_progress_deadline_is_given_up_at_once(engine: EngineDouble, namespace: str) -> None:
    inputs = unschedulable(deployment(namespace, progressDeadlineSeconds=2))
    with pytest.raises(OperationFailedError) as failed:
        engine.create(
            DEPLOYMENT, "web", inputs
        )  # one that only waits takes ten minutes, and the double gives up after two
    assert failed.value.partial is not None
    assert any(reason.startswith("[ProgressDeadlineExceeded]") for reason in failed.value.partial.reasons)


def test_pods_that_a_policy_forbids_are_named_with_the_policys_words(
    engine: EngineDouble, server: ApiServer, namespace: str
) -> None:
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": labels}}
    server.apply(manifest, "tests", force=True)
    with pytest.raises(OperationFailedError) as failed:
        engine.create(DEPLOYMENT, "web", deployment(namespace), timeout=2)
    assert failed.value.partial is not None
    assert any('violates PodSecurity "restricted' in reason for reason in failed.value.partial.reasons)


def test_the_next_update_repairs_what_did_not_become_ready(engine: EngineDouble, namespace: str) -> None:
    with pytest.raises(OperationFailedError) as failed:
        engine.create(DEPLOYMENT, "web", unschedulable(deployment(namespace)), timeout=1)
    partial = failed.value.partial
    assert partial is not None
    kept = Resource(DEPLOYMENT, "web", unschedulable(deployment(namespace)), partial.id, decode(partial.properties))
    with pytest.raises(OperationFailedError) as still:
        engine.refresh(kept)
    assert still.value.partial is not None, "a refresh says that it is not ready, too"
    assert engine.update(kept, deployment(namespace)).outputs["status"]["availableReplicas"] == 1


def test_the_annotations_and_options_for_waiting_are_honoured(engine: EngineDouble, namespace: str) -> None:
    inputs = unschedulable(deployment(namespace))
    inputs["metadata"]["annotations"] = {"pulumi.com/skipAwait": "true"}
    assert engine.create(DEPLOYMENT, "web", inputs).id == f"{namespace}/web"
    patient = unschedulable(deployment(namespace, "patient"))
    patient["metadata"]["annotations"] = {"pulumi.com/timeoutSeconds": "1"}
    with pytest.raises(OperationFailedError, match="timed out after 1 seconds"):
        engine.create(DEPLOYMENT, "patient", patient)


def test_what_is_waited_for_is_shown_while_it_lasts(engine: EngineDouble, namespace: str) -> None:
    with pytest.raises(OperationFailedError):
        engine.create(DEPLOYMENT, "web", unschedulable(deployment(namespace, replicas=2)), timeout=1)
    assert "Waiting for app ReplicaSet to be available (0/2 Pods available)" in engine.log.passing


def test_a_service_waits_for_a_ready_pod(engine: EngineDouble, namespace: str) -> None:
    spec = {"selector": {"app": "web"}, "ports": [{"port": 80}]}
    with pytest.raises(OperationFailedError) as failed:
        engine.create(SERVICE, "web", {"metadata": {"namespace": namespace}, "spec": spec}, timeout=1)
    assert failed.value.partial is not None
    assert any(reason.startswith("Service does not target any Pods") for reason in failed.value.partial.reasons)
    engine.create(DEPLOYMENT, "web", deployment(namespace))
    assert engine.create(SERVICE, "again", {"metadata": {"namespace": namespace}, "spec": spec}).outputs["spec"][
        "clusterIP"
    ]


@pytest.mark.parametrize(
    "spec",
    [
        {"clusterIP": "None", "selector": {"app": "nobody"}, "ports": [{"port": 80}]},
        {"type": "ExternalName", "externalName": "db.example"},
        {"ports": [{"port": 80}]},
    ],
)
def test_services_without_pods_of_their_own_are_not_waited_for(
    engine: EngineDouble, namespace: str, spec: dict[str, Any]
) -> None:
    assert engine.create(SERVICE, "db", {"metadata": {"namespace": namespace}, "spec": spec}, timeout=3).id


def test_a_job_is_waited_for_until_it_is_complete(engine: EngineDouble, namespace: str) -> None:
    pod = {"spec": {"restartPolicy": "Never", "containers": [{"name": "job", "image": "job:1"}]}}
    made = engine.create(JOB, "migrate", {"metadata": {"namespace": namespace}, "spec": {"template": pod}})
    assert made.outputs["status"]["succeeded"] == 1


def test_a_failed_job_fails_the_update_with_its_reason(engine: EngineDouble, namespace: str) -> None:
    pod = {
        "spec": {
            "restartPolicy": "Never",
            "nodeSelector": {"disk": "made-of-gold"},
            "containers": [{"name": "job", "image": "job:1"}],
        }
    }
    spec = {"template": pod, "activeDeadlineSeconds": 1}
    with pytest.raises(OperationFailedError) as failed:
        engine.create(JOB, "migrate", {"metadata": {"namespace": namespace}, "spec": spec})
    assert failed.value.partial is not None
    assert any(reason.startswith("[DeadlineExceeded]") for reason in failed.value.partial.reasons)


def test_a_cancelled_update_ends_its_waits_and_keeps_the_object(
    start: Started, namespace: str, eventually: Eventually
) -> None:
    cancelled = start()

    def cancel_once_it_waits() -> None:
        eventually("the plugin says what it waits for", 20, lambda: bool(cancelled.log.passing))
        cancelled.provider.Cancel(empty_pb2.Empty())

    with ThreadPoolExecutor() as pool:
        pool.submit(cancel_once_it_waits)
        with pytest.raises(OperationFailedError, match="cancelled") as failed:
            cancelled.create(DEPLOYMENT, "web", unschedulable(deployment(namespace)))
    assert failed.value.partial is not None
