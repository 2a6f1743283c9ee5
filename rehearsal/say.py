"""How everything in a rehearsal tells a person how far it is."""

from collections.abc import Callable

Say = Callable[[str], None]
"""Takes one line of progress."""
