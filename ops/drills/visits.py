"""Requests to a URL while something is broken: which were lost, and for how long nobody was answered."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Self

import httpx

A_SECOND = 4
"""Requests a second: below what the shipped limits let one client do (300 a minute: `RATE_LIMIT_READING`, and the web
application firewall's 2000 in five minutes)."""

PATIENCE_SECONDS = 10
"""After which a request counts as lost."""


@dataclass(frozen=True)
class Visit:
    """One request."""

    began: float
    """Seconds since the first."""
    ended: float
    fault: str
    """Empty for an answer below 400."""


@dataclass
class Visits:
    """Asks a URL at an even pace while it is open, each time over a new connection; nothing without a URL."""

    url: str
    a_second: float = A_SECOND
    made: list[Visit] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._first = time.monotonic()
        self._ended = threading.Event()
        self._pool = ThreadPoolExecutor(max_workers=int(self.a_second * PATIENCE_SECONDS) + 1)
        self._thread = threading.Thread(target=self._go, daemon=True)
        if self.url:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        if self.url:
            self._thread.join()
        self._pool.shutdown(wait=True)

    def now(self) -> float:
        """Seconds since the first request."""
        return time.monotonic() - self._first

    def figures(self) -> dict[str, Any]:
        """What came of them; empty without a URL. Only once it is closed."""
        if not self.url:
            return {}
        lost = [each for each in self.made if each.fault]
        faults = sorted({each.fault for each in lost})
        return {
            "requests": len(self.made),
            "lost": len(lost),
            "faults": faults[:5],
            "seconds_unanswered": round(self._longest_gap(), 1) if lost else 0.0,
            "slowest_seconds": round(max((each.ended - each.began for each in self.made), default=0.0), 2),
        }

    def lost_after(self, moment: float) -> float | None:
        """The end of the last request that was lost and began after `moment`, in seconds since the first; None: none was."""
        return max((each.ended for each in self.made if each.fault and each.began >= moment), default=None)

    def _longest_gap(self) -> float:
        """The longest time from a lost request's beginning to the next good answer's end."""
        longest, since = 0.0, None
        for each in sorted(self.made, key=lambda visit: visit.began):
            if each.fault and since is None:
                since = each.began
            elif not each.fault and since is not None:
                longest, since = max(longest, each.ended - since), None
        return max(longest, self.made[-1].ended - since) if since is not None else longest

    def _go(self) -> None:
        while not self._ended.is_set():
            self._pool.submit(self._visit)
            self._ended.wait(1 / self.a_second)

    def _visit(self) -> None:
        began, fault = self.now(), ""
        try:
            status = httpx.get(self.url, timeout=PATIENCE_SECONDS, headers={"Connection": "close"}).status_code
            fault = f"HTTP {status}" if status >= 400 else ""
        except httpx.HTTPError as error:
            fault = type(error).__name__
        self.made.append(Visit(began, self.now(), fault))
