"""Releases with two versions side by side, as prod has them, on stack `local`."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from infra.release import COLOUR_LABEL, colour_of
from rehearsal.toolchain.errors import NotAvailable
from tests.ops.conftest import PATIENCE_SECONDS, RehearsedStack, brought_up
from tests.ops.registry import REPOSITORY, push, registry

FIRST = "localhost/marlinspike-app:0.1.0"


@pytest.fixture(scope="module")
def stack(program: Path) -> Iterator[RehearsedStack]:
    changes = {
        "app.release": {"strategy": "blue-green", "deadline_seconds": PATIENCE_SECONDS},
        "app.autoscaling": {"min_replicas": 1, "max_replicas": 3},
        "app.database_pool_size": 2,
    }
    yield from brought_up(program, "local", changes)


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A second version, in a registry."""
    try:
        with registry(tmp_path_factory.mktemp("registry")) as host:
            push(host, "0.2.0")
            yield f"{host}/{REPOSITORY}:0.2.0"
    except NotAvailable as reason:
        pytest.skip(str(reason))


def settings(stack: RehearsedStack) -> dict[str, object]:
    section: dict[str, dict[str, object]] = yaml.safe_load(stack.file.read_text())["config"]["marlinspike:app"]
    return {"image": section["image"], "standby": section["release"].get("standby")}


def serving(stack: RehearsedStack) -> str:
    """The colour to which the Service leads."""
    with stack.opened() as opened:
        service = opened.cluster.core.read_namespaced_service("app", opened.namespace)
        return str(service.spec.selector[COLOUR_LABEL])


def generations(stack: RehearsedStack) -> dict[str, int]:
    """Of every Deployment of the application: which changes with every change of its description."""
    with stack.opened() as opened:
        found = opened.cluster.apps.list_namespaced_deployment(opened.namespace).items
        return {each.metadata.uid: each.metadata.generation for each in found}


def test_the_version_of_before_stays_up_and_rollback_turns_to_it_without_a_new_pod(
    stack: RehearsedStack, second: str
) -> None:
    assert stack.document("deploy", second, "--keep-old", "--yes")["released"]
    assert settings(stack) == {"image": second, "standby": FIRST}
    assert serving(stack) == colour_of(second)
    there = generations(stack)
    assert len(there) == 2
    assert "# Needs an ingress controller" in stack.file.read_text()

    assert stack.document("rollback", "--yes")["image"] == FIRST
    assert settings(stack) == {"image": FIRST, "standby": second}
    assert serving(stack) == colour_of(FIRST)
    assert generations(stack) == there


def test_the_bounds_of_the_autoscaler_are_what_can_be_scaled(stack: RehearsedStack) -> None:
    file = stack.file.read_text()
    refused = stack.run("scale", "2", "--yes")
    assert refused.exit_code == 1
    assert "the autoscaler decides on the pods of app, between 1 and 3" in refused.output
    assert "max_replicas 1 is below min_replicas 3" in stack.run("scale", "--min", "3", "--max", "1", "--yes").output
    found = stack.document("scale", "--max", "4", "--dry-run")
    assert [line.split("/")[0] for line in found["operations"]].count("update HorizontalPodAutoscaler") == 2
    assert stack.file.read_text() == file


def test_without_a_load_balancer_the_service_turns_to_the_maintenance_page(stack: RehearsedStack) -> None:
    found = stack.document("maintenance", "on", "--dry-run")["operations"]
    assert {*found} == {
        "create Workload/app-maintenance",
        "create ServiceAccount/app-maintenance-account",
        "create Service/app-maintenance-service",
        "create Deployment/app-maintenance-deployment",
        "create NetworkPolicy/marlinspike-app-maintenance",
        "update Service/app-service",
        "update ResourceQuota/marlinspike-quota",
    }
