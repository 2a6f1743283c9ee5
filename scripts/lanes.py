"""`lanes.py LAYERS -- LAYERS ...`: runs `scripts/test.sh` with each list of layers, all lists at once.

Some layers keep the processors busy, others wait for the clocks of controllers and servers. A layer is printed as one piece when
it has ended. The status is 1 when one of them failed. Ctrl-C reaches all, since they are in one process group, and they are
waited for while they stop what they started.

All lanes but the last give way to it: first the layers that compute, last those that wait for clocks, whose time-outs would
run out while the others compute.
"""

import itertools
import subprocess
import sys
import threading
from pathlib import Path

RESULT = ": passed in ", ": FAILED after "
"""What the closing line of a layer has after its name (scripts/test.sh)."""

GIVING_WAY = ("nice", "-n", "5")
"""A third of the processor's time where both lanes want all of it (Linux' scheduler: 335 of 1024 parts)."""


def main(words: list[str]) -> int:
    """Run the lanes; returns the process' exit status."""
    lanes = [list(layers) for separator, layers in itertools.groupby(words, lambda word: word == "--") if not separator]
    test = Path(__file__).with_name("test.sh")
    processes = [
        subprocess.Popen(
            [*(GIVING_WAY if layers is not lanes[-1] else ()), str(test), "lane", *layers],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        for layers in lanes
    ]
    printing = threading.Lock()
    readers = [threading.Thread(target=_tell, args=(process, printing), daemon=True) for process in processes]
    for reader in readers:
        reader.start()
    statuses = [_ended(process) for process in processes]
    for reader in readers:
        reader.join(10)  # seconds: something that a lane left behind may hold its output open
    return int(any(statuses))


def _tell(process: subprocess.Popen[str], printing: threading.Lock) -> None:
    said: list[str] = []
    for line in process.stdout or ():
        closing = line.startswith("== ") and any(result in line for result in RESULT)
        if line.startswith("== ") and not closing:
            # Begun: said at once, so that somebody who looks on sees what runs.
            with printing:
                print(f"-- {line.removeprefix('== ').rstrip()} begins", flush=True)
        said.append(line)
        if closing:
            with printing:
                print("".join(said), end="", flush=True)
            said.clear()
    with printing:
        print("".join(said), end="", flush=True)


def _ended(process: subprocess.Popen[str]) -> int:
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
