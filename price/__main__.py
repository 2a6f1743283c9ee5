"""`python -m price dev staging prod`: what each stack costs in a month; fails when one costs more than its budget."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from price.estimate import EstimateError, difference, over_the_limit
from price.picture import svg
from price.report import as_json, as_markdown, from_json
from price.stack import AWS_STACKS, PICTURE, NoPriceError, estimate_of
from price.table import table
from price.terminal import show
from stacks.configuration import NoStackError
from stacks.settings import SettingsError


def main(
    stacks: Annotated[list[str], typer.Argument(help="Stacks on AWS, such as dev staging prod")],
    plan: Annotated[Path | None, typer.Option(help="A rehearsal's plan.json, for one stack")] = None,
    before: Annotated[Path | None, typer.Option(help="Folder with <stack>/cost.json of before the change")] = None,
    picture: Annotated[bool, typer.Option(help="Write docs/cost.svg from dev, staging and prod")] = False,
) -> None:
    """Shows what each stack costs in a month, and leaves cost.json and cost.md in out/<stack>/."""
    if plan and len(stacks) > 1:
        raise typer.BadParameter("--plan is one stack's; name that stack only")
    faults = []
    for stack in dict.fromkeys(stacks):
        try:
            found, limit = estimate_of(stack, plan)
        except (SettingsError, EstimateError, NoPriceError, NoStackError, FileNotFoundError) as error:
            faults.append(str(error))
            continue
        show(found, table(), limit, Console())
        out = Path("out") / stack
        out.mkdir(parents=True, exist_ok=True)
        earlier = before / stack / "cost.json" if before else None
        # A stack that was not there before is a change as a whole.
        was = from_json(earlier.read_text()) if earlier and earlier.exists() else replace(found, lines=())
        changes = difference(was, found) if before else None
        (out / "cost.json").write_text(as_json(found, table(), limit))
        (out / "cost.md").write_text(as_markdown(found, table(), limit, changes))
        faults.extend(filter(None, [over_the_limit(found, limit)]))
    if picture:
        PICTURE.write_text(svg([estimate_of(stack)[0] for stack in AWS_STACKS], table()))
    for fault in faults:
        typer.echo(fault, err=True)
    if faults:
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
