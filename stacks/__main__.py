"""The program that `pulumi up` runs: reads the stack's configuration, refuses a bad one, composes, exports."""

import gc
import sys
from pathlib import Path

# The SDKs' modules are objects by the hundred thousand that never go. Without this and the three lines below the imports, the
# collector looks at all of them again and again, which takes nearly half of the program's time.
gc.disable()

PROJECT_FOLDER = Path(__file__).resolve().parents[1]
# Pulumi runs this folder as a script, so Python looks for modules in here only.
sys.path.insert(0, str(PROJECT_FOLDER))

import pulumi  # noqa: E402
from pulumi.runtime.config import CONFIG  # noqa: E402

from stacks.composition import compose  # noqa: E402
from stacks.configuration import load  # noqa: E402
from stacks.settings import SettingsError  # noqa: E402

gc.freeze()
gc.set_threshold(50_000, 20, 50)
gc.enable()

try:
    settings = load(CONFIG.get(), pulumi.get_project(), pulumi.get_stack(), PROJECT_FOLDER)
except SettingsError as error:
    raise pulumi.RunError(str(error)) from None

for name, value in compose(pulumi.get_stack(), settings).items():
    pulumi.export(name, value)
