"""`health` on a rehearsed stack."""

from tests.ops.conftest import RehearsedStack


def test_a_stack_that_is_up_is_well(rehearsed_stack: RehearsedStack) -> None:
    assert rehearsed_stack.document("health")["deployments"]["app"] == {"wanted": 1, "ready": 1}
