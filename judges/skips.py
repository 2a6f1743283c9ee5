"""What is right as it is although a judge objects: `skips.yaml`, each entry with its reason."""

import fnmatch
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, field_validator

from judges.findings import Finding, Opinion

FILE = Path(__file__).parent / "skips.yaml"

Name = Annotated[str, Field(min_length=1)]


class Skip(BaseModel):
    """One check that is not heeded for some resources of some stacks."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    judge: Literal[
        "checkov", "kube-score", "kubeconform", "gitleaks", "promtool", "amtool", "hadolint", "actionlint", "zizmor",
        "hardeneks",
    ]  # fmt: skip
    check: Name
    resources: tuple[Name, ...] = Field(min_length=1)
    """Patterns of resources as the judge names them, `*` for anything: `aws_subnet.*_public_*`."""

    stacks: tuple[Literal["dev", "staging", "prod", "local", "repository"], ...] = Field(min_length=1)
    """Where it holds, `repository` for what belongs to none. In each of them it must match something."""

    reason: str
    """Why it is right as it is, or what takes the check's place; a sentence."""

    @field_validator("reason")
    @classmethod
    def _is_a_sentence(cls, reason: str) -> str:
        text = " ".join(reason.split())
        if not re.fullmatch(r"\S+( \S+){3,}\.", text):
            raise ValueError("a reason is a sentence of four words or more that ends with a full stop")
        return text

    def covers(self, judge: str, stack: str, finding: Finding) -> bool:
        """Whether this is about a finding of a judge such as `checkov (terraform)` on a stack."""
        return (
            judge.partition(" ")[0] == self.judge
            and stack in self.stacks
            and finding.check == self.check
            and any(fnmatch.fnmatchcase(finding.resource, pattern) for pattern in self.resources)
        )


@dataclass(frozen=True)
class Verdict:
    """One judge's opinion of one stack, with the findings that have a reason apart from those that have none."""

    judge: str
    version: str
    passed: int
    failed: Sequence[Finding]
    skipped: Sequence[tuple[Finding, Skip]]


def read(file: Path = FILE) -> tuple[Skip, ...]:
    """The entries of the file. Raises pydantic's ValidationError, which says what is wrong with which."""
    return tuple(Skip.model_validate(entry) for entry in yaml.safe_load(file.read_text()) or ())


def verdict(opinion: Opinion, stack: str, skips: Sequence[Skip]) -> Verdict:
    """Puts each finding of an opinion with the first entry that covers it."""
    failed, skipped = [], []
    for finding in opinion.failed:
        skip = next((skip for skip in skips if skip.covers(opinion.judge, stack, finding)), None)
        if skip is None:
            failed.append(finding)
        else:
            skipped.append((finding, skip))
    return Verdict(opinion.judge, opinion.version, opinion.passed, tuple(failed), tuple(skipped))


def stale(skips: Sequence[Skip], verdicts: Mapping[str, Sequence[Verdict]]) -> list[tuple[str, Skip]]:
    """The entries that matched nothing, each with a stack of `verdicts` in which their judge was asked and they should have."""
    return [
        (stack, skip)
        for stack, opinions in verdicts.items()
        for skip in skips
        if stack in skip.stacks
        and any(each.judge.partition(" ")[0] == skip.judge for each in opinions)
        and not any(used == skip for each in opinions for _finding, used in each.skipped)
    ]
