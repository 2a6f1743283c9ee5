"""Switches off deletion protection in a simulated account, as its owner would by hand before taking the account down.

Only the end of a rehearsal does that: `pulumi destroy` alone is refused by the simulated AWS as it would be by the real one.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from rehearsal.plugins.aws.account import Account

SWITCHES = ("deletionProtection", "enableDeletionProtection")
"""What services call it: databases, clusters and tables the one, load balancers the other."""


def switch_off(cloud: Path) -> list[str]:
    """Switches it off in every resource below the folder `cloud` that has it on; returns their ids."""
    account = Account(cloud)
    if not cloud.is_dir():
        return []
    opened = []
    with account.locked():
        for record in list(account.all()):
            if any(record.value(switch) for switch in SWITCHES):
                account.put(replace(record, inputs=_off(record.inputs), outputs=_off(record.outputs)))
                opened.append(record.id)
    return opened


def _off(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {name: False if name in SWITCHES else value for name, value in properties.items()}
