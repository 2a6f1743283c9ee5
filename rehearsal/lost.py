"""What a cut-off update made in the simulated account without the engine's hearing of it.

On AWS such resources are found by their tags and imported or deleted by a person, see
docs/procedures/interrupted-update.md. Here they are deleted: nothing can depend on what nobody was told of, and the next
update makes them anew. Otherwise they would exist twice, and stand in the way of the destruction of what they are in.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rehearsal.plugins.aws.account import Account
from rehearsal.urn import name_of


def take_away_lost(cloud: Path, resources: Iterable[Mapping[str, Any]]) -> list[str]:
    """Removes from the account below `cloud` what none of the state's `resources` is; returns the names, sorted.

    No engine may be at work on the account.
    """
    if not cloud.is_dir():
        return []
    known = {(str(resource.get("type")), str(resource.get("id"))) for resource in resources}
    account = Account(cloud)
    with account.locked():
        lost = [record for record in account.all() if (record.type, record.id) not in known]
        for record in lost:
            account.remove(record.type, record.id)
    return sorted({name_of(record.urn) for record in lost})
