"""Shorthand for tests of the `aws` plugin: inputs as keywords, and a change of a resource by the properties that change."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import grpc
import pytest
from pulumi.runtime.proto import provider_pb2

from rehearsal import places
from rehearsal.plugins.wire import decode, encode
from tests.engine_double import CheckFailedError as Refused
from tests.engine_double import EngineDouble, called
from tests.engine_double import Resource as Made

__all__ = ["Made", "Plugin", "Refused", "cloud_files", "refusal"]


class Plugin:
    """One running plugin. Use it as a context manager: its process ends with it, whatever happens."""

    def __init__(self, name: str, environment: Mapping[str, str]) -> None:
        found = {**os.environ, "PYTHONPATH": str(places.repository()), **environment}
        self.engine = EngineDouble(f"rehearsal.plugins.{name}", found, None)
        self.stub = self.engine.provider

    def __enter__(self) -> "Plugin":
        return self

    def __exit__(self, *error: object) -> None:
        self.engine.__exit__(*error)

    def configure(self, **properties: Any) -> None:
        urn = Made("pulumi:providers:aws", "aws", {}).urn
        called(self.stub.CheckConfig, provider_pb2.CheckRequest(urn=urn, news=encode(properties)))
        self.engine.configure(properties)

    def check(
        self, token: str, name: str, news: Mapping[str, Any], olds: Mapping[str, Any] | None = None, seed: bytes = b"1"
    ) -> dict[str, Any]:
        return self.engine.check(Made(token, name, dict(olds or {}), "of before" if olds else ""), news, seed)

    def preview(self, token: str, name: str, /, **news: Any) -> dict[str, Any]:
        """The outputs in the preview of a creation."""
        return self.engine.create(token, name, news, preview=True).outputs

    def create(self, token: str, name: str, /, **news: Any) -> Made:
        return self.engine.create(token, name, news)

    def diff(self, made: Made, /, **changed: Any) -> Any:
        """The answer to Diff after some inputs changed; None takes one away."""
        return self.engine.diff(made, _changed(made, changed))

    def update(self, made: Made, /, preview: bool = False, **changed: Any) -> Made:
        return self.engine.update(made, _changed(made, changed), preview=preview)

    def read(self, made: Made) -> Made | None:
        """What a refresh finds; None when it is gone."""
        return self.engine.refresh(made)

    def delete(self, made: Made) -> None:
        self.engine.delete(made)

    def cancel(self) -> None:
        self.engine.cancel()

    def invoke(self, token: str, /, **arguments: Any) -> dict[str, Any]:
        answer = called(self.stub.Invoke, provider_pb2.InvokeRequest(tok=token, args=encode(arguments)))
        return decode(getattr(answer, "return"))


def _changed(made: Made, changed: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs as the program would say them: without what the plugin chose, and with what changed."""
    chosen = {*made.inputs.get("__defaults", []), "__defaults"}
    said = {name: value for name, value in made.inputs.items() if name not in chosen}
    return {name: value for name, value in {**said, **changed}.items() if value is not None}


def cloud_files(rehearsal: Path) -> list[Path]:
    """The files of the simulated account."""
    return sorted((rehearsal / "cloud").glob("*.json"))


def refusal(caught: pytest.ExceptionInfo[grpc.RpcError]) -> str:
    """What the plugin said to a call that it refused."""
    return str(caught.value.details())
