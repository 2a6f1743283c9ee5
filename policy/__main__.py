"""What `pulumi preview --policy-pack policy` starts: the pack, served to the engine until that ends it."""

import sys
from pathlib import Path

PACK = Path(__file__).resolve().parent

# The engine runs the folder, whose own modules would stand first on the path; they are those of the package `policy`.
sys.path[:] = [str(PACK.parent), *(entry for entry in sys.path if Path(entry or ".").resolve() != PACK)]

from pulumi_policy import EnforcementLevel, PolicyPack  # noqa: E402

from policy.pack import NAME, policies  # noqa: E402

PolicyPack(NAME, policies=policies(), enforcement_level=EnforcementLevel.MANDATORY)
