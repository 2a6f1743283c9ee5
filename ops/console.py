"""What a command shows: text and tables for people, or one JSON document for programs."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TextIO

from rich.console import Console
from rich.table import Column, Table

WIDE = 160
"""Columns of what is no terminal, such as a file: names stay whole there."""


class Report:
    """Where a command speaks. For programs (`as_json`) what people read goes to standard error: the output is one document."""

    def __init__(self, *, as_json: bool, out: TextIO | None = None, aside: TextIO | None = None) -> None:
        self.as_json = as_json
        self._out = out or sys.stdout
        file = (aside or sys.stderr) if as_json else self._out
        width = None if file.isatty() else WIDE
        self._people = Console(file=file, width=width, highlight=False, soft_wrap=True, markup=False)

    def say(self, line: str) -> None:
        """One line of progress or of result."""
        self._people.print(line)

    def table(self, title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Rows under a title; a line says so where there are none. Programs get the document instead."""
        if self.as_json:
            return
        table = Table(
            *(Column(name, overflow="fold") for name in columns),
            title=title,
            title_justify="left",
            title_style="bold",
            box=None,
            pad_edge=False,
        )
        count = 0
        for count, row in enumerate(rows, 1):  # noqa: B007 - counted
            table.add_row(*("" if cell is None else str(cell) for cell in row))
        if count:
            self._people.print(table)
        else:
            self.say(f"{title}: none")

    def document(self, content: Mapping[str, Any]) -> None:
        """The whole result, for programs; people have read it already."""
        if self.as_json:
            self._out.write(json.dumps(content, indent=2, sort_keys=True, default=str) + "\n")
