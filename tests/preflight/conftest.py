"""Names moto's account, and has botocore read each service's description once: that is most of a test's time."""

import os
from collections.abc import Iterator
from functools import cache

import pytest

os.environ["MOTO_ACCOUNT_ID"] = "210987654321"  # moto reads it as it is imported


@pytest.fixture(autouse=True, scope="session")
def _descriptions_are_read_once() -> Iterator[None]:
    import botocore.session  # type: ignore[import-untyped]  # noqa: PLC0415 - after the account is named

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.session, "create_loader", cache(botocore.session.create_loader))
        yield
