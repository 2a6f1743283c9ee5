"""Rate limits per client, counted in Valkey or Redis for all pods together: GCRA, in one script, by the server's clock.

A client may spend its whole quota at once, and gets it back evenly over the window. While the store is away, limits are
open: a limit is there to keep the service answering, and refusing everybody would not. Only what hashes passwords then
has a bound in each pod, for all clients together. Headers: draft-ietf-httpapi-ratelimit-headers-10 (`q` requests in `w`
seconds; `r` are left, and in `t` seconds all are back), and `Retry-After`.
"""

import hashlib
import ipaddress
import math
import time
from dataclasses import dataclass
from functools import lru_cache
from typing import cast

from fastapi import HTTPException
from redis.exceptions import NoScriptError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.cache import Cache, CacheUnavailableError
from app.metrics import REQUESTS_REFUSED
from app.problems import problem
from app.settings import Settings

WINDOW_SECONDS = 60
FALLBACK = 6
"""While the store is away, a pod takes this many times one client's quota of logins from everybody together."""

_PROBES = ("/healthz", "/readyz")  # the kubelet's and the load balancer's
_SIGNING_IN = {("POST", "/users/login"), ("POST", "/users"), ("PUT", "/users/me/password")}
_READING = ("GET", "HEAD", "OPTIONS")
_IPV6_PREFIX = 64  # what one customer gets at least (RFC 6177)

# Whole microseconds: exact in Lua's numbers until the year 2255.
_GCRA = """
local time = redis.call('TIME')
local now, window = time[1] * 1000000 + time[2], ARGV[2] * 1000000
local each = math.floor(window / ARGV[1])
local kept = tonumber(redis.call('GET', KEYS[1]) or now)
if kept > now + window then
    kept = now -- the clock went back: nobody is to wait until it is where it was
end
local full = math.max(kept, now) + each
if full - now > window then
    return {0, 0, full - each - now, full - window - now}
end
redis.call('SET', KEYS[1], string.format('%.0f', full), 'PX', math.ceil((full - now) / 1000))
return {1, math.floor((window - (full - now)) / each), full - now, 0}
"""
_GCRA_HASH = hashlib.sha1(_GCRA.encode()).hexdigest()  # noqa: S324 - the name that the server gives a script


@dataclass(frozen=True, slots=True)
class Rule:
    """A quota in each `WINDOW_SECONDS`; 0 is none."""

    name: str
    quota: int


@dataclass(frozen=True, slots=True)
class Taken:
    """What one request did to its client's quota; times in seconds, rounded up."""

    rule: Rule
    allowed: bool
    remaining: int
    full_in: int
    retry_in: int

    @property
    def headers(self) -> dict[str, str]:
        """How the client learns of it."""
        told = {
            "RateLimit-Policy": f'"{self.rule.name}";q={self.rule.quota};w={WINDOW_SECONDS}',
            "RateLimit": f'"{self.rule.name}";r={self.remaining};t={self.full_in}',
        }
        return told if self.allowed else {**told, "Retry-After": str(self.retry_in)}


class RateLimits:
    """Counts requests. No method raises when the store is away."""

    def __init__(self, cache: Cache, settings: Settings) -> None:
        self._cache = cache
        self.reading = Rule("reading", settings.rate_limit_reading)
        self.writing = Rule("writing", settings.rate_limit_writing)
        self.signing_in = Rule("signing-in", settings.rate_limit_signing_in)
        self.account = Rule("account", settings.rate_limit_signing_in)
        self._fallback_full = 0.0

    async def take(self, rule: Rule, who: str) -> Taken | None:
        """Count one request of `who`; None where nothing limits it."""
        if not rule.quota:
            return None
        try:
            async with self._cache.commands() as redis:
                given = (1, f"{{limit}}:{rule.name}:{who}", rule.quota, WINDOW_SECONDS)
                try:
                    answer = await redis.evalsha(_GCRA_HASH, *given)
                except NoScriptError:  # the server is new, or was restarted
                    answer = await redis.eval(_GCRA, *given)
        except CacheUnavailableError:
            return self._without_store() if rule is self.signing_in else None
        allowed, remaining, full, retry = cast(list[int], answer)
        taken = Taken(rule, bool(allowed), remaining, math.ceil(full / 1e6), max(1, math.ceil(retry / 1e6)))
        if not taken.allowed:
            REQUESTS_REFUSED.labels(rule.name).inc()
        return taken

    def _without_store(self) -> Taken | None:
        now, each = time.monotonic(), WINDOW_SECONDS / (self.signing_in.quota * FALLBACK)
        full = max(self._fallback_full, now) + each
        if full - now <= WINDOW_SECONDS:
            self._fallback_full = full
            return None
        REQUESTS_REFUSED.labels(self.signing_in.name).inc()
        return Taken(self.signing_in, False, 0, WINDOW_SECONDS, math.ceil(each))


def refuse_beyond(taken: Taken | None) -> None:
    """Raise 429 for a request beyond its quota."""
    if taken is not None and not taken.allowed:
        raise HTTPException(429, _too_many(taken), taken.headers)


class RateLimit:
    """Pure ASGI middleware: answers 429 to a client beyond its quota, and tells every other what it has left."""

    def __init__(self, app: ASGIApp, limits: RateLimits, trusted_proxies: int) -> None:
        self._app = app
        self._limits = limits
        self._trusted_proxies = trusted_proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request, or refuse it."""
        if scope["type"] != "http" or scope["path"] in _PROBES:
            await self._app(scope, receive, send)
            return
        rule = self._rule(scope)
        taken = await self._limits.take(rule, client(scope, self._trusted_proxies)) if rule.quota else None
        if taken is None:
            await self._app(scope, receive, send)
            return
        if not taken.allowed:
            await problem(429, _too_many(taken), taken.headers)(scope, receive, send)
            return
        told = [(name.lower().encode(), value.encode()) for name, value in taken.headers.items()]

        async def telling(message: Message) -> None:
            if message["type"] == "http.response.start":
                # An answer that tells of a stricter limit (the account's) has the last word.
                kept = message.get("headers", ())
                message["headers"] = [*kept, *(() if any(name == b"ratelimit" for name, _ in kept) else told)]
            await send(message)

        await self._app(scope, receive, telling)

    def _rule(self, scope: Scope) -> Rule:
        if (scope["method"], scope["path"]) in _SIGNING_IN:
            return self._limits.signing_in
        return self._limits.reading if scope["method"] in _READING else self._limits.writing


def client(scope: Scope, trusted_proxies: int) -> str:
    """Whom a request is counted for: the address that the first of our proxies saw, an IPv6 network of it.

    Each proxy appends the address that it was called from to `X-Forwarded-For`; what stands left of ours, the client may
    have written itself.
    """
    seen = _network(scope["client"][0]) if scope.get("client") else None
    if trusted_proxies:
        chain = b",".join(value for name, value in scope["headers"] if name == b"x-forwarded-for").split(b",")
        if len(chain) >= trusted_proxies:
            seen = _network(chain[-trusted_proxies].decode("latin-1").strip()) or seen
    return seen or "unknown"


@lru_cache(1024)
def _network(text: str) -> str | None:
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped:
        return str(found.ipv4_mapped)
    return str(ipaddress.IPv6Network((found, _IPV6_PREFIX), strict=False))


def _too_many(taken: Taken) -> str:
    return f"More than {taken.rule.quota} requests in {WINDOW_SECONDS} s; come again in {taken.retry_in} s."
