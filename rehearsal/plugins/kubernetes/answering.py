"""How an operation ends that did not go as asked: faults on demand, errors as the protocol has them, no secret in their words."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any

import grpc
from pulumi.runtime.proto import provider_pb2 as protocol

from rehearsal.plugins.answers import abort_half_made
from rehearsal.plugins.faults import Faults, InjectedFault
from rehearsal.plugins.kubernetes.api import ApiError, NoSuchKindError, UnreachableError
from rehearsal.plugins.kubernetes.lifecycle import FieldConflictError
from rehearsal.plugins.kubernetes.objects import UnsupportedTypeError
from rehearsal.plugins.kubernetes.properties import Properties, Secret, encode
from rehearsal.urn import name_of, type_of

_SHORTEST_HIDDEN = 4  # shorter secrets are too likely to be part of an ordinary word


class RefusedError(Exception):
    """An operation that failed with nothing changed; the text is for people."""


class PartiallyDoneError(Exception):
    """An object that exists but is not as it should be."""

    def __init__(
        self, message: str, resource_id: str, outputs: Properties, reasons: list[str], inputs: Properties | None = None
    ) -> None:
        super().__init__(message)
        self.detail = protocol.ErrorResourceInitFailed(
            id=resource_id,
            properties=encode(outputs),
            reasons=[message, *reasons],
            inputs=None if inputs is None else encode(inputs),
        )


_EXPECTED = (
    ApiError,
    FieldConflictError,
    InjectedFault,
    NoSuchKindError,
    PartiallyDoneError,
    RefusedError,
    UnreachableError,
    UnsupportedTypeError,
)


@contextmanager
def answering(
    context: grpc.ServicerContext, faults: Faults, urn: str, operation: str, inputs: Properties
) -> Iterator[None]:
    """Around one operation: injects the faults that a test asked for, and turns errors into the protocol's.

    Without a name of the operation (a preview) no fault is injected. Secrets among `inputs` are taken out of what is said.
    """
    try:
        with faults.around(type_of(urn), name_of(urn), operation) if operation else nullcontext():
            yield
    except _EXPECTED as error:
        secrets = sorted(_secret_texts(inputs), key=len, reverse=True)
        message = _without(secrets, str(error))
        if isinstance(error, PartiallyDoneError):
            error.detail.reasons[:] = [_without(secrets, reason) for reason in error.detail.reasons]
            abort_half_made(context, message, error.detail)
        context.abort(grpc.StatusCode.UNKNOWN, message)


def _without(secrets: list[str], message: str) -> str:
    """A message of the API server without the secret values that it may quote."""
    for value in secrets:
        message = message.replace(value, "[secret]")
    return message


def _secret_texts(value: Any, *, secret: bool = False) -> set[str]:
    if isinstance(value, Secret):
        return _secret_texts(value.value, secret=True)
    if isinstance(value, Mapping):
        return set().union(*(_secret_texts(item, secret=secret) for item in value.values()))
    if isinstance(value, list):
        return set().union(*(_secret_texts(item, secret=secret) for item in value))
    return {value} if secret and isinstance(value, str) and len(value) >= _SHORTEST_HIDDEN else set()
