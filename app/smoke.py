"""`python -m app.smoke`: whether the version at CHECK_URL works, asked as a client would, before it gets any client's requests.

One line of JSON for each question; status 0 when every answer is right, 1 when one is not, 2 without a usable CHECK_URL.
It reads and never writes, and takes a handful of one client's quota.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import SplitResult, urlsplit

import structlog

from app import NAME, __version__, logs

PATIENCE_SECONDS = 10.0
"""For the first connection: network policies are programmed a second or two after a pod's start."""

ANSWER_SECONDS = 10.0
MOST_BYTES = 1024 * 1024

Right = Callable[[dict[str, Any]], bool]

log = structlog.get_logger()


def _works(answer: dict[str, Any]) -> bool:
    return answer.get("status") == "ok"


def _is_page(answer: dict[str, Any]) -> bool:
    return isinstance(answer.get("items"), list) and "next" in answer


def _is_this_version(answer: dict[str, Any]) -> bool:
    return answer == {"name": NAME, "version": __version__}


QUESTIONS: dict[str, Right] = {
    "/healthz": _works,
    "/readyz": _works,
    "/version": _is_this_version,
    "/health": _works,
    "/quotes/health": _works,
    "/users/health": _works,
    "/search/health": _works,
    "/quotes?limit=1": _is_page,
    "/search?q=life&limit=1": _is_page,
}
"""What is asked, in this order, and what a right answer is beside its status 200."""


class WrongAnswerError(Exception):
    """The answer is not what this version gives; the message says how it differs."""


def main(patience_seconds: float = PATIENCE_SECONDS) -> int:
    """Ask everything; returns the process' exit status."""
    logs.configure("info")
    given = os.environ.get("CHECK_URL", "")
    try:
        place = urlsplit(given)
        usable = place.scheme in ("http", "https") and bool(place.hostname) and place.port != 0
    except ValueError:
        usable = False
    if not usable:
        log.error("check_url_unusable", remedy="set CHECK_URL to the version's address: http://app-1a2b3c4d")
        return 2
    until = time.monotonic() + patience_seconds
    results = []
    for path, right in QUESTIONS.items():
        results.append(_asked(place, path, right, until))
        until = 0.0
    failed = results.count(False)
    (log.error if failed else log.info)("smoke", host=place.hostname, asked=len(results), failed=failed)
    return 1 if failed else 0


def _asked(place: SplitResult, path: str, right: Right, until: float) -> bool:
    """Whether the answer is right; writes its line. While nothing answers, it is asked again `until` then."""
    while True:
        began = time.monotonic()
        try:
            _ask(place, path, right)
        except (OSError, HTTPException, UnicodeError, WrongAnswerError) as error:
            if isinstance(error, OSError) and time.monotonic() < until:
                time.sleep(0.5)
                continue
            log.error("asked", path=path, right=False, reason=str(error) or type(error).__name__)
            return False
        log.info("asked", path=path, right=True, milliseconds=round((time.monotonic() - began) * 1000, 1))
        return True


def _ask(place: SplitResult, path: str, right: Right) -> None:
    kind = HTTPSConnection if place.scheme == "https" else HTTPConnection
    connection = kind(place.hostname or "", place.port, timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", place.path.rstrip("/") + path, headers={"Accept": "application/json"})
        answer = connection.getresponse()
        body = answer.read(MOST_BYTES)
    finally:
        connection.close()
    if answer.status != HTTPStatus.OK:
        raise WrongAnswerError(f"status {answer.status}, 200 was expected")
    try:
        document = json.loads(body)
    except ValueError:
        raise WrongAnswerError("no JSON") from None
    if not isinstance(document, dict) or not right(document):
        raise WrongAnswerError("JSON of another form, or of another version")


if __name__ == "__main__":
    sys.exit(main())
