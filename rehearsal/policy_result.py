"""What the policy pack said of a plan or an update, read from the engine's events."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rehearsal.events import Events, Violation

MANDATORY = "mandatory"

PACK = "policy"
"""The folder beside Pulumi.yaml that holds the program's own pack."""


def pack_of(program: Path) -> Path | None:
    """The program's own policy pack; None where it has none."""
    folder = program / PACK
    return folder if (folder / "PulumiPolicy.yaml").is_file() else None


@dataclass(frozen=True)
class PolicyResult:
    """Which rules were asked, and what they found."""

    pack: str
    """Name and version."""

    passed: Mapping[str, int]
    """How many resources each rule looked at and found good; a rule on the whole stack counts as one."""

    violations: tuple[Violation, ...]

    @classmethod
    def of(cls, events: Events) -> "PolicyResult | None":
        """The result of a run; None where no pack was asked."""
        summaries = [
            event[kind]
            for event in events.all
            for kind in ("policyAnalyzeSummaryEvent", "policyAnalyzeStackSummaryEvent")
            if kind in event
        ]
        if not summaries:
            return None
        passed = Counter(name for summary in summaries for name in summary.get("passed") or ())
        pack = f"{summaries[0]['policyPackName']} {summaries[0]['policyPackVersion']}"
        return cls(pack, dict(sorted(passed.items())), tuple(events.violations))

    def count(self, level: str) -> int:
        """How many violations there are of a level (`mandatory` or `advisory`)."""
        return sum(violation.level == level for violation in self.violations)

    def lines(self) -> list[str]:
        """The result for people: one line, and one for each advice; what is refused stands among the errors."""
        checks = sum(self.passed.values())
        refused, advised = self.count(MANDATORY), len(self.violations) - self.count(MANDATORY)
        counted = f"{checks} checks of {len(self.passed)} rules passed, {refused} refused, {advised} advised."
        advice = [violation.text for violation in self.violations if violation.level != MANDATORY]
        return [f"Policies ({self.pack}): {counted}", *(f"  {text}" for text in advice)]

    def as_json(self) -> dict[str, Any]:
        """The same for reports: `pack`, `passed` by rule, `mandatory` and `advisory` counted, and each violation."""
        return {
            "pack": self.pack,
            "passed": dict(self.passed),
            "mandatory": self.count(MANDATORY),
            "advisory": len(self.violations) - self.count(MANDATORY),
            "violations": [
                {
                    "rule": violation.rule,
                    "level": violation.level,
                    "type": violation.type,
                    "name": violation.name,
                    "urn": violation.urn,
                    "message": violation.message,
                }
                for violation in self.violations
            ],
        }
