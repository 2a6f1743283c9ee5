"""Entity tags and preconditions (RFC 9110, 8.8.3 and 13.1): what a client has is not sent again, nor overwritten unseen.

The tags are strong: hashes of the very bytes that are sent. `If-Match` compares strongly, so that a weak tag would never let
anybody change anything; and equal bytes have equal tags, whichever pod or cache they come from, without a column for versions.
"""

import re
from hashlib import blake2b

from fastapi import HTTPException, Request, Response

_TAG = re.compile(r'(W/)?"[\x21\x23-\x7e\x80-\xff]*"')

REVALIDATE = "no-cache"
"""`Cache-Control` of what is read: kept by browsers and proxies, but asked for again each time, so that nobody sees old quotes
after a change; the answer is then a 304 without a body."""


def tag_of(body: bytes) -> str:
    """The strong tag of these bytes."""
    return f'"{blake2b(body, digest_size=12).hexdigest()}"'


def json_answer(request: Request, body: bytes) -> Response:
    """These bytes as JSON with their tag; 304 without them when the client has them."""
    tag = tag_of(body)
    headers = {"ETag": tag, "Cache-Control": REVALIDATE, "X-Content-Type-Options": "nosniff"}
    known = request.headers.get("if-none-match")
    if known is not None and names(known, tag):
        return Response(status_code=304, headers=headers)
    return Response(body, 200, headers, "application/json")


def names(header: str, tag: str) -> bool:
    """Whether a header `If-None-Match` names this tag, weakly compared."""
    return header.strip() == "*" or any(found.group().removeprefix("W/") == tag for found in _TAG.finditer(header))


def refuse_unless_current(request: Request, current: bytes, *, required: bool) -> None:
    """Raise 412 when `If-Match` names another version than the current bytes; 428 without the header if it is required."""
    given = ", ".join(request.headers.getlist("if-match"))
    if not given:
        if required:
            raise HTTPException(428, "Send the ETag of the version that you change in If-Match (or * for any).")
        return
    # A weak tag never matches here.
    if given.strip() != "*" and tag_of(current) not in (found.group() for found in _TAG.finditer(given)):
        raise HTTPException(412, "It was changed since you read it: read it again, and decide anew.")
