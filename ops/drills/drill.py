"""The course of every drill: refuse, confirm, break, measure, restore, write down."""

import signal
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urljoin

import httpx

from ops import budgets
from ops.cluster import reached
from ops.command import Session
from ops.drills.follower import PAUSE_SECONDS, Follower
from ops.drills.report import Outcome, write
from ops.drills.visits import Visits
from ops.errors import OpsError
from ops.readiness import look
from ops.stack import Stack

RESTORE_SECONDS = 60
"""For which restoring is tried again."""


class Drill(ABC):
    """One thing that a game day breaks."""

    kind: str
    """Of the command and the report: pod, node, zone, database, cache."""
    deed: str
    """What is done, for the question and the report."""
    evicts = True
    """Whether pods go, so that no disruption budget may stand against it."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack

    @abstractmethod
    def faults(self) -> list[str]:
        """Why it can't be done now; looked at before anything is touched."""

    @abstractmethod
    def strike(self, patience: float) -> Collection[str]:
        """Breaks it; returns the uids of the pods that are lost. Raises OpsError where it fails, or after `patience` s."""

    def missing(self) -> list[str]:
        """What of it is not back yet, beside pods and Services."""
        return []

    def restore(self) -> None:  # noqa: B027 - most leave nothing to give back
        """Gives back what `strike` changed; called whatever happens, once or several times."""


def run(session: Session, drill: Drill, url: str, patience: float) -> dict[str, Any]:
    """Does a drill; returns its report. Without a `url` the stack's own is asked.

    Raises OpsError: before anything is touched, or after the report with what was missed.
    """
    stack, say = session.stack, session.report.say
    url = url or _own_url(stack)
    first = look(stack)
    faults = [f"not well before: {each}" for each in first.short]
    faults += [] if first.wanted else [f"nothing runs in namespace {stack.namespace}"]
    faults += budgets.blocking(stack) if drill.evicts else []
    faults += drill.faults()
    if faults:
        raise OpsError("no drill now:\n" + "\n".join(f"- {each}" for each in faults))
    if session.would(drill.deed):
        return {"drill": drill.kind, "deed": drill.deed}
    session.confirm(drill.deed)
    say(f"{drill.deed}; looking every {PAUSE_SECONDS} s until all {first.wanted} pods are ready")
    if not url:
        say("no URL answers here: pods and Services are followed, lost requests are not counted (--url names one)")
    outcome = Outcome(stack, drill.kind, drill.deed, url)
    with Visits(url) as visits:
        try:
            with signals(_interrupt, signal.SIGTERM), Follower(stack, first) as follower, reached(stack.name):
                _strike_and_wait(drill, outcome, follower, visits, patience)
        except OpsError as error:
            outcome.failure = str(error)
        except KeyboardInterrupt:
            outcome.failure = "interrupted"
            raise
        finally:
            _restore(drill, say)
            if outcome.failure == "interrupted":
                write(outcome, {})
    if outcome.recovery_seconds is not None:
        last = visits.lost_after(outcome.struck_at)
        outcome.recovery_seconds = max(outcome.recovery_seconds, (last or 0) - outcome.struck_at)
    document, file = write(outcome, visits.figures())
    say(f"written to {file}")
    session.report.table(f"Drill {drill.kind} of {stack.name}", ["what", "measured"], document["measured"].items())
    if document["verdict"] != "met":
        raise OpsError(f"{document['verdict']}; the report is {file}")
    return document


def _own_url(stack: Stack) -> str:
    """Of the stack; empty in a rehearsal, whose address nobody serves."""
    own = "" if stack.rehearsed else str(stack.outputs.get("url", "")).rstrip("/")
    return f"{own}/quotes" if own else ""


def _strike_and_wait(drill: Drill, outcome: Outcome, follower: Follower, visits: Visits, patience: float) -> None:
    began, first_visit = time.monotonic(), visits.now()
    lost = drill.strike(patience)
    outcome.lost_pods = len(lost)
    outcome.seconds_to_strike = time.monotonic() - began
    while True:
        seen = follower.latest
        missing = [f"the API does not answer: {follower.unreachable}"] if seen is None else list(seen.short)
        missing += drill.missing() + _unhealthy(visits.url)
        if seen is not None and seen.well_without(lost) and not missing:
            break
        if time.monotonic() - began > patience:
            raise OpsError(
                f"not back after {patience:.0f} s: {', '.join(missing) or 'the lost pods are still counted'}"
            )
        time.sleep(PAUSE_SECONDS)
    outcome.recovery_seconds = time.monotonic() - began
    outcome.least_ready, outcome.wanted = follower.least_ready, seen.wanted
    outcome.struck_at = first_visit
    if visits.url:  # what users notice a moment later belongs to it
        time.sleep(2)


def _restore(drill: Drill, say: Callable[[str], None]) -> None:
    """Tries for a minute, deaf to signals: a moment without the API must leave no node closed. Raises OpsError."""
    deadline = time.monotonic() + RESTORE_SECONDS
    with signals(signal.SIG_IGN, signal.SIGINT, signal.SIGTERM):
        while True:
            try:
                with reached(drill.stack.name):
                    drill.restore()
            except OpsError as error:
                if time.monotonic() > deadline:
                    raise OpsError(
                        f"{error}\nNOT restored: {drill.deed}. Open its nodes yourself: kubectl uncordon"
                    ) from None
                say(f"restoring: {error}")
                time.sleep(2)
            else:
                say("what the drill changed is restored")
                return


def _unhealthy(url: str) -> list[str]:
    """What the application says of what it depends on, where it can be asked."""
    if not url:
        return []
    health = urljoin(url, "/health")
    try:
        said = str(httpx.get(health, timeout=10).json()["status"])
    except (httpx.HTTPError, ValueError, TypeError, KeyError) as error:
        return [f"{health}: {type(error).__name__}"]
    return [] if said == "ok" else [f"{health}: {said}"]


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


@contextmanager
def signals(handler: Any, *numbers: signal.Signals) -> Iterator[None]:
    """Within it these signals have another handler. Only the main thread can hear any."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, its in before.items():
            signal.signal(number, its)
