"""The web page: three files of this package, served at fixed paths, asked for again each time and answered with a 304.

Not under hashed names, which a browser may keep for ever: while versions are being rolled, the page of one pod would ask
another pod for a script that it doesn't have.
"""

import gzip
from collections.abc import Awaitable, Callable
from pathlib import Path

from fastapi import APIRouter, Request, Response

from app.representations import readable

FOLDER = Path(__file__).parent / "static"

HEADERS = {
    "Cache-Control": "no-cache",
    # Everything comes from here, and nothing is written into the page as HTML.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

FILES = {
    "/": ("index.html", "text/html"),
    "/page.css": ("page.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}

router = APIRouter(include_in_schema=False)


def _serving(file: str, media_type: str) -> Callable[[Request], Awaitable[Response]]:
    plain = (FOLDER / file).read_bytes()
    packed = gzip.compress(plain, mtime=0)  # the same bytes in every pod

    async def answer(request: Request) -> Response:
        return await readable(request, plain, media_type, HEADERS, packed)

    return answer


for _path, (_file, _media_type) in FILES.items():
    router.add_api_route(_path, _serving(_file, _media_type), methods=["GET", "HEAD"])
