"""What the estimate leaves out, each type with the reason."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import yaml

LIST = Path(__file__).with_name("uncounted.yaml")

HEADINGS = ("free", "by_usage")


@cache
def uncounted() -> Mapping[str, str]:
    """Type token to reason, of what is free and of what is billed by a use that is not counted."""
    content = yaml.safe_load(LIST.read_text())
    return {kind: reason for heading in HEADINGS for kind, reason in content[heading].items()}
