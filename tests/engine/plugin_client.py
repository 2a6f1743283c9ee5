"""Speaks the provider protocol with a plugin process, in the engine's place: a test of one answer takes milliseconds."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from rehearsal import places
from rehearsal.plugins.wire import decode, encode

SECONDS = 30


@dataclass(frozen=True)
class Made:
    """A resource that a plugin made: what the engine would keep in its state."""

    urn: str
    id: str
    inputs: dict[str, Any]
    outputs: dict[str, Any]


class Refused(Exception):  # noqa: N818 - read as a sentence: raises Refused
    """A check found faults; `reasons` has them by property."""

    def __init__(self, failures: Any) -> None:
        self.reasons = {failure.property: failure.reason for failure in failures}
        super().__init__("; ".join(f"{name}: {reason}" for name, reason in self.reasons.items()))


class Plugin:
    """One running plugin. Use it as a context manager: its process ends with it, whatever happens."""

    def __init__(self, name: str, environment: Mapping[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", f"rehearsal.plugins.{name}", "127.0.0.1:1"],
            env={**os.environ, "PYTHONPATH": str(places.repository()), **environment},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.strip().isdigit(), f"the plugin did not print its port but {line!r}"
        self.channel = grpc.insecure_channel(f"127.0.0.1:{line.strip()}")
        self.stub = provider_pb2_grpc.ResourceProviderStub(self.channel)

    def __enter__(self) -> "Plugin":
        return self

    def __exit__(self, *error: object) -> None:
        self.channel.close()
        self.process.terminate()
        self.process.wait(SECONDS)
        assert self.process.stdout is not None
        self.process.stdout.close()

    # Each method is one step of what the engine does.

    def configure(self, **properties: Any) -> None:
        given = encode(properties)
        checked = self.stub.CheckConfig(provider_pb2.CheckRequest(urn=urn("pulumi:providers:aws", "aws"), news=given))
        if checked.failures:
            raise Refused(checked.failures)
        self.stub.Configure(provider_pb2.ConfigureRequest(args=given, acceptSecrets=True))

    def check(
        self, token: str, name: str, news: Mapping[str, Any], olds: Mapping[str, Any] | None = None, seed: bytes = b"1"
    ) -> dict[str, Any]:
        answer = self.stub.Check(
            provider_pb2.CheckRequest(urn=urn(token, name), news=encode(news), olds=encode(olds or {}), randomSeed=seed)
        )
        if answer.failures:
            raise Refused(answer.failures)
        return decode(answer.inputs)

    def preview(self, token: str, name: str, /, **news: Any) -> dict[str, Any]:
        """The outputs in the preview of a creation."""
        checked = self.check(token, name, news)
        request = provider_pb2.CreateRequest(urn=urn(token, name), properties=encode(checked), preview=True)
        return decode(self.stub.Create(request).properties)

    def create(self, token: str, name: str, /, **news: Any) -> Made:
        checked = self.check(token, name, news)
        answer = self.stub.Create(provider_pb2.CreateRequest(urn=urn(token, name), properties=encode(checked)))
        return Made(urn(token, name), answer.id, checked, decode(answer.properties))

    def diff(self, made: Made, /, **changed: Any) -> Any:
        """The answer to Diff after some inputs changed; None takes one away."""
        return self.stub.Diff(
            provider_pb2.DiffRequest(
                id=made.id,
                urn=made.urn,
                olds=encode(made.outputs),
                old_inputs=encode(made.inputs),
                news=encode(self._changed(made, changed)),
            )
        )

    def update(self, made: Made, /, preview: bool = False, **changed: Any) -> Made:
        news = self._changed(made, changed)
        answer = self.stub.Update(
            provider_pb2.UpdateRequest(
                id=made.id,
                urn=made.urn,
                olds=encode(made.outputs),
                old_inputs=encode(made.inputs),
                news=encode(news),
                preview=preview,
            )
        )
        return Made(made.urn, made.id, news, decode(answer.properties))

    def read(self, made: Made) -> Made | None:
        """What a refresh finds; None when it is gone."""
        answer = self.stub.Read(
            provider_pb2.ReadRequest(
                id=made.id, urn=made.urn, properties=encode(made.outputs), inputs=encode(made.inputs)
            )
        )
        return Made(made.urn, answer.id, decode(answer.inputs), decode(answer.properties)) if answer.id else None

    def delete(self, made: Made) -> None:
        self.stub.Delete(
            provider_pb2.DeleteRequest(
                id=made.id, urn=made.urn, properties=encode(made.outputs), old_inputs=encode(made.inputs)
            )
        )

    def invoke(self, token: str, /, **arguments: Any) -> dict[str, Any]:
        answer = self.stub.Invoke(provider_pb2.InvokeRequest(tok=token, args=encode(arguments)))
        if answer.failures:
            raise Refused(answer.failures)
        return decode(getattr(answer, "return"))

    def cancel(self) -> None:
        self.stub.Cancel(empty_pb2.Empty())

    def _changed(self, made: Made, changed: Mapping[str, Any]) -> dict[str, Any]:
        defaults = made.inputs.get("__defaults", [])
        said = {name: value for name, value in made.inputs.items() if name not in defaults and name != "__defaults"}
        wanted = {name: value for name, value in {**said, **changed}.items() if value is not None}
        token = made.urn.split("::")[2]
        return self.check(token, made.urn.split("::")[3], wanted, made.inputs)


def urn(token: str, name: str) -> str:
    return f"urn:pulumi:test::marlinspike::{token}::{name}"


def cloud_files(rehearsal: Path) -> list[Path]:
    """The files of the simulated account."""
    return sorted((rehearsal / "cloud").glob("*.json"))


def refusal(caught: pytest.ExceptionInfo[grpc.RpcError]) -> str:
    """What the plugin said to a call that it refused."""
    return str(caught.value.details())
