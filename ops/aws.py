"""What the commands ask of AWS, with AWS's own words when it refuses."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]

from ops.errors import OpsError
from ops.stack import Stack


@contextmanager
def asked(what: str) -> Iterator[None]:
    """Within it boto3's errors are OpsErrors, behind `what`: who is asked, or what can't be done."""
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise OpsError(f"{what}: {error}") from None


def identifier(stack: Stack, type_token: str) -> str:
    """AWS's name of the only resource of a type in the stack's state. Raises OpsError where there is none, or several."""
    found = [str(each["id"]) for each in stack.resources if each["type"] == type_token and not each.get("delete")]
    if len(found) != 1:
        raise OpsError(
            f"stack {stack.name} has {len(found) or 'no'} {type_token} of its own: {', '.join(found) or 'none'}"
        )
    return found[0]
