"""A release whose migration fails, through the real engine: nothing of the new version is rolled out."""

from collections.abc import Iterator
from typing import Any

import pytest

from rehearsal.control_plane.api import Api, Manifest
from rehearsal.run import Rehearsal
from rehearsal.toolchain import Toolchain
from tests.engine.conftest import unmeasured
from tests.unit.plan import stack_file

STACK = "dev"
NAMESPACE = "marlinspike"
IMAGE = stack_file(STACK)["marlinspike:app"]["image"].rpartition(":")[0]


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory, toolchain: Toolchain) -> Iterator[Rehearsal]:
    """The stack with its first version."""
    folder = tmp_path_factory.mktemp("releases")
    rehearsal = Rehearsal(STACK, state=folder / "state", out=folder / "out", toolchain=toolchain)
    with unmeasured():
        try:
            first = rehearsal.up(None, {"app.image": f"{IMAGE}:0.1.0"})
            assert first.succeeded, "\n".join(first.errors)
            yield rehearsal
        finally:
            rehearsal.remove()


def application(rehearsal: Rehearsal) -> tuple[Manifest, set[str]]:
    """The Deployment as the API server has it, and its pods' names and images."""
    with Api(rehearsal.kubeconfig) as api:
        deployment: Any = api.get(f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/app")
        pods = api.items(f"/api/v1/namespaces/{NAMESPACE}/pods", {"labelSelector": "app.kubernetes.io/name=app"})
    return deployment, {f"{pod['metadata']['name']} {pod['spec']['containers'][0]['image']}" for pod in pods}


def migrations(rehearsal: Rehearsal) -> dict[str, Manifest]:
    """The migration jobs by the tag of their image."""
    with Api(rehearsal.kubeconfig) as api:
        query = {"labelSelector": "app.kubernetes.io/name=database-migrate"}
        jobs = api.items(f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs", query)
    return {job["spec"]["template"]["spec"]["containers"][0]["image"].rpartition(":")[2]: job for job in jobs}


def test_a_migration_that_fails_stops_the_release_and_the_old_version_serves(up: Rehearsal) -> None:
    deployment, pods = application(up)
    failed = up.up(None, {"app.image": f"{IMAGE}:0.2.0-broken-migration"})
    assert not failed.succeeded
    assert any("database-migrate" in error and "BackoffLimitExceeded" in error for error in failed.errors), (
        failed.errors
    )
    job = migrations(up)["0.2.0-broken-migration"]
    assert job["status"]["failed"] == job["spec"]["backoffLimit"] + 1 == 3
    after, pods_after = application(up)
    assert pods_after == pods
    assert after["metadata"]["generation"] == deployment["metadata"]["generation"]
    assert after["status"]["availableReplicas"] == deployment["spec"]["replicas"]

    # Corrected, the same command goes on, and the failed job goes with it.
    mended = up.up(None, {"app.image": f"{IMAGE}:0.2.1"})
    assert mended.succeeded, "\n".join(mended.errors)
    assert migrations(up).keys() == {"0.2.1"}
    _, pods_mended = application(up)
    assert {pod.rpartition(":")[2] for pod in pods_mended} == {"0.2.1"}
