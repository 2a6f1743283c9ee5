"""The engine's commands for the stack of one rehearsal."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from rehearsal import engine
from rehearsal.engine import EngineRun
from rehearsal.result import RehearsalError
from rehearsal.say import Say

Environment = Mapping[str, str] | None
"""What is added to the engine's environment."""


@dataclass(frozen=True)
class EngineCommands:
    """Runs them on the stack `stack` of the program in the folder `program`; the whole output goes to `pulumi.log` in `out`.

    `executable` and `environment` are asked each time: the tools may still have to be made. `stream` passes the output of
    long commands on as it comes, a `terminal` shows how far they are.
    """

    stack: str
    program: Path
    config_file: Path
    """The copy of the stack file; what the engine leaves beside its log lies with it."""

    out: Path
    executable: Callable[[], Path]
    environment: Callable[[Environment], Mapping[str, str]]
    say: Say
    stream: bool
    terminal: Console | None

    def run(self, command: str, env: Environment, *arguments: str) -> EngineRun:
        """One of the long commands, with its output passed on and its events recorded."""
        log, events = self.out / "pulumi.log", self.config_file.with_name("events.jsonl")
        self.say(f"running pulumi {command}; whole log: {log}")
        colour = "always" if self.stream else "never"
        options = ["--non-interactive", "--color", colour, "--stack", self.stack, "--event-log", str(events)]
        return engine.run(
            [str(self.executable()), command, *options, "--config-file", str(self.config_file), *arguments],
            self.environment(env),
            self.program,
            log=log,
            event_log=events,
            say=self.say,
            stream=self.stream,
            verb=command,
            terminal=self.terminal,
        )

    def ask(self, env: Environment, *arguments: str, folder: Path) -> str:
        """What one of the short commands prints, run in the project `folder`.

        Raises RehearsalError with the engine's words when it fails.
        """
        run = engine.run(
            [str(self.executable()), *arguments, "--non-interactive", "--color", "never"],
            self.environment(env),
            folder,
            log=self.out / "pulumi.log",
            event_log=self.config_file.with_name("no-events"),
            say=self.say,
            stream=False,
            verb=arguments[0],
        )
        if not run.succeeded:
            raise RehearsalError(f"`pulumi {' '.join(arguments[:2])}` failed:\n" + "\n".join(run.errors))
        return run.output
