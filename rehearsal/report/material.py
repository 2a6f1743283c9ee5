"""Everything that the report is made of: the state of a rehearsal, what runs in it, and what others have left beside it."""

import datetime
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rehearsal.report.cluster import Cluster
from rehearsal.report.graph import Graph
from rehearsal.timeline import Times


@dataclass(frozen=True)
class Material:
    """What is known of one rehearsed stack."""

    stack: str
    when: datetime.datetime
    graph: Graph
    resources: Sequence[Mapping[str, Any]] = field(repr=False)
    """The engine's own records, with dependencies."""
    cluster: Cluster = field(default_factory=Cluster)
    times: Times = field(default_factory=dict)
    changes: Mapping[str, int] = field(default_factory=dict)
    """Resources by operation of the last run."""
    versions: Mapping[str, str] = field(default_factory=dict)
    simulated: Sequence[str] = ()
    real: Sequence[str] = ()
    left: Mapping[str, Any] = field(default_factory=dict)
    """By name of a file in out/<stack>, such as `cost`: its JSON content."""
    dates: Mapping[str, str] = field(default_factory=dict)
    """By the same name: when it was written, for it may be older than the rehearsal."""


BESIDE = ("plan", "cost", "policy", "judges", "network-policies", "drills")
"""Files that others leave: the engine's steps, the price, the policy pack, the judges, cyclonus, the drills."""


def dates_in(out: Path) -> dict[str, str]:
    """When each of those files was written, to the minute."""
    files = {name: out / f"{name}.json" for name in BESIDE}
    return {
        name: datetime.datetime.fromtimestamp(file.stat().st_mtime).astimezone().strftime("%Y-%m-%d %H:%M")
        for name, file in files.items()
        if file.exists()
    }


def left_in(out: Path) -> dict[str, Any]:
    """The content of those that are there; one that is cut off is as good as none."""
    found = {}
    for name in BESIDE:
        file = out / f"{name}.json"
        try:
            found[name] = json.loads(file.read_text())
        except (OSError, ValueError):
            continue
    return found
