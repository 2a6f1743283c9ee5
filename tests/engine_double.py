# ruff: noqa: N802, ARG002 - the protocol decides what its methods are called and what they are given.
"""A double of the Pulumi engine for tests of provider plugins.

It starts a plugin, speaks the protocol with it and keeps what it says.
"""

import subprocess
import sys
from collections.abc import Mapping
from concurrent import futures
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import empty_pb2
from google.rpc import status_pb2  # type: ignore[import-untyped]
from pulumi.runtime.proto import engine_pb2_grpc
from pulumi.runtime.proto import provider_pb2 as protocol
from pulumi.runtime.proto.provider_pb2_grpc import ResourceProviderStub

from rehearsal.plugins.wire import decode, encode

REPOSITORY = Path(__file__).resolve().parents[1]

SECONDS_TO_END = 30


class OperationFailedError(grpc.RpcError):  # type: ignore[misc]
    """The plugin answered with an error. `partial` is there when the object exists all the same."""

    def __init__(self, error: grpc.RpcError) -> None:
        super().__init__(error.details())
        self.details, self.trailing_metadata = error.details, error.trailing_metadata
        self.partial: protocol.ErrorResourceInitFailed | None = None
        metadata: Any = error.trailing_metadata()  # pairs; the stubs take it for one
        for key, value in metadata or ():
            if key == "grpc-status-details-bin":
                for detail in status_pb2.Status.FromString(value).details:
                    partial = protocol.ErrorResourceInitFailed()
                    assert detail.Unpack(partial)
                    self.partial = partial


class CheckFailedError(Exception):
    """The plugin found faults in the inputs: {property path: reason}."""

    def __init__(self, failures: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{path}: {reason}" for path, reason in failures.items()))
        self.failures = failures


@dataclass(frozen=True)
class Resource:
    """A resource as the state would hold it, decoded."""

    type: str
    name: str
    inputs: dict[str, Any]
    id: str = ""
    outputs: dict[str, Any] = field(default_factory=dict)

    @property
    def urn(self) -> str:
        return f"urn:pulumi:test::marlinspike::{self.type}::{self.name}"


class Log(engine_pb2_grpc.EngineServicer):
    """What a plugin told the engine."""

    def __init__(self) -> None:
        self.kept: list[str] = []
        self.passing: list[str] = []

    def Log(self, request: Any, context: Any) -> empty_pb2.Empty:
        (self.passing if request.ephemeral else self.kept).append(request.message)
        return empty_pb2.Empty()


class EngineDouble:
    """Runs one plugin; to be used as a context manager, so that it is always ended."""

    def __init__(self, module: str, environment: Mapping[str, str], config: Mapping[str, Any] | None) -> None:
        """`config` None leaves it to the test to configure the plugin."""
        self.log = Log()
        self._log_server = grpc.server(futures.ThreadPoolExecutor(4))
        engine_pb2_grpc.add_EngineServicer_to_server(self.log, self._log_server)
        port = self._log_server.add_insecure_port("127.0.0.1:0")
        self._log_server.start()
        self.process = subprocess.Popen(
            [sys.executable, "-m", module, f"127.0.0.1:{port}"],
            cwd=REPOSITORY,
            env=dict(environment),
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline().strip()
        assert line.isdigit(), f"the plugin did not print its port but {line!r}"
        self._channel = grpc.insecure_channel(f"127.0.0.1:{line}")
        self.provider = ResourceProviderStub(self._channel)
        if config is not None:
            self.configure(config)

    def __enter__(self) -> "EngineDouble":
        return self

    def __exit__(self, *_: object) -> None:
        self._channel.close()
        self.process.terminate()
        self.process.wait(SECONDS_TO_END)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self._log_server.stop(0)

    def configure(self, config: Mapping[str, Any]) -> None:
        """Configure. Raises OperationFailedError."""
        called(self.provider.Configure, protocol.ConfigureRequest(args=encode(config), acceptSecrets=True))

    def check(self, resource: Resource, new: Mapping[str, Any], seed: bytes = b"seed") -> dict[str, Any]:
        """The inputs as the plugin completes them. Raises CheckFailedError."""
        olds = encode(resource.inputs) if resource.id else None
        request = protocol.CheckRequest(urn=resource.urn, olds=olds, news=encode(new), randomSeed=seed)
        answer = called(self.provider.Check, request)
        return decode(answer.inputs)

    def create(
        self, type_token: str, name: str, new: Mapping[str, Any], *, timeout: float = 0, preview: bool = False
    ) -> Resource:
        """Check and Create. Raises CheckFailedError, OperationFailedError."""
        resource = Resource(type_token, name, {})
        inputs = self.check(resource, new)
        request = protocol.CreateRequest(urn=resource.urn, properties=encode(inputs), timeout=timeout, preview=preview)
        answer = called(self.provider.Create, request)
        return replace(resource, inputs=inputs, id=answer.id, outputs=decode(answer.properties))

    def diff(self, resource: Resource, new: Mapping[str, Any], ignore: tuple[str, ...] = ()) -> protocol.DiffResponse:
        """Check and Diff against what is there."""
        answer: protocol.DiffResponse = called(
            self.provider.Diff,
            protocol.DiffRequest(
                id=resource.id,
                urn=resource.urn,
                olds=encode(resource.outputs),
                old_inputs=encode(resource.inputs),
                news=encode(self.check(resource, new)),
                ignoreChanges=ignore,
            ),
        )
        return answer

    def changed_paths(self, resource: Resource, new: Mapping[str, Any], ignore: tuple[str, ...] = ()) -> set[str]:
        """The property paths that a preview would show."""
        return set(self.diff(resource, new, ignore).detailedDiff)

    def update(
        self,
        resource: Resource,
        new: Mapping[str, Any],
        *,
        ignore: tuple[str, ...] = (),
        timeout: float = 0,
        preview: bool = False,
    ) -> Resource:
        """Check and Update. Raises CheckFailedError, OperationFailedError."""
        inputs = self.check(resource, new)
        request = protocol.UpdateRequest(
            id=resource.id,
            urn=resource.urn,
            olds=encode(resource.outputs),
            old_inputs=encode(resource.inputs),
            news=encode(inputs),
            ignoreChanges=ignore,
            timeout=timeout,
            preview=preview,
        )
        answer = called(self.provider.Update, request)
        return replace(resource, inputs=inputs, outputs=decode(answer.properties))

    def refresh(self, resource: Resource) -> Resource | None:
        """Read; None when the object is gone. Raises OperationFailedError."""
        request = protocol.ReadRequest(
            id=resource.id, urn=resource.urn, properties=encode(resource.outputs), inputs=encode(resource.inputs)
        )
        answer = called(self.provider.Read, request)
        if not answer.id:
            return None
        return replace(resource, id=answer.id, inputs=decode(answer.inputs), outputs=decode(answer.properties))

    def delete(self, resource: Resource, timeout: float = 0) -> None:
        """Delete. Raises OperationFailedError."""
        request = protocol.DeleteRequest(
            id=resource.id,
            urn=resource.urn,
            properties=encode(resource.outputs),
            old_inputs=encode(resource.inputs),
            timeout=timeout,
        )
        called(self.provider.Delete, request)

    def cancel(self) -> None:
        """Cancels everything that the plugin does."""
        self.provider.Cancel(empty_pb2.Empty())


def called(method: Any, request: Any) -> Any:
    """The answer. Raises OperationFailedError, and CheckFailedError for faults that an answer lists."""
    try:
        answer = method(request, timeout=120)
    except grpc.RpcError as error:
        raise OperationFailedError(error) from error
    if failures := getattr(answer, "failures", ()):
        raise CheckFailedError({failure.property: failure.reason for failure in failures})
    return answer
