"""What the policy pack and the judges said, where they were asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rehearsal.report.material import Material


@dataclass(frozen=True)
class Verdict:
    """One judge's counts, and what failed."""

    name: str
    version: str
    passed: int
    failed: Sequence[str]
    skipped: Sequence[tuple[str, str, int]]
    """Check, the reason why it is skipped, and for how many resources."""


@dataclass(frozen=True)
class Policy:
    """What the policy pack said."""

    pack: str
    """Name and version."""
    rules: Sequence[tuple[str, int]]
    """Each rule that found something good, and how many resources."""
    refused: Sequence[str]
    advised: Sequence[str]

    @property
    def checks(self) -> int:
        """How many checks were passed."""
        return sum(count for _, count in self.rules)


def policy(material: Material) -> Policy | None:
    """The result of the policy pack, from policy.json; None where no pack was asked."""
    said = material.left.get("policy")
    if said is None:
        return None
    found: dict[bool, list[str]] = {True: [], False: []}
    for each in said["violations"]:
        found[each["level"] == "mandatory"].append(f"{each['rule']}, {each['name']}: {each['message']}")
    return Policy(said["pack"], sorted(said["passed"].items()), found[True], found[False])


def judges(material: Material) -> list[Verdict]:
    """The verdicts of `make judge`; empty where nobody was asked."""
    said = (material.left.get("judges") or {}).get("judges") or []
    return [
        Verdict(
            each["judge"],
            each["version"],
            each["passed"],
            [f"{found['check']} {found['resource']}: {found['meaning']}" for found in each["failed"]],
            _by_check(each["skipped"]),
        )
        for each in said
    ]


def _by_check(skipped: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, int]]:
    counted: dict[tuple[str, str], int] = {}
    for each in skipped:
        key = (each["check"], each["reason"])
        counted[key] = counted.get(key, 0) + 1
    return [(check, reason, count) for (check, reason), count in sorted(counted.items())]
