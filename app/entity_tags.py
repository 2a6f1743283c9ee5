"""Entity tags and preconditions (RFC 9110, 8.8.3 and 13.1): what a client has is not sent again, nor overwritten unseen.

The tags are strong: hashes of the very bytes that are sent, or that these unpack to. `If-Match` compares strongly, so that a weak
tag would never let anybody change anything; and equal bytes have equal tags, whichever pod or cache they come from, without a
column for versions.
"""

import re
from hashlib import blake2b

from fastapi import HTTPException, Request

_TAG = re.compile(r'(W/)?"[\x21\x23-\x7e\x80-\xff]*"')


def tag_of(body: bytes, *, packed: bool = False) -> str:
    """The strong tag of these bytes, or of what gzip makes of them, which is another representation (RFC 9110, 8.8.3.3)."""
    return f'"{blake2b(body, digest_size=12).hexdigest()}{"-gzip" if packed else ""}"'


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
    # A weak tag never matches here. Who has read the version packed has read it.
    known = {found.group() for found in _TAG.finditer(given)}
    if given.strip() != "*" and known.isdisjoint((tag_of(current), tag_of(current, packed=True))):
        raise HTTPException(412, "It was changed since you read it: read it again, and decide anew.")
