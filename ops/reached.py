"""What the commands ask of a cluster, with the cluster's own words when it refuses or does not answer."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from kubernetes.client.exceptions import ApiException

from ops.cluster import Unreachable
from ops.errors import OpsError
from ops.stack import Stack


@contextmanager
def reached(stack: Stack) -> Iterator[None]:
    """Within it the Kubernetes client's errors are OpsErrors."""
    try:
        yield
    except Unreachable as error:
        raise OpsError(f"the cluster of {stack.name} refused, or doesn't answer: {words_of(error)}") from None


def words_of(error: Exception) -> str:
    """The API server's message where it sent one."""
    if isinstance(error, ApiException):
        try:
            return f"{json.loads(error.body)['message']} (HTTP {error.status})"
        except (TypeError, ValueError, KeyError):
            return f"{error.reason} (HTTP {error.status})"
    return str(error)
