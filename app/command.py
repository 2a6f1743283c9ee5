"""What the commands of this package have in common: they read their settings, do one thing, and end with a status."""

import sys
from collections.abc import Callable
from typing import TypeVar

import structlog

from app import logs
from app.settings import Environment, SettingsError

Settings = TypeVar("Settings", bound=Environment)

log = structlog.get_logger()


def run(
    settings: type[Settings],
    work: Callable[[Settings], int | None],
    failed: str = "failed",
    errors: tuple[type[Exception], ...] = (),
    remedy: str | None = None,
) -> int:
    """The process' exit status: 0 done, or what `work` says; 2 wrong settings, told on standard error; 1 one of `errors`.

    That is logged as the event `failed`, with its reason and the `remedy`.
    """
    try:
        given = settings.load()
    except SettingsError as refused:
        print(refused, file=sys.stderr)
        return 2
    logs.configure(given.log_level)
    try:
        return work(given) or 0
    except errors as error:
        log.error(failed, reason=str(error).strip(), **({"remedy": remedy} if remedy else {}))
        return 1
