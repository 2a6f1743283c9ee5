"""`make preflight STACK=dev`: looks at the account before the first `pulumi up`. Changes nothing; status 1 on a fault."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from preflight.findings import as_json, faults, show
from preflight.run import preflight
from stacks.configuration import NoStackError

FOLDER = Path(__file__).resolve().parents[1]

app = typer.Typer(add_completion=False)


@app.command()
def main(
    stack: str,
    json: Annotated[bool, typer.Option("--json", help="For programs instead of people.")] = False,
) -> None:
    """Look whether the account has what STACK needs; change nothing."""
    try:
        found = preflight(FOLDER, stack)
    except NoStackError as error:
        Console(stderr=True).print(str(error), markup=False)
        raise typer.Exit(1) from None
    if json:
        sys.stdout.write(as_json(stack, found) + "\n")
    else:
        show(stack, found, Console())
    raise typer.Exit(1 if faults(found) else 0)


if __name__ == "__main__":
    app()
