"""What pages tell people to set exists."""

import re
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest
from pydantic import BaseModel

from stacks.settings import AccountStackSettings, AwsSettings, LocalSettings
from tests.unit.documents import DOCUMENTS, named

PAGES = [page for page in DOCUMENTS if page.parent.name != "decisions"]
"""Decisions also name settings that were refused."""

FILES = (AwsSettings, LocalSettings, AccountStackSettings)


def settings(page: Path) -> set[str]:
    """Every setting that a page names by its dotted path."""
    sections = "|".join({section for file in FILES for section in file.model_fields})
    return set(re.findall(rf"`((?:{sections})(?:\.(?!py`)[a-z_]+)+)`", page.read_text()))


def exists(path: str) -> bool:
    """Whether a stack file may have this key. Where settings are kept by name, as in `nodes`, any name will do."""
    return any(_exists_in(file, path) for file in FILES)


def _exists_in(within: Any, path: str) -> bool:
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


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_setting_that_a_page_names_exists(page: Path) -> None:
    assert [path for path in sorted(settings(page)) if not exists(path)] == []


def test_a_setting_that_is_not_there_is_found_out() -> None:
    assert exists("app.resources.memory_limit")
    assert exists("monitoring.objectives.latency_seconds")
    assert exists("nodes.anything.maximum")
    assert not exists("nodes.anything.most")
    assert not exists("app.resources.memory")
    assert not exists("monitoring.objective")
