"""A part of the report as a picture for README, by a real browser without a window."""

import os
import shutil
from pathlib import Path

from rehearsal.result import RehearsalError

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
WIDTH, HEIGHT = 1180, 1150
"""Of the window in CSS pixels."""

SHOWN = "pods"
"""The section at the top of it; README shows the picture of the architecture beside it, so this is what comes to life."""


def photograph(page: Path, file: Path) -> None:
    """Writes pods and drills as PNG, as a person sees them. Raises RehearsalError without a browser."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - takes half a second, and only this needs it

    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        raise RehearsalError(
            f"No browser for the screenshot: install one of {', '.join(BROWSERS)}, such as Debian's package chromium."
        )
    # Chromium's own sandbox doesn't work as root.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=arguments)
        try:
            opened = browser.new_page(
                viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light", reduced_motion="reduce"
            )
            opened.goto(f"{page.as_uri()}#{SHOWN}")
            opened.screenshot(path=file)
        finally:
            browser.close()
