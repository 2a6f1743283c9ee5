"""The command line of the judges; people call it through `make judge`.

python -m judges [STACK...] [--write]
"""

import sys
import time
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Console

from judges import report
from judges.court import opinions, opinions_of_repository
from judges.findings import JudgeError
from judges.skips import Skip, Verdict, read, stale, verdict
from judges.tools import ensure_judges
from judges.workflows import REPOSITORY
from rehearsal import places
from rehearsal.control_plane import ControlPlaneError
from rehearsal.engine import Interrupted
from rehearsal.run import RehearsalError
from rehearsal.stack_file import StackFileError
from rehearsal.toolchain import ToolchainError

DOCUMENT = places.repository() / "docs" / "judges.md"

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""

console = Console(highlight=False, soft_wrap=True, markup=False)
errors = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)

Stacks = Annotated[
    list[str] | None, typer.Argument(metavar="[STACK]...", help="dev, staging, prod, local; prod if none")
]


def judge(
    stacks: Stacks = None,
    write: Annotated[bool, typer.Option("--write", help="Write docs/judges.md too.")] = False,
) -> None:
    """Rehearses each STACK and has others' tools judge what it makes; fails on any check that fails without a reason."""
    wanted, began = stacks or ["prod"], time.monotonic()
    try:
        skips = read()
        judges = ensure_judges(_say)
        verdicts: dict[str, Sequence[Verdict]] = {
            REPOSITORY: [verdict(each, REPOSITORY, skips) for each in opinions_of_repository(judges, _say)]
        }
        for stack in wanted:
            said, folder = opinions(stack, judges, _say)
            verdicts[stack] = [verdict(opinion, stack, skips) for opinion in said]
            report.write_json(stack, verdicts[stack], folder / "judges.json")
    except (JudgeError, StackFileError, ToolchainError, ControlPlaneError, RehearsalError) as reason:
        errors.print(f"error: {reason}")
        raise typer.Exit(1) from None
    except (Interrupted, KeyboardInterrupt):
        errors.print("\nInterrupted. The same command begins again; `make clean` stops and removes what still runs.")
        raise typer.Exit(INTERRUPTED) from None
    if write:
        DOCUMENT.write_text(report.document(verdicts, skips))
    _close(verdicts, skips, time.monotonic() - began)


def _close(verdicts: dict[str, Sequence[Verdict]], skips: Sequence[Skip], seconds: float) -> None:
    """Prints the verdicts, then what to do about them; exits with 1 when anything is left to do."""
    for stack, opinions_of_it in verdicts.items():
        console.print()
        for line in (*report.table(stack, opinions_of_it), *report.failures(opinions_of_it)):
            console.print(line)
    useless = stale(skips, verdicts)
    for stack, skip in useless:
        console.print(
            f"  {skip.judge} {skip.check} is skipped for {', '.join(skip.resources)} in {stack}, where nothing needs it"
        )
    counts = report.total([each for opinions_of_it in verdicts.values() for each in opinions_of_it])
    console.print(
        f"\n{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped"
    )  # alone on its line: CI reads it
    judged = ", ".join(f"out/{stack}" for stack in verdicts if stack != REPOSITORY)
    console.print(f"Took {seconds:.0f} s. What was judged: the repository, {judged}")
    if counts["failed"] or useless:
        console.print(
            "What to do: correct what the program does, or say in judges/skips.yaml why it is right; take away what is skipped "
            "without need."
        )
        raise typer.Exit(1)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    typer.run(judge)
