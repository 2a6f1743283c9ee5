"""Every test begins without users, and with both stores running."""

from collections.abc import Iterator

import pytest

from tests.app.conftest import Place


@pytest.fixture
def user() -> None:
    """Nobody is logged in."""


@pytest.fixture(autouse=True)
def nobody(place: Place) -> Iterator[None]:
    if place.postgresql.server.process is None:
        place.postgresql.start()
    place.empty()
    yield
    if place.postgresql.server.process is None:
        place.postgresql.start()
    if place.cache.server.process is None:
        place.cache.start()
