"""Who comes into the cluster, by the stack file."""

from tests.ops.conftest import RehearsedStack


def test_a_rehearsed_stack_says_who_its_file_names(rehearsed_stack: RehearsedStack) -> None:
    with rehearsed_stack.opened() as stack:
        named = stack.aws.cluster.administrators
    allowed = rehearsed_stack.document("access")["allowed"]
    assert [row["principal"] for row in allowed if row["key"] == "administrators"] == list(named)
