"""What everybody may read, in the form that a client takes: packed by gzip or plain, or not at all where the client has it.

The load balancer packs nothing. Packed is only what comes through here: quotes, lists, what was found, the page and the API's
description. Whatever holds something of one user (sessions with their tokens, `/users`) or repeats what was sent (errors) never
is: the length of a packed answer tells who makes a browser ask again and again what stands beside his own words (BREACH).
"""

import asyncio
import gzip
import re
from collections.abc import Mapping
from functools import lru_cache

from fastapi import Request, Response

from app.entity_tags import names, tag_of

LEAST_BYTES = 1400
"""Less goes into one packet of Ethernet as it is, head included or nearly (MTU 1500)."""

LEVEL = 1
"""As nginx has it by default: of a list of 100 quotes (43 KB) it leaves 38 %, level 6 leaves 32 % after four times as long."""

BESIDE_BYTES = 128 * 1024
"""More is packed by a thread, as Starlette does: the longest list takes 20 ms, and other requests go on meanwhile."""

JSON_HEADERS = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
"""Kept by browsers and proxies, but asked for again each time, so that nobody sees old quotes after a change; the answer is then
a 304 without a body."""

_REFUSED = re.compile(r"q=0(\.0{0,3})?")


async def readable(
    request: Request,
    body: bytes,
    media_type: str = "application/json",
    headers: Mapping[str, str] = JSON_HEADERS,
    packed: bytes | None = None,
) -> Response:
    """These bytes, packed for who takes that (`packed` where that is done already); 304 without them when the client has them."""
    pack = len(body) >= LEAST_BYTES and takes_gzip(request.headers.get("accept-encoding", ""))
    tag = tag_of(body, packed=pack)
    told = {**headers, "ETag": tag, "Vary": "Accept-Encoding"}
    known = request.headers.get("if-none-match")
    if known is not None and names(known, tag):
        return Response(status_code=304, headers=told)
    if pack:
        told["Content-Encoding"] = "gzip"
        if packed is None:
            packed = await asyncio.to_thread(_packed, body) if len(body) > BESIDE_BYTES else _packed(body)
        body = packed
    return Response(body, 200, told, media_type)


def _packed(body: bytes) -> bytes:
    return gzip.compress(body, LEVEL, mtime=0)


@lru_cache(256)
def takes_gzip(accepted: str) -> bool:
    """Whether a header `Accept-Encoding` names gzip, or anything, and not with a weight of 0 (RFC 9110, 12.5.3)."""
    weights = {
        coding.strip().lower(): weight.strip().lower()
        for coding, _, weight in (part.partition(";") for part in accepted.split(","))
    }
    weight = weights.get("gzip", weights.get("x-gzip", weights.get("*")))
    return weight is not None and not _REFUSED.fullmatch(weight)
