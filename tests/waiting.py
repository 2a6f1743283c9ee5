"""Waiting in tests: for what comes or doesn't, however busy the machine is."""

import time
from collections.abc import Callable


def until(what: str, holds: Callable[[], object], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.2)
