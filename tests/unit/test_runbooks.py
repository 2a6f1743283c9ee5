"""What runbooks tell people to type and to set exists."""

import re
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest
from pydantic import BaseModel

from stacks.settings import AwsSettings
from tests.unit.plan import PROJECT_FOLDER

RUNBOOKS = sorted((PROJECT_FOLDER / "docs" / "runbooks").glob("*.md"))

VERBS = {"get", "describe", "logs", "top", "delete", "drain", "cordon", "uncordon", "rollout"}
"""kubectl's, as far as they are for people on call."""

ROLLOUTS = {"history", "status"}
"""What changes something is a command of `ops`."""


def commands(page: Path) -> list[list[str]]:
    """The words of every kubectl command of a page."""
    found = re.findall(r"`(kubectl [^`]+)`", page.read_text())
    return [command.split("|")[0].split() for command in found]


def settings(page: Path) -> set[str]:
    """Every setting that a page names by its dotted path."""
    sections = "|".join(AwsSettings.model_fields)
    return set(re.findall(rf"`((?:{sections})(?:\.[a-z_]+)+)`", page.read_text()))


def exists(path: str) -> bool:
    """Whether a stack file may have this key. Where settings are kept by name, as in `nodes`, any name will do."""
    within: Any = AwsSettings
    for key in path.split("."):
        if isinstance(within, type) and issubclass(within, BaseModel):
            if key not in within.model_fields:
                return False
            within = _settings_of(within.model_fields[key].annotation)
        elif get_origin(within) is dict:
            within = _settings_of(get_args(within)[1])
        else:
            return False
    return True


def _settings_of(annotation: Any) -> Any:
    """The settings, or the settings by name, within `X | None` and `Annotated[X, ...]`; none in a plain value."""
    if get_origin(annotation) is dict or (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
        return annotation
    return next((found for each in get_args(annotation) if (found := _settings_of(each)) is not None), None)


@pytest.mark.parametrize("page", RUNBOOKS, ids=lambda page: page.stem)
def test_every_command_is_one_of_kubectl_s(page: Path) -> None:
    for command in commands(page):
        words = [word for word in command[1:] if not word.startswith("-")]
        if command[1] == "--namespace":
            words = words[1:]
        assert words[0] in VERBS, command
        assert words[0] != "rollout" or words[1] in ROLLOUTS, command


@pytest.mark.parametrize("page", RUNBOOKS, ids=lambda page: page.stem)
def test_every_setting_that_a_page_names_exists(page: Path) -> None:
    assert [path for path in sorted(settings(page)) if not exists(path)] == []


def test_a_setting_that_is_not_there_is_found_out() -> None:
    assert exists("app.resources.memory_limit")
    assert exists("monitoring.objectives.latency_seconds")
    assert exists("nodes.anything.maximum")
    assert not exists("nodes.anything.most")
    assert not exists("app.resources.memory")
    assert not exists("monitoring.objective")
