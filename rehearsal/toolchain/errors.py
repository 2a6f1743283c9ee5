"""The one error of the toolchain: what could not be had, what was tried, and what to do about it."""

from collections.abc import Sequence


class ToolchainError(Exception):
    """A tool of the rehearsal can't be had on this machine.

    `failed` says what is missing and why, `to_do` what the reader can do, `tried` what was attempted, in order.
    `str()` of it is what a person is shown.
    """

    def __init__(self, failed: str, to_do: str, tried: Sequence[str] = ()) -> None:
        self.failed = failed
        self.to_do = to_do
        self.tried = tuple(tried)
        super().__init__(failed)

    def __str__(self) -> str:
        lines = [self.failed, *(f"  tried: {attempt}" for attempt in self.tried), f"What to do: {self.to_do}"]
        return "\n".join(lines)


class NotAvailable(Exception):  # noqa: N818 - no error yet: the next way may be open
    """One way of getting a tool is closed on this machine; the next one may be open. The message says why."""
