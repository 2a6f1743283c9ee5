"""`cache restore` on the real engine: one cache takes another one's place, and everybody follows."""

from collections.abc import Mapping
from typing import Any

from ops.cache.backup import REPLICATION_GROUP
from ops.stack_file import changed_text
from tests.ops.conftest import RehearsedStack


def test_on_the_real_engine_a_second_cache_is_filled_the_pods_follow_it_and_the_first_goes(
    rehearsed_stack: RehearsedStack,
) -> None:
    protect(rehearsed_stack, True)
    try:
        restored(rehearsed_stack)
    finally:
        protect(rehearsed_stack, None)


def protect(stack: RehearsedStack, protection: bool | None) -> None:
    """As in prod, where an update alone could not replace it; None takes the section away."""
    section = None if protection is None else {"enabled": protection}
    stack.file.write_text(changed_text(stack.file.read_text(), {"protection": section}))
    result = stack.rehearsal.up()
    assert result.succeeded, "\n".join(result.errors)


def restored(rehearsed_stack: RehearsedStack) -> None:
    old, file = cache_of(rehearsed_stack), rehearsed_stack.file.read_text()
    assert old["protect"]
    dry = rehearsed_stack.document("cache", "restore", "dev-cache-2026", "--dry-run")
    assert {"create-replacement", "delete-replaced"} <= {
        operation.split()[0] for operation in dry["operations"] if operation.endswith("/marlinspike-dev-cache-group")
    }
    assert rehearsed_stack.file.read_text() == file

    done = rehearsed_stack.document("cache", "restore", "dev-cache-2026", "--confirm", "dev")
    new = cache_of(rehearsed_stack)
    assert (done["before"], done["cache"], new["protect"]) == (old["id"], new["id"], True)
    assert new["id"].startswith("marlinspike-dev-cache-")
    assert new["inputs"]["snapshotName"] == "dev-cache-2026"
    with rehearsed_stack.opened() as opened:
        deployment = opened.cluster.apps.read_namespaced_deployment("app", "marlinspike")
        told = {each.name: each.value for each in deployment.spec.template.spec.containers[0].env}
    assert told["CACHE_NAME"] == new["id"]
    assert told["CACHE_HOST"] == new["outputs"]["primaryEndpointAddress"] != old["outputs"]["primaryEndpointAddress"]


def cache_of(stack: RehearsedStack) -> Mapping[str, Any]:
    """The only cache in the state: neither a second one nor one that waits to be deleted."""
    resources = stack.rehearsal.state()["deployment"]["resources"]
    [found] = [each for each in resources if each["type"] == REPLICATION_GROUP]
    return dict(found)
