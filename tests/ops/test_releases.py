"""`deploy` and `rollback` on a rehearsed stack: an image that is missing, one that does not come up, and a good one."""

from collections.abc import Iterator

import pytest
import yaml

from ops.errors import OpsError
from ops.rollback import earlier_image
from rehearsal.toolchain.errors import NotAvailable
from tests.ops.conftest import RehearsedStack
from tests.ops.registry import REPOSITORY, push, registry

FIRST = "111122223333.dkr.ecr.eu-west-3.amazonaws.com/marlinspike/app:0.1.0"


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    try:
        with registry(tmp_path_factory.mktemp("registry")) as found:
            yield found
    except NotAvailable as reason:
        pytest.skip(str(reason))


def image(stack: RehearsedStack) -> str:
    """What the stack file says."""
    return str(yaml.safe_load(stack.file.read_text())["config"]["marlinspike:app"]["image"])


def running(stack: RehearsedStack) -> str:
    """What the Deployment's pods run."""
    with stack.opened() as opened:
        found = opened.cluster.apps.read_namespaced_deployment("app", "marlinspike")
        return str(found.spec.template.spec.containers[0].image)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["{host}/marlinspike/app:0.9.9", "--yes"], "has no image marlinspike/app:0.9.9: push it first"),
        (["{host}/marlinspike/other:0.2.0", "--yes"], "has no image marlinspike/other:0.2.0"),
        (["127.0.0.1:1/marlinspike/app:0.2.0", "--yes"], "127.0.0.1:1 can't be asked for the image"),
        (["{host}/marlinspike/app:latest", "--yes"], "ends with :latest, which means another image each day"),
        ([FIRST, "--yes"], "is what the stack file says already"),
        (["{host}/marlinspike/app:0.2.0", "--yes", "--keep-old"], "only with app.release.strategy blue-green"),
        (["{host}/marlinspike/app:0.2.0"], "nobody confirmed it. Say --yes to agree"),
        (["{host}/marlinspike/app:0.2.0", "--confirm", "prod"], "--confirm says prod, and the stack is dev"),
    ],
)
def test_what_cannot_be_released_is_refused_and_nothing_is_touched(
    rehearsed_stack: RehearsedStack, host: str, words: list[str], why: str
) -> None:
    push(host, "0.2.0")
    file, updates = rehearsed_stack.file.read_text(), updates_of(rehearsed_stack)
    answer = rehearsed_stack.run("deploy", *(word.format(host=host) for word in words))
    assert answer.exit_code == 1
    assert why in answer.output
    assert (rehearsed_stack.file.read_text(), updates_of(rehearsed_stack)) == (file, updates)


def updates_of(stack: RehearsedStack) -> int:
    with stack.opened() as opened:
        return len(opened.engine.history())


def test_a_dry_run_tells_what_would_change_and_changes_nothing(rehearsed_stack: RehearsedStack, host: str) -> None:
    push(host, "0.2.0")
    file, resources = rehearsed_stack.file.read_text(), rehearsed_stack.resources()
    found = rehearsed_stack.document("deploy", f"{host}/{REPOSITORY}:0.2.0", "--dry-run")
    assert "update Deployment/app-deployment" in found["operations"]
    assert not found["released"]
    assert (rehearsed_stack.file.read_text(), rehearsed_stack.resources()) == (file, resources)


def test_a_version_that_does_not_come_up_is_turned_back(rehearsed_stack: RehearsedStack, host: str) -> None:
    push(host, "0.3.0")
    file, before = rehearsed_stack.file.read_text(), running(rehearsed_stack)
    with rehearsed_stack.refused_pods(
        "!object.spec.containers.exists(c, c.name == 'app' && c.image.endsWith(':0.3.0'))"
    ):
        answer = rehearsed_stack.run("deploy", f"{host}/{REPOSITORY}:0.3.0", "--yes")
    assert answer.exit_code == 1
    assert "\nDeployment app gets no pods: pods " in answer.output
    assert "a test refuses this pod" in answer.output.partition("gets no pods")[2]
    assert "Pulumi.dev.yaml is as before, and so is the stack" in answer.output
    assert (rehearsed_stack.file.read_text(), running(rehearsed_stack)) == (file, before)


def test_a_good_version_serves_and_rollback_brings_the_one_before(rehearsed_stack: RehearsedStack, host: str) -> None:
    before, released = image(rehearsed_stack), push(host, "0.2.0")
    found = rehearsed_stack.document("deploy", released, "--yes")
    assert (found["released"], found["before"]) == (True, before)
    assert image(rehearsed_stack) == running(rehearsed_stack) == released
    assert rehearsed_stack.document("rollback", "--yes")["image"] == before
    assert image(rehearsed_stack) == running(rehearsed_stack) == before


def update(image: str, result: str = "succeeded", kind: str = "update") -> dict[str, object]:
    return {"kind": kind, "result": result, "config": {"marlinspike:app": {"value": f'{{"image": "{image}"}}'}}}


def test_the_history_s_newest_other_version_that_was_up_is_gone_back_to() -> None:
    history = [update("c"), update("b", "failed"), update("c"), update("b", kind="destroy"), update("a"), update("z")]
    assert earlier_image(history, "c") == "a"
    with pytest.raises(OpsError, match="no earlier version that was up"):
        earlier_image([update("c"), update("b", "failed"), {"kind": "update", "result": "succeeded"}], "c")
