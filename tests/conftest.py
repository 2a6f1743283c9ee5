"""For every layer: whoever ends a test run (a runner's time limit, a closed terminal) ends what it started, too."""

import signal
from types import FrameType

import pytest


def _end(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt  # pytest then tears its fixtures down


def pytest_configure(config: pytest.Config) -> None:  # noqa: ARG001 - pytest's name
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGHUP, _end)
