"""`up` of the tiny program in a process of its own, which a test can interrupt or kill.

Takes one argument, a JSON object: base, engine, control_plane, custom_resource_definitions (folders), seconds, names.
"""

import json
import signal
import sys
from pathlib import Path

from rehearsal.engine import Interrupted
from rehearsal.run import Rehearsal
from rehearsal.toolchain import Toolchain

signal.signal(signal.SIGINT, signal.default_int_handler)
given = json.loads(sys.argv[1])
base = Path(given["base"])
rehearsal = Rehearsal(
    "dev",
    base / "state",
    base / "out",
    Path(__file__).parent,
    toolchain=Toolchain(*(Path(given[name]) for name in ("engine", "control_plane", "custom_resource_definitions"))),
    with_control_plane=False,
    plugin_path=(base / "plugins",),
    say=print,
)
try:
    rehearsal.up({"TINY_JOURNAL": str(base / "journal")}, {"seconds": given["seconds"], "names": given["names"]})
except Interrupted:
    print("INTERRUPTED")
