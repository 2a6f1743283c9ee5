"""What each kind of ingress controller can be asked for at an Ingress, and how. ingress-nginx is retired, and not among them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Controller = Literal["traefik", "nginx", "haproxy", "contour", "other"]
"""Traefik, F5's NGINX Ingress Controller, HAProxy Technologies' Kubernetes Ingress Controller, Contour."""

CAN: Mapping[Controller, frozenset[str]] = {
    "traefik": frozenset({"redirect_to_https", "security_headers", "requests_per_minute", "body_kibibytes"}),
    # Of headers, annotations set Strict-Transport-Security alone; others need snippets, which it refuses by default.
    "nginx": frozenset({"redirect_to_https", "requests_per_minute", "body_kibibytes"}),
    "haproxy": frozenset({"redirect_to_https", "security_headers", "requests_per_minute"}),
    # The rest needs its own HTTPProxy in place of an Ingress.
    "contour": frozenset({"redirect_to_https"}),
    "other": frozenset(),
}
"""After each project's reference of annotations, and Traefik's of middlewares."""


@dataclass(frozen=True)
class Wishes:
    """What an entry shall do beyond leading requests to pods."""

    redirect_to_https: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    requests_per_minute: int | None = None
    body_kibibytes: int | None = None

    @property
    def keys(self) -> list[str]:
        """Names of the settings that ask for something."""
        asked = {
            "redirect_to_https": self.redirect_to_https,
            "security_headers": self.headers,
            "requests_per_minute": self.requests_per_minute,
            "body_kibibytes": self.body_kibibytes,
        }
        return [key for key, value in asked.items() if value]

    @property
    def burst(self) -> int:
        """Requests that may come at once: those of ten seconds."""
        return max(1, (self.requests_per_minute or 0) // 6)


def refusal(controller: Controller, wishes: Wishes) -> str:
    """What is wrong with asking this controller for all of that; empty when it can."""
    cannot = [key for key in wishes.keys if key not in CAN[controller]]
    if not cannot:
        return ""
    off = {"redirect_to_https": "false", "security_headers": "false"}
    remedy = " and ".join(f"{key} to {off[key]}" if key in off else f"no {key}" for key in cannot)
    able = [each for each, can in CAN.items() if can >= {*cannot}]
    return (
        f"{', '.join(cannot)}: controller {controller} cannot be asked for it at an Ingress; set {remedy}, or run one that can "
        f"({', '.join(able) or 'none'})"
    )


def annotations(controller: Controller, wishes: Wishes) -> dict[str, str]:
    """Of the Ingress, for every controller but Traefik, which has objects of its own."""
    found: dict[str, str] = {}
    if controller == "nginx":
        found["nginx.org/ssl-redirect"] = _word(wishes.redirect_to_https)
        if wishes.body_kibibytes:
            found["nginx.org/client-max-body-size"] = f"{wishes.body_kibibytes}k"
        if wishes.requests_per_minute:
            found |= {
                "nginx.org/limit-req-rate": f"{wishes.requests_per_minute}r/m",
                "nginx.org/limit-req-key": "${binary_remote_addr}",
                "nginx.org/limit-req-zone-size": "10m",
                "nginx.org/limit-req-burst": str(wishes.burst),
                "nginx.org/limit-req-no-delay": "true",
                "nginx.org/limit-req-reject-code": "429",
            }
    if controller == "haproxy":
        found["haproxy.org/ssl-redirect"] = _word(wishes.redirect_to_https)
        if wishes.headers:
            lines = [f'{name} "{value}"' for name, value in sorted(wishes.headers.items())]
            found["haproxy.org/response-set-header"] = "\n".join(lines)
        if wishes.requests_per_minute:
            found |= {
                "haproxy.org/rate-limit-requests": str(wishes.requests_per_minute),
                "haproxy.org/rate-limit-period": "1m",
                "haproxy.org/rate-limit-status-code": "429",
            }
    if controller == "contour":
        found["ingress.kubernetes.io/force-ssl-redirect"] = _word(wishes.redirect_to_https)
    return found


def middlewares(wishes: Wishes) -> dict[str, dict[str, Any]]:
    """Traefik's Middlewares, in the order in which a request passes them: `{name: spec}`."""
    found: dict[str, dict[str, Any]] = {}
    if wishes.redirect_to_https:
        found["redirect"] = {"redirectScheme": {"scheme": "https", "permanent": True}}
    if wishes.requests_per_minute:
        limit = {"average": wishes.requests_per_minute, "period": "1m", "burst": wishes.burst}
        found["limit"] = {"rateLimit": limit}
    if wishes.body_kibibytes:
        found["body"] = {"buffering": {"maxRequestBodyBytes": wishes.body_kibibytes * 1024}}
    if wishes.headers:
        found["headers"] = {"headers": {"customResponseHeaders": dict(sorted(wishes.headers.items()))}}
    return found


def _word(value: bool) -> str:
    return "true" if value else "false"
