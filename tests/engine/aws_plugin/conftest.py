"""The plugin that plays AWS, as a process, and the folder of its rehearsal."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.aws_plugin.resources import CONFIGURATION
from tests.engine.plugin_client import Plugin


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Plugin, Path]]:
    """The plugin and its folder; one process serves all tests, for it keeps nothing but its configuration."""
    folder = tmp_path_factory.mktemp("rehearsal")
    with Plugin("aws", {"MARLINSPIKE_REHEARSAL": str(folder)}) as plugin:
        yield plugin, folder


@pytest.fixture
def rehearsal(running: tuple[Plugin, Path]) -> Path:
    """The folder of a rehearsal whose account is empty."""
    shutil.rmtree(running[1] / "cloud", ignore_errors=True)
    return running[1]


@pytest.fixture
def aws(running: tuple[Plugin, Path], rehearsal: Path) -> Plugin:  # noqa: ARG001 - it empties the account
    """The plugin, configured, on an empty account."""
    running[0].configure(**CONFIGURATION)
    return running[0]
