"""Makes a command of a function: the options that every command has, its errors as messages, its result as a document."""

import functools
import inspect
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from ops.cluster import reached
from ops.console import Report
from ops.errors import DeclinedError, OpsError
from ops.stack import Stack

FOLDER = Path(__file__).resolve().parents[1]
"""The Pulumi program whose stacks are operated."""

Result = Mapping[str, Any] | None

_OPTIONS: Mapping[str, Any] = {
    "stack": Annotated[
        str,
        typer.Option(
            "--stack", "-s", envvar="STACK", help="dev, staging, prod or local: one with a Pulumi.<stack>.yaml"
        ),
    ],
    "rehearsed": Annotated[
        bool,
        typer.Option(
            "--rehearsed", envvar="REHEARSED", help="The rehearsal of the stack on this machine, not the real one."
        ),
    ],
    "as_json": Annotated[bool, typer.Option("--json", help="One JSON document on standard output, for programs.")],
    "dry_run": Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")],
    "yes": Annotated[
        bool, typer.Option("--yes", help="Don't ask; where a stack is protected, --confirm is needed too.")
    ],
    "confirm": Annotated[
        str, typer.Option("--confirm", help="The stack's name, typed: agrees to a dangerous command on it.")
    ],
}
EXAMPLE = re.compile(r"`([^`]+)`")

_DEFAULTS: Mapping[str, object] = {
    "stack": inspect.Parameter.empty, "rehearsed": False, "as_json": False, "dry_run": False, "yes": False, "confirm": "",
}  # fmt: skip


@dataclass(frozen=True)
class Session:
    """What a command works with."""

    stack: Stack
    report: Report
    dry_run: bool = False
    yes: bool = False
    confirmed: str = ""
    """What was given with --confirm."""

    def confirm(self, deed: str) -> None:
        """Goes on when somebody agreed to `deed`, for example "delete 3 volumes"; asks when there is a terminal.

        A stack with `protection` wants its name typed, others a yes. Raises DeclinedError, with nothing touched.
        """
        name, protected = self.stack.name, self.stack.protected
        if self.confirmed == name or (self.yes and not protected):
            return
        if self.confirmed:
            raise DeclinedError(f"--confirm says {self.confirmed}, and the stack is {name}. Nothing was done.")
        wanted = name if protected else "yes"
        if not sys.stdin.isatty():
            option = f"--confirm {name}" if protected else "--yes"
            raise DeclinedError(
                f"This would {deed} on {name}, and nobody confirmed it. Say {option} to agree. Nothing was done."
            )
        if (
            typer.prompt(f"This will {deed} on {name}. Type {wanted!r} to go on", default="", show_default=False)
            != wanted
        ):
            raise DeclinedError("Nothing was done.")

    def would(self, deed: str) -> bool:
        """Whether this is a dry run, in which `deed` is only said."""
        if self.dry_run:
            self.report.say(f"would {deed}")
        return self.dry_run


def command(function: Callable[..., Result]) -> Callable[..., None]:
    """A Typer command of a function whose first parameter is a Session; what it returns is the JSON document."""
    own = list(inspect.signature(function).parameters.values())[1:]
    common = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=_DEFAULTS[name], annotation=annotation)
        for name, annotation in _OPTIONS.items()
    ]

    @functools.wraps(function)
    def run(**given: Any) -> None:
        chosen = {name: given.pop(name) for name in _OPTIONS}
        report = Report(as_json=chosen["as_json"])
        try:
            stack = Stack.named(FOLDER, chosen["stack"], rehearsed=chosen["rehearsed"], say=report.say)
            with stack, reached(stack.name):
                session = Session(stack, report, chosen["dry_run"], chosen["yes"], chosen["confirm"])
                result = function(session, **given)
        except OpsError as error:
            report.document({"error": str(error), **error.document})
            typer.echo(f"{function.__name__.replace('_', '-')}: {error}", err=True)
            raise typer.Exit(1) from None
        report.document(result or {})

    # Typer reads the options from here.
    run.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own] + common
    )
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in [*own, *common]}
    run.__doc__ = _help(inspect.cleandoc(function.__doc__ or ""))
    return run


def _help(text: str) -> str:
    """A docstring as --help shows it: of its last paragraph, "Examples: `one`, `two`", each on a line of its own."""
    told, _, examples = text.partition("Examples:")
    return "\n\n".join([told.rstrip(), *(["Examples:"] if examples else []), *EXAMPLE.findall(examples)])
