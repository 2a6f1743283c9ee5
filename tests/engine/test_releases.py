"""A blue-green release through the real engine and a real API server: what happens in which order, and what a bad one leaves."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from infra.release import COLOUR_LABEL, colour_of
from rehearsal.control_plane.api import Api
from rehearsal.run import Rehearsal, Result
from rehearsal.toolchain import Toolchain
from tests.engine.conftest import unmeasured

NAMESPACE = "marlinspike"
REPOSITORY = "111122223333.dkr.ecr.eu-west-3.amazonaws.com/marlinspike/app"
FIRST, SECOND, BROKEN = (f"{REPOSITORY}:{tag}" for tag in ("0.1.0", "0.2.0", "0.3.0"))

DOMAIN = "ListenerRule/marlinspike-dev-edge-domain"
SERVICE = "Service/app-service"

NOWHERE = {"nodes": {"kubernetes.io/arch": ["none"]}}
"""Pods of a simulated node are always well; these find none."""


def deployment(image: str) -> str:
    return f"Deployment/app-{colour_of(image)}-deployment"


@dataclass
class Released:
    """Dev with blue-green releases."""

    rehearsal: Rehearsal

    def release(self, image: str, affinity: dict[str, Any] | None = None, **release: Any) -> Result:
        return self.rehearsal.up(None, self._settings(image, affinity, release))

    def preview(self, image: str, **release: Any) -> set[str]:
        preview = self.rehearsal.preview(None, self._settings(image, None, release))
        assert preview.succeeded, "\n".join(preview.errors)
        return {f"{step.operation} {step.key}" for step in preview.events.changed}

    def serving(self) -> str:
        """The colour to which the Service leads."""
        with Api(self.rehearsal.kubeconfig) as api:
            service = api.get(f"/api/v1/namespaces/{NAMESPACE}/services/app")
        colour: str = service["spec"]["selector"][COLOUR_LABEL]
        return colour

    def available(self, image: str) -> int:
        """Pods of a version that could serve."""
        with Api(self.rehearsal.kubeconfig) as api:
            found = api.get(f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/app-{colour_of(image)}")
        return int(found["status"].get("availableReplicas", 0))

    def leads_to(self) -> str:
        """The target group to which the load balancer sends the domain's requests."""
        [rule] = [r for r in self.rehearsal.state()["deployment"]["resources"] if r["urn"].endswith("-edge-domain")]
        group: str = rule["inputs"]["actions"][0]["targetGroupArn"]
        return group

    @staticmethod
    def _settings(image: str, affinity: dict[str, Any] | None, release: dict[str, Any]) -> dict[str, Any]:
        settings: dict[str, Any] = {
            "app.image": image,
            "app.release": {"strategy": "blue-green", "deadline_seconds": 20, **release},
            "app.database_pool_size": 2,
        }
        return settings | ({"app.affinity": affinity} if affinity else {})


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory, toolchain: Toolchain) -> Iterator[Released]:
    folder = tmp_path_factory.mktemp("releases")
    released = Released(Rehearsal("dev", state=folder / "state", out=folder / "out", toolchain=toolchain))
    with unmeasured():
        try:
            first = released.release(FIRST)
            assert first.succeeded, "\n".join(first.errors)
            yield released
        finally:
            released.rehearsal.remove()


def test_a_new_version_is_up_before_anything_turns_to_it_and_the_old_one_goes_last(dev: Released) -> None:
    result = dev.release(SECOND)
    assert result.succeeded, "\n".join(result.errors)
    steps = [f"{step.operation} {step.key}" for step in result.events.changed]
    order = [
        "create Job/database-migrate"
        if "create Job/database-migrate" in steps
        else "create-replacement Job/database-migrate",
        f"create {deployment(SECOND)}",
        f"update {DOMAIN}",
        f"update {SERVICE}",
        f"delete {deployment(FIRST)}",
    ]
    assert [steps.index(step) for step in order] == sorted(steps.index(step) for step in order), steps
    assert dev.serving() == colour_of(SECOND)
    with Api(dev.rehearsal.kubeconfig) as api:
        assert len(api.items(f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments")) == 1


def test_a_version_that_does_not_come_up_fails_the_update_and_the_old_one_serves_on(dev: Released) -> None:
    led_to = dev.leads_to()
    result = dev.release(BROKEN, affinity=NOWHERE)
    assert not result.succeeded
    assert any(f"app-{colour_of(BROKEN)}" in error for error in result.errors), result.errors
    done = {step.key for step in result.events.changed if not step.failed and step.operation != "create"}
    assert not {DOMAIN, SERVICE, deployment(SECOND)} & done
    assert (dev.serving(), dev.leads_to()) == (colour_of(SECOND), led_to)
    assert (dev.available(SECOND), dev.available(BROKEN)) == (1, 0)


def test_going_back_to_the_image_that_serves_takes_the_broken_version_away(dev: Released) -> None:
    result = dev.release(SECOND)
    assert result.succeeded, "\n".join(result.errors)
    assert dev.serving() == colour_of(SECOND)
    with Api(dev.rehearsal.kubeconfig) as api:
        assert len(api.items(f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments")) == 1


def test_a_standby_makes_going_back_a_matter_of_turning(dev: Released) -> None:
    result = dev.release(FIRST, standby=SECOND)
    assert result.succeeded, "\n".join(result.errors)
    assert deployment(SECOND) not in {step.key for step in result.events.changed}  # it was there, and nobody touched it
    assert (dev.serving(), dev.available(SECOND)) == (colour_of(FIRST), 1)
    back = dev.preview(SECOND, standby=FIRST)
    turned = {
        operation for operation in back if not operation.endswith(("Job/database-migrate", "Job/database-bootstrap"))
    }
    assert turned == {f"update {DOMAIN}", f"update {SERVICE}"}, json.dumps(sorted(back))
