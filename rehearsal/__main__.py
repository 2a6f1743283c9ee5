"""The command line of the rehearsal; people call it through make.

python -m rehearsal up|preview|destroy|report STACK
python -m rehearsal setup
python -m rehearsal clean [--cache]
"""

import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated, NoReturn

import typer
import yaml
from rich.console import Console
from rich.table import Table

from rehearsal import drills, places, report, summary
from rehearsal.control_plane import ControlPlaneError
from rehearsal.control_plane.control_plane import left_running, stop
from rehearsal.drills import NoApplicationError
from rehearsal.engine import Interrupted
from rehearsal.real_node import left_running as nodes_left_running
from rehearsal.real_node import stop as stop_node
from rehearsal.remains import RunningError, alone, engine_locks, forget, wait_for_engine
from rehearsal.run import Rehearsal, RehearsalError, Result
from rehearsal.stack_file import StackFileError
from rehearsal.toolchain import ToolchainError, ensure
from rehearsal.toolchain.disk import is_full

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,  # they may hold what must not be shown
    help="Rehearses a stack on this machine, without a cloud account.",
)

StackName = Annotated[
    str, typer.Argument(metavar="STACK", help="dev, staging, prod or local: a stack that has a Pulumi.<stack>.yaml")
]
Drills = Annotated[
    bool, typer.Option("--drills", envvar="DRILLS", help="Do the drills too: load, and a lost zone (some minutes).")
]

PortBase = Annotated[
    int | None,
    typer.Option(
        envvar="MARLINSPIKE_PORT_BASE", help="First of the 8 ports of the control plane; free ones are found otherwise."
    ),
]

Node = Annotated[
    str | None,
    typer.Option(
        envvar="NODE",
        help="`real` for one node on which pods run (stack local; Linux and root), or `simulated`; else as it was.",
    ),
]

console = Console(highlight=False, soft_wrap=True, markup=False)
errors = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)


def _say(line: str) -> None:
    """One line of progress. The engine's colours pass through; nothing in it is read as Rich's own markup."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


@contextmanager
def _explained(again: str) -> Iterator[None]:
    """Turns every error that a user can meet into its message and an exit code.

    `again` is the command that continues after an interruption.
    """
    try:
        yield
    except (
        StackFileError,
        ToolchainError,
        ControlPlaneError,
        RehearsalError,
        RunningError,
        NoApplicationError,
    ) as reason:
        _fail(str(reason))
    except (Interrupted, KeyboardInterrupt):
        errors.print(
            f"\nInterrupted. `{again}` continues from here; the control plane, if it was up, still runs. "
            "`make clean` stops and removes everything."
        )
        raise typer.Exit(INTERRUPTED) from None
    except (json.JSONDecodeError, yaml.YAMLError, UnicodeDecodeError) as reason:
        _fail(
            f"a file of the rehearsal's own state is damaged, as a full disk or a power cut leaves it ({reason}). "
            f"`make clean` removes the state; then run `{again}` again."
        )
    except OSError as reason:
        _fail(
            f"{reason.strerror or reason}{f': {reason.filename}' if reason.filename else ''}. "
            f"Correct that and run `{again}` again."
        )


def _fail(message: str) -> NoReturn:
    errors.print("error: ", style="bold red", end="")
    errors.print(message)
    if "disk" not in message:
        _tell_full_disks()
    raise typer.Exit(1)


def _tell_full_disks() -> None:
    """Says which disk is full, if one is: programs that meet it seldom say so in plain words."""
    for folder in {places.states(), places.outputs(), places.cache(), Path(tempfile.gettempdir())}:
        if full := is_full(folder):
            errors.print(f"Probably because of this: {full}. Free some space and run the same command again.")


def _rehearsal(stack: str, port_base: int | None, node: str | None = None, *, stream: bool = False) -> Rehearsal:
    terminal = console if sys.stdout.isatty() else None
    return Rehearsal(stack, port_base=port_base, node=node or None, say=_say, stream=stream, terminal=terminal)


def _report_failure(command: str, stack: str, result: Result, out: "os.PathLike[str]") -> NoReturn:
    errors.print(f"\nThe {command} of {stack} failed:", style="bold red")
    for text in result.errors:
        errors.print(f"  {text}")
    _tell_full_disks()
    for line in summary.after_a_refusal(stack, result):
        errors.print(line)
    errors.print(
        f"The whole log: {out}/pulumi.log. What was made stays; correct the reason and run the same command again."
    )
    raise typer.Exit(1)


@app.command()
def up(stack: StackName, port_base: PortBase = None, node: Node = None, drill: Drills = False) -> None:
    """Starts the control plane and runs the real `pulumi up` of STACK against it and the simulated cloud."""
    with _explained(f"make rehearse STACK={stack}"):
        rehearsal = _rehearsal(stack, port_base, node)
        pricing = report.begin(stack, rehearsal.out)
        try:
            result = rehearsal.up()
            if not result.succeeded:
                _report_failure("rehearsal", stack, result, rehearsal.out)
            pricing.end()
        finally:
            pricing.stop()
        if drill:
            drills.run(rehearsal.kubeconfig, rehearsal.out, _say)
        file = report.write(rehearsal, result)
        console.print()
        if not sys.stdout.isatty():
            for line in summary.closing(stack, result, file):
                console.print(line)
            return
        for line in summary.told(stack, result):
            console.print(line)
        table = Table(title="What to do next", title_justify="left", show_header=False)
        for command, what in summary.next_steps(stack, result, file):
            table.add_row(command, what)
        console.print(table)


@app.command(name="report")
def write_report(
    stack: StackName,
    picture: Annotated[
        Path | None, typer.Option("--picture", help="Write the architecture alone, as SVG, to this file.")
    ] = None,
    screenshot: Annotated[
        Path | None, typer.Option("--screenshot", help="Write its pods and drills as PNG to this file (Chromium).")
    ] = None,
    drill: Drills = False,
) -> None:
    """Writes the report of STACK's rehearsal anew, from what is there now."""
    with _explained(f"make rehearse STACK={stack}"):
        rehearsal = _rehearsal(stack, None)
        if not rehearsal.state_file.exists():
            raise RehearsalError(
                f"There is no rehearsal of {stack} to report on. `make rehearse STACK={stack}` starts one and writes its report."
            )
        if drill:
            drills.run(rehearsal.kubeconfig, rehearsal.out, _say)
        file = report.write(rehearsal)
        console.print(f"the report: {file.as_uri()}")
        if picture:
            picture.write_text(report.architecture(report.gather(rehearsal)))
            console.print(f"the picture: {picture}")
        if screenshot:
            report.photograph(file, screenshot)
            console.print(f"the screenshot: {screenshot}")


@app.command()
def preview(
    stack: StackName,
    expect_no_changes: Annotated[
        bool, typer.Option("--expect-no-changes", help="Fail when anything would change.")
    ] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Show each changed property.")] = False,
    port_base: PortBase = None,
) -> None:
    """Shows what `up` would change."""
    with _explained(f"make preview STACK={stack}"):
        rehearsal = _rehearsal(stack, port_base, stream=diff and sys.stdout.isatty())
        flags = [flag for flag, wanted in {"--expect-no-changes": expect_no_changes, "--diff": diff}.items() if wanted]
        result = rehearsal.preview(None, None, *flags)
        if diff and not sys.stdout.isatty():
            _say(result.run.output)
        for line in summary.difference(result):
            console.print(line)
        if not result.succeeded:
            _report_failure("preview", stack, result, rehearsal.out)
        console.print(f"Took {sum(result.phases.values()):.1f} s. Next: make rehearse STACK={stack}")


@app.command()
def destroy(stack: StackName, port_base: PortBase = None) -> None:
    """Destroys STACK's rehearsal with the real `pulumi destroy`, stops its control plane and removes its state."""
    with _explained(f"make destroy STACK={stack}"):
        rehearsal = _rehearsal(stack, port_base)
        if not rehearsal.state_file.exists():
            rehearsal.remove()
            console.print(
                f"There is no rehearsal of {stack}: nothing to destroy. `make rehearse STACK={stack}` starts one."
            )
            return
        if rehearsal.damaged:
            rehearsal.remove()
            console.print(
                f"The state of the rehearsal of {stack} could not be read any more, as a full disk leaves it. It was forgotten "
                f"as a whole, and its control plane stopped; `make rehearse STACK={stack}` starts again."
            )
            return
        result = rehearsal.destroy()
        if not result.succeeded:
            _report_failure("destruction", stack, result, rehearsal.out)
        rehearsal.remove()
        counted = result.changes.get("delete", 0)
        console.print(
            f"The rehearsal of {stack} is gone: {counted} resources deleted in {sum(result.phases.values()):.0f} s, "
            f"control plane stopped. What it left for you stays in {rehearsal.out}; `make rehearse STACK={stack}` starts again."
        )


@app.command()
def setup() -> None:
    """Gets the tools only: the Pulumi engine, the control plane, the custom resource definitions."""
    with _explained("make setup"):
        began = time.monotonic()
        tools = ensure(_say)
        console.print(f"The tools are ready ({time.monotonic() - began:.1f} s):")
        for name, folder in {
            "engine": tools.engine,
            "control plane": tools.control_plane,
            "custom resource definitions": tools.custom_resource_definitions,
        }.items():
            console.print(f"  {name}: {folder}")
        console.print("Next: make rehearse STACK=prod")


@app.command()
def clean(
    cache: Annotated[
        bool, typer.Option("--cache", help="Remove the cached tools too; getting them again takes minutes.")
    ] = False,
) -> None:
    """Stops every control plane of this clone and removes all rehearsals and what they left."""
    with _explained("make clean"):
        with ExitStack() as held:
            left = {
                directory.parent
                for running in (left_running, nodes_left_running)
                for directory in running(places.states())
            }
            states = sorted({*places.states().glob("*/"), *left})
            for state in states:  # all of them before the first is touched: one may be at work
                held.enter_context(alone(state, state.name))
                for lock in engine_locks(state):
                    wait_for_engine(lock, _say)
            for state in states:
                if stop_node(state / "real-node"):
                    console.print(f"stopped the real node of {state.name}")
                if stop(state / "control-plane"):
                    console.print(f"stopped the control plane of {state.name}")
                forget(state)
        for folder in (places.states(), places.outputs(), *([places.cache()] if cache else [])):
            if folder.exists():
                forget(folder)
                console.print(f"removed {folder}")
        console.print("Clean. Next: make rehearse STACK=prod")


def _as_interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main() -> None:
    """Runs the command line; a termination or a closed terminal ends a rehearsal as orderly as Ctrl-C does."""
    handler: Callable[[int, FrameType | None], None] = _as_interrupt
    signal.signal(signal.SIGINT, handler)  # a shell that starts us in the background has it ignored
    signal.signal(signal.SIGTERM, handler)
    signal.signal(signal.SIGHUP, handler)
    app()


if __name__ == "__main__":
    main()
