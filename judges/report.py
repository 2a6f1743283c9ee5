"""What the judges said, for people at a terminal, for the documentation, and for other programs."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from judges.skips import Skip, Verdict

INTRODUCTION = """# What the judges say

Others' tools, asked about what a rehearsal leaves: `checkov` about the AWS resources in Terraform's language and about the
Kubernetes objects, `kube-score` and `kubeconform` about the objects, `promtool` about alert rules, `amtool` about Alertmanager's
configuration, `gitleaks` about secrets in any of it. Of the repository itself: `hadolint` about app/Dockerfile, `actionlint` and
`zizmor` about CI's workflows, `gitleaks` about secrets in every file. `make judge` asks them about one stack;
`make judge STACK="prod staging dev local" WRITE=1` about all, and writes this page. A check that fails without a reason below
makes the command fail, and so does a reason that nothing needs any more.

`make audit-cluster STACK=local` asks hardeneks and Kubescape about the objects on a rehearsal's API server, `make audit` asks
`pip-audit` about the lock files, Trivy looks at the image. The hosted workflows do all that; Kubescape, `pip-audit` and Trivy
need databases from the internet, which nobody had here, so no figure of theirs is below.
"""


def table(stack: str, verdicts: Sequence[Verdict]) -> list[str]:
    """The verdicts on a stack, one line each, under a line of titles."""
    lines = [f"{stack + ':':12}{'judge':22}{'version':10}{'passed':>8}{'failed':>8}{'skipped':>8}"]
    for each in verdicts:
        counts = f"{each.passed:8d}{len(each.failed):8d}{len(each.skipped):8d}"
        lines.append(f"{'':12}{each.judge:22}{each.version:10}{counts}")
    return lines


def failures(verdicts: Sequence[Verdict]) -> Iterator[str]:
    """Each failed check that has no reason."""
    for verdict in verdicts:
        for finding in verdict.failed:
            yield f"  {verdict.judge}: {finding.check}  {finding.resource}"
            yield f"      wanted: {finding.meaning}" + (f"   (see {finding.place})" if finding.place else "")


def write_json(stack: str, verdicts: Sequence[Verdict], file: Path) -> None:
    """Writes the verdicts on a stack, with every finding, as a report reads them."""
    judged = [
        {
            "judge": verdict.judge,
            "version": verdict.version,
            "passed": verdict.passed,
            "failed": [vars(finding) for finding in verdict.failed],
            "skipped": [{**vars(finding), "reason": skip.reason} for finding, skip in verdict.skipped],
        }
        for verdict in verdicts
    ]
    file.write_text(json.dumps({"stack": stack, "judges": judged}, indent=1) + "\n")


def document(verdicts: Mapping[str, Sequence[Verdict]], skips: Sequence[Skip]) -> str:
    """The page docs/judges.md."""
    lines = [INTRODUCTION, "| stack | judge | version | passed | failed | skipped |", "|---|---|---|---|---|---|"]
    for stack, opinions in verdicts.items():
        for each in opinions:
            counts = f"{each.passed} | {len(each.failed)} | {len(each.skipped)}"
            lines.append(f"| {stack} | {each.judge} | {each.version} | {counts} |")
    return "\n".join([*lines, "", *reasons(skips)]) + "\n"


def reasons(skips: Sequence[Skip]) -> list[str]:
    """The entries of skips.yaml as a table."""
    lines = ["## Skipped, and why", "", "| judge | check | resources | stacks | reason |", "|---|---|---|---|---|"]
    for skip in skips:
        resources = ", ".join(f"`{pattern}`" for pattern in skip.resources)
        lines.append(f"| {skip.judge} | {skip.check} | {resources} | {', '.join(skip.stacks)} | {skip.reason} |")
    return lines


def total(verdicts: Sequence[Verdict]) -> Counter[str]:
    """How many checks passed, failed and were skipped, all judges together."""
    counts: Counter[str] = Counter()
    for each in verdicts:
        counts.update(passed=each.passed, failed=len(each.failed), skipped=len(each.skipped))
    return counts
