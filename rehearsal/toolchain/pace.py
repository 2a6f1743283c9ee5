"""Progress at a bearable pace: every few seconds for a person at a terminal, every half minute in a log."""

import sys
import time

from rehearsal.say import Say

AT_A_TERMINAL_SECONDS = 3.0
IN_A_LOG_SECONDS = 30.0


class Pace:
    """Lets a line through when the last one is long enough ago. Counts the seconds since it was made."""

    def __init__(self, say: Say, interval_seconds: float | None = None) -> None:
        self._say = say
        at_a_terminal = sys.stdout.isatty() or sys.stderr.isatty()
        self._interval = interval_seconds or (AT_A_TERMINAL_SECONDS if at_a_terminal else IN_A_LOG_SECONDS)
        self._started = self._last = time.monotonic()

    @property
    def seconds(self) -> float:
        """Seconds since the work began."""
        return time.monotonic() - self._started

    def due(self) -> bool:
        """Whether it is time for the next line; asking starts the next interval."""
        now = time.monotonic()
        if now - self._last < self._interval:
            return False
        self._last = now
        return True

    def tell(self, line: str) -> None:
        """Says the line if one is due."""
        if self.due():
            self._say(line)
