"""What a command says when it can't do its work."""

from collections.abc import Mapping
from typing import Any


class OpsError(Exception):
    """A command ends without having done its work; the message says what is wrong, why, and what to do. Exit status 1.

    `document` is what --json shows beside the message.
    """

    def __init__(self, message: str, document: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.document = document or {}


class DeclinedError(OpsError):
    """Nobody confirmed a dangerous command; nothing was touched."""


class StoppedError(OpsError):
    """Somebody interrupted the engine; what it had begun it has ended."""
