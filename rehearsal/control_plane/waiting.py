"""Waiting for programs that have just been started, as long as they run."""

import time
from collections.abc import Callable

from rehearsal.control_plane.api import ApiError
from rehearsal.control_plane.errors import ControlPlaneError
from rehearsal.control_plane.processes import Processes


def wait(
    what: str,
    holds: Callable[[], bool],
    seconds: float,
    processes: Processes,
    *programs: str,
    refusal: type[ControlPlaneError] = ControlPlaneError,
) -> None:
    """Waits until `holds`, as long as `programs` run; an API server that is not ready to answer is asked again.

    Raises `refusal` with the last words of the program that ended, or of the last one, which did not do `what`, when the
    time is up.
    """
    deadline = time.monotonic() + seconds
    answer = ""
    while True:
        try:
            if holds():
                return
        except ApiError as error:
            if not error.passing:
                raise
            answer = f" (the last answer: {error})"
        for name in programs:
            if processes.find(name) is None:
                raise refusal(processes.ended(name))
        if time.monotonic() > deadline:
            name = programs[-1]
            raise refusal(
                f"{name} did not {what} within {seconds:.0f} s{answer}; is the machine very busy? "
                f"{processes.last_lines(name)}"
            )
        time.sleep(0.1)
