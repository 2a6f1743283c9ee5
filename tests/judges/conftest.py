"""The judges, from the cache or made now."""

import pytest

from judges.tools import Judges, ensure_judges


@pytest.fixture(scope="session")
def judges() -> Judges:
    return ensure_judges(print)
