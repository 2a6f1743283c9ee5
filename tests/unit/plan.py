"""What the shipped stacks register (stacks/plan.py), as they are and with changes."""

import gc
import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

import stacks.plan
from stacks.plan import PROJECT, PROJECT_FOLDER, Cloud, Plan, RecordingMonitor, Registered, settings_of, stack_file
from stacks.settings import Settings

__all__ = [
    "AWS_STACKS", "PROJECT", "PROJECT_FOLDER", "STACKS", "Cloud", "Plan", "RecordingMonitor", "Registered", "plan_of",
    "plan_of_program", "planned", "planned_with", "settings_of", "settings_with", "stack_file",
]  # fmt: skip

AWS_STACKS = ("dev", "staging", "prod")
STACKS = (*AWS_STACKS, "local")

gc.set_threshold(20_000_000)  # objects: more than one process makes here. A plan leaves some 200 thousand, and 14 MiB


@contextmanager
def _quickly() -> Iterator[None]:
    """Without what takes half of a plan's time, and at which no test looks.

    That is the call stack that Pulumi's SDK notes beside each resource, and the collector, which reads again and again what lives
    until the plan is done.
    """
    sys.tracebacklimit = 1  # entry, of a stack in which the SDK looks for three
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        del sys.tracebacklimit


plan_of_program = _quickly()(stacks.plan.plan_of_program)

_PLANS: dict[tuple[str, str], Plan] = {}


def plan_of(stack: str, settings: Settings) -> Plan:
    """What these settings register; of equal ones the plan is made once, since nothing changes it."""
    key = stack, repr(settings)
    if key not in _PLANS:
        with _quickly():
            _PLANS[key] = stacks.plan.plan_of(stack, settings)
    return _PLANS[key]


def planned(stack: str) -> Plan:
    """What a shipped stack registers."""
    return planned_with(stack, {})


def planned_with(stack: str, changes: Mapping[str, Any]) -> Plan:
    """What a shipped stack registers with other settings: dotted path to value, `None` removes."""
    return _planned_with(stack, json.dumps(changes, sort_keys=True))


@cache
def _planned_with(stack: str, changes: str) -> Plan:
    return plan_of(stack, settings_with(stack, json.loads(changes)))


def settings_with(stack: str, changes: Mapping[str, Any]) -> Settings:
    """A shipped stack's settings with changes, as in `{"database.multi_az": True, "network.flow_logs": None}`."""
    config = stack_file(stack)
    for path, value in changes.items():
        section, *keys = path.split(".")
        within: dict[str, Any] = config
        for key in [f"{PROJECT}:{section}", *keys][:-1]:
            within = within.setdefault(key, {})
        last = keys[-1] if keys else f"{PROJECT}:{section}"
        if value is None:
            within.pop(last, None)
        else:
            within[last] = value
    return settings_of(stack, config)
