"""A browser for pages that the platform makes."""

import contextlib
import os
from collections.abc import Iterator

from playwright.sync_api import Browser, sync_playwright

from tests.app.programs import browser_binary


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """Chromium or Chrome without a window; ended at the end."""
    # Chromium's own sandbox doesn't work as root.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=browser_binary(), args=arguments)
        yield started
        started.close()
