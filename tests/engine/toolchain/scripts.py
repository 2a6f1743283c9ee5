"""Programs that a test writes itself, and progress that nobody reads."""

from pathlib import Path


def silent(_line: str) -> None:
    """Takes progress and forgets it."""


def script(file: Path, text: str) -> Path:
    """An executable shell script."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)
    return file
