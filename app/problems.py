"""Errors as problem details (RFC 9457): what is wrong, never what was sent."""

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from app.cache import CacheUnavailableError
from app.database import DatabaseUnavailableError

MEDIA_TYPE = "application/problem+json"
MOST_FAULTS = 20

TITLES = {
    400: "Bad request",
    401: "Not logged in",
    403: "Forbidden",
    404: "Not found",
    405: "Method not allowed",
    408: "Too slow",
    409: "Conflict",
    412: "Precondition failed",
    413: "Too large",
    422: "Invalid request",
    428: "Precondition required",
    429: "Too many requests",
    500: "Internal error",
    503: "Temporarily unavailable",
}


def problem(status: int, detail: str, headers: dict[str, str] | None = None, **more: object) -> Response:
    """A response with a problem document; `more` becomes further members of it."""
    document = {
        "type": "about:blank",
        "title": TITLES.get(status, "Error"),
        "status": status,
        "detail": detail,
        **more,
    }
    # A 404 may be kept by caches that are told nothing (RFC 9111), and what isn't there may be added.
    return Response(orjson.dumps(document), status, {"Cache-Control": "no-store", **(headers or {})}, MEDIA_TYPE)


def install(application: FastAPI) -> None:
    """Let `application` answer every error as a problem."""
    application.exception_handler(HTTPException)(_refused)
    application.exception_handler(RequestValidationError)(_invalid)
    application.exception_handler(DatabaseUnavailableError)(_unavailable)
    application.exception_handler(CacheUnavailableError)(_no_sessions)
    application.exception_handler(Exception)(_unexpected)


async def _refused(_: Request, error: HTTPException) -> Response:
    return problem(error.status_code, str(error.detail), dict(error.headers or {}))


async def _invalid(_: Request, error: RequestValidationError) -> Response:
    first = error.errors()[:MOST_FAULTS]
    faults = [{"where": _place(fault["loc"]), "what": _printable(fault["msg"])} for fault in first]
    return problem(422, "The request has invalid parts; see faults.", faults=faults)


async def _unavailable(request: Request, _: Exception) -> Response:
    detail = "The database does not answer; try again shortly."
    if request.method not in ("GET", "HEAD"):
        detail += " Whether the change was made is unknown: look before you repeat it."
    return problem(503, detail, {"Retry-After": "2"})


async def _no_sessions(_: Request, __: Exception) -> Response:
    return problem(503, "Sessions can't be looked up now; try again shortly.", {"Retry-After": "2"})


async def _unexpected(request: Request, _: Exception) -> Response:
    # The traceback is uvicorn's to log; the id ties this answer to its line. uvicorn then closes the connection, and a load
    # balancer that is not told sends its next request into it (RFC 9112, section 9.6).
    request_id = getattr(request.state, "request_id", "")
    return problem(500, "An unexpected error; it has been logged.", {"Connection": "close"}, request_id=request_id)


def _place(location: tuple[int | str, ...]) -> str:
    # A client may choose names of members: keep them short.
    return ".".join(_printable(str(part))[:64] for part in location[:8])


def _printable(text: str) -> str:
    # Lone surrogates are legal in JSON text and in Python, but not in UTF-8.
    return text.encode("utf-8", "replace").decode()[:300]
