"""The API's description (OpenAPI): beside each route's own answers, the refusals that it gives, as they are really sent."""

from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel, Field

from app.problems import MEDIA_TYPE, TITLES
from app.representations import readable

LOGIN = "/users/login"

EXAMPLES = {
    400: "There was an error parsing the body",
    401: "Log in first: POST /sessions.",
    403: "Only who added a quote may change or delete it.",
    404: "There is no quote 42.",
    408: "A body may take 10 s.",
    409: "It is taken already.",
    412: "It was changed since you read it: read it again, and decide anew.",
    413: "A body may have 65536 bytes.",
    422: "The request has invalid parts; see faults.",
    428: "Send the ETag of the version that you change in If-Match (or * for any).",
    429: "Too many requests; wait.",
    500: "An unexpected error; it has been logged.",
    503: "The database does not answer; try again shortly.",
}

ANY_BODY = ("400", "408", "413")
"""What any route that takes a body may answer: no UTF-8, too slow, too large."""

HEADERS = {
    304: {"ETag": "Of what the client has already."},
    401: {"WWW-Authenticate": "How to log in."},
    429: {"Retry-After": "Seconds to wait."},
    503: {"Retry-After": "Seconds to wait."},
}


class Fault(BaseModel):
    """One part of a request that can't be taken."""

    where: str = Field(examples=["query.limit"])
    what: str = Field(examples=["Input should be less than or equal to 100"])


class Problem(BaseModel):
    """Problem details (RFC 9457)."""

    type: str = Field(examples=["about:blank"])
    title: str
    status: int
    detail: str
    faults: list[Fault] | None = Field(None, description="With 422: every fault that was found.")
    request_id: str | None = Field(None, description="With 500: what the log calls this request.")


IF_NONE_MATCH: dict[str, Any] = {
    "parameters": [
        {
            "name": "If-None-Match",
            "in": "header",
            "required": False,
            "description": "ETag of what the client has: 304 if it is still that.",
            "schema": {"type": "string"},
        }
    ]
}
"""What a route that is read adds to its description (`openapi_extra`); app.representations reads it, at no cost for a request."""

IF_MATCH: dict[str, Any] = {
    "parameters": [
        {
            "name": "If-Match",
            "in": "header",
            "required": False,
            "description": "ETag of the version that is meant, or * for any: 412 if there is another one by now.",
            "schema": {"type": "string"},
        }
    ]
}

SECURITY = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "The token of a login with `bearer`."},
    "cookie": {"type": "apiKey", "in": "cookie", "name": "__Host-session", "description": "Set by a login."},
}


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What a route declares as `responses`: these refusals, or 304, each with an example."""
    return {status: _answer(status) for status in statuses}


def _answer(status: int) -> dict[str, Any]:
    headers = {
        name: {"description": what, "schema": {"type": "string"}} for name, what in HEADERS.get(status, {}).items()
    }
    if status == 304:
        return {"description": "Not modified: the client has it already (If-None-Match).", "headers": headers}
    example: dict[str, Any] = {
        "type": "about:blank",
        "title": TITLES[status],
        "status": status,
        "detail": EXAMPLES[status],
    }
    if status == 422:
        example["faults"] = [{"where": "query.limit", "what": "Input should be less than or equal to 100"}]
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example}}
    return {"description": TITLES[status], "headers": headers, "content": content}


def _complete(operation: dict[str, Any]) -> None:
    """Give the refusals that a route only names, and those that any may answer, the form that they are sent in."""
    responses = operation["responses"]
    for status in ("500", *(ANY_BODY if "requestBody" in operation else ())):
        responses.setdefault(status, {})
    for status, declared in responses.items():
        ours = "application/json" in declared.get("content", {}) and status != "422"
        if int(status) >= 400 and not ours:
            responses[status] = {**_answer(int(status)), **{k: v for k, v in declared.items() if k == "description"}}


def install(application: FastAPI) -> None:
    """Serve `/openapi.json`, with what FastAPI doesn't find by itself: the problem's schema, and what any route may answer."""

    async def answer(request: Request) -> Response:
        return await readable(request, orjson.dumps(application.openapi()))

    def description() -> dict[str, Any]:
        if application.openapi_schema is None:
            made = get_openapi(
                title=application.title,
                version=application.version,
                description="Quotes: read, searched, added. Errors are problem documents (RFC 9457).",
                routes=application.routes,
            )
            schemas = made.setdefault("components", {}).setdefault("schemas", {})
            reference = "#/components/schemas/{model}"
            inner = Problem.model_json_schema(ref_template=reference)
            schemas.update(inner.pop("$defs"), Problem=inner)
            for unused in ("HTTPValidationError", "ValidationError"):
                schemas.pop(unused, None)
            made["components"]["securitySchemes"] = SECURITY
            for path, operations in made["paths"].items():
                for operation in operations.values():
                    if "401" in operation["responses"] and path != LOGIN:
                        operation["security"] = [{name: []} for name in SECURITY]
                    _complete(operation)
            application.openapi_schema = made
        return application.openapi_schema

    application.openapi = description  # type: ignore[method-assign]
    application.add_api_route("/openapi.json", answer, methods=["GET", "HEAD"], include_in_schema=False)
