"""What the plugin tells people through the engine: notes, warnings, and the passing status beside a resource's line."""

import contextlib
import threading

import grpc
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc


class Diagnostics:
    """The engine's log. Without an address (a plugin started by hand) everything is dropped."""

    def __init__(self, address: str = "") -> None:
        self._engine = engine_pb2_grpc.EngineStub(grpc.insecure_channel(address)) if address else None
        self._last_status: dict[str, str] = {}
        self._lock = threading.Lock()

    def info(self, urn: str, message: str) -> None:
        """A note that stays in the output."""
        self._log(engine_pb2.LogSeverity.INFO, urn, message)

    def warning(self, urn: str, message: str) -> None:
        """A warning that stays in the output."""
        self._log(engine_pb2.LogSeverity.WARNING, urn, message)

    def status(self, urn: str, message: str) -> None:
        """What a resource is doing right now; an empty message clears it. The same one twice is sent once."""
        with self._lock:
            if self._last_status.get(urn, "") == message:
                return
            self._last_status[urn] = message
        self._log(engine_pb2.LogSeverity.INFO, urn, message, passing=True)

    def _log(
        self, severity: engine_pb2.LogSeverity.ValueType, urn: str, message: str, *, passing: bool = False
    ) -> None:
        if self._engine is None:
            return
        # An update never fails for a message that could not be shown.
        with contextlib.suppress(grpc.RpcError):
            self._engine.Log(
                engine_pb2.LogRequest(severity=severity, urn=urn, message=message, ephemeral=passing), timeout=5
            )
