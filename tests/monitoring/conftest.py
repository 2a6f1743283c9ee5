"""The real application with its database and its cache, as tests/app has them."""

from tests.app.conftest import cache, place, postgresql, start, temporary_folder, user

__all__ = ["cache", "place", "postgresql", "start", "temporary_folder", "user"]
