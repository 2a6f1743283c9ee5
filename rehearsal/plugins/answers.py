"""Answers of the provider protocol that the plugins give in the same form."""

import re
from collections.abc import Iterable
from typing import NoReturn

import grpc
from pulumi.runtime.proto import provider_pb2, status_pb2

from rehearsal.plugins.inputs import Problem


def check_failures(problems: Iterable[Problem]) -> list[provider_pb2.CheckFailure]:
    """Faults of inputs."""
    return [provider_pb2.CheckFailure(property=problem.path, reason=problem.reason) for problem in problems]


def diff_response(
    changes: Iterable[tuple[str, str, bool]], *, delete_first: bool, of_inputs: bool = False
) -> provider_pb2.DiffResponse:
    """What an update would change: for each property path the kind (`add`, `update`, `delete`) and whether it replaces.

    `of_inputs` says that old inputs were compared with new ones, and not the state.
    """
    listed = list(changes)
    kinds = {path: kind.upper() + ("_REPLACE" if replaces else "") for path, kind, replaces in listed}
    return provider_pb2.DiffResponse(
        changes=provider_pb2.DiffResponse.DIFF_SOME if listed else provider_pb2.DiffResponse.DIFF_NONE,
        diffs=sorted({re.split(r"[.\[]", path, maxsplit=1)[0] for path in kinds}),
        replaces=[path for path, _, replaces in listed if replaces],
        deleteBeforeReplace=delete_first,
        detailedDiff={
            path: provider_pb2.PropertyDiff(kind=provider_pb2.PropertyDiff.Kind.Value(kind), inputDiff=of_inputs)
            for path, kind in kinds.items()
        },
        hasDetailedDiff=True,
    )


def abort_half_made(
    context: grpc.ServicerContext, message: str, made: provider_pb2.ErrorResourceInitFailed
) -> NoReturn:
    """Ends a call: the resource exists but is not as it should be.

    The engine keeps it in the state and comes back to it in the next update.
    """
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=message)
    status.details.add().Pack(made)
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    context.abort(grpc.StatusCode.UNKNOWN, message)
    raise AssertionError("abort always raises")
