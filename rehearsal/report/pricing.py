"""Has package `price` compute what a month costs, in a process of its own: the rehearsal never imports the program.

It begins before the engine does and takes less time, so that nobody waits for it.
"""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from rehearsal import places
from rehearsal.node_kinds import LOCAL

PATIENCE_SECONDS = 60


@dataclass
class Pricing:
    """A price that is being computed; it comes as out/<stack>/cost.json."""

    process: "subprocess.Popen[bytes] | None"

    def end(self) -> None:
        """Waits for the price. A stack above its budget, or without a price, is no fault of the rehearsal."""
        if self.process:
            try:
                self.process.wait(PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                self.stop()

    def stop(self) -> None:
        """Ends it where it still runs."""
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def begin(stack: str, out: Path) -> Pricing:
    """Begins to compute the price of a stack; one that is not on AWS has none."""
    (out / "cost.json").unlink(missing_ok=True)
    if stack == LOCAL:
        return Pricing(None)
    return Pricing(
        subprocess.Popen(
            ["/usr/bin/nice", "-n", "10", sys.executable, "-m", "price", stack],
            cwd=places.repository(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is the engine's
        )
    )
