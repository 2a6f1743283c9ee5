"""Rules on the test bench: `promtool` plays series of samples to them and tells which alerts fire when."""

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.monitoring.tools import tools


@dataclass(frozen=True)
class Series:
    """What one series does while everything is well and while it is not: a gauge's value, or what a counter gains each time.

    None: there are no samples.
    """

    name: str
    well: float | None
    ill: float | None
    counter: bool = False

    def samples(self, phases: Sequence[tuple[str, int]]) -> str:
        """In promtool's notation, for phases as `[("well", 10), ("ill", 3)]`."""
        parts, total = [], 0.0
        for state, count in phases:
            each = self.well if state == "well" else self.ill
            if each is None:
                parts.append(f"_x{count}")
            elif self.counter:
                parts.append(f"{total + each:g}+{each:g}x{count - 1}")
                total += each * count
            else:
                parts.append(f"{each:g}+0x{count - 1}")
        return " ".join(parts)


@dataclass(frozen=True)
class Look:
    """One look at an alert at a moment, in seconds: the labels (and annotations, when given) of all that fire."""

    at: int
    alert: str
    firing: Sequence[Mapping[str, str]] = ()
    annotations: Mapping[str, str] | None = None

    def document(self) -> dict[str, Any]:
        """As promtool reads it."""
        annotations = {"exp_annotations": dict(self.annotations)} if self.annotations else {}
        return {
            "eval_time": f"{self.at}s",
            "alertname": self.alert,
            "exp_alerts": [{"exp_labels": dict(labels), **annotations} for labels in self.firing],
        }


@dataclass(frozen=True)
class Play:
    """One test: series, and looks at the alerts."""

    series: Mapping[str, str]
    looks: Sequence[Look]
    seconds: int = 30

    def document(self) -> dict[str, Any]:
        """As promtool reads it."""
        return {
            "interval": f"{self.seconds}s",
            "input_series": [{"series": name, "values": values} for name, values in self.series.items()],
            "alert_rule_test": [look.document() for look in self.looks],
        }


def complaints(groups: Sequence[Mapping[str, Any]], plays: Sequence[Play], folder: Path) -> str:
    """What `promtool test rules` has to say against the looks; nothing when all are as expected."""
    seconds = {play.seconds for play in plays}
    assert len(seconds) == 1, "rules are evaluated at one interval"
    (folder / "rules.yaml").write_text(yaml.safe_dump({"groups": list(groups)}))
    document = {
        "rule_files": ["rules.yaml"],
        "evaluation_interval": f"{seconds.pop()}s",
        # Else it takes them in any order, and some would read what others have not recorded yet.
        "group_eval_order": [group["name"] for group in groups],
        "tests": [play.document() for play in plays],
    }
    (folder / "test.yaml").write_text(yaml.safe_dump(document, sort_keys=False))
    done = subprocess.run(
        [tools().promtool, "test", "rules", "test.yaml"], cwd=folder, capture_output=True, text=True, check=False
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr
