"""The documentation values of the committed stack files, which only an owner can replace: each is refused by its key."""

import ipaddress
import re
from collections.abc import Iterator, Mapping
from typing import Any

from preflight.findings import Finding, fault, fine

CHECK = "own values"

ACCOUNTS = ("111122223333", "123456789012", "444455556666")
"""Account ids of AWS's documentation."""

NETWORKS = tuple(ipaddress.IPv4Network(cidr) for cidr in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"))
"""RFC 5737, "IPv4 Address Blocks Reserved for Documentation"."""

DOMAIN = re.compile(r"(^|[.@/])example(\.(com|net|org))?$|\.(example|invalid|test)$")
"""RFC 2606 and 6761: names that are nobody's."""

ZONE = re.compile(r"^Z[A-Z0-9]*EXAMPLE$")
OWNER = re.compile(r"^example(@[0-9]+)?/")
CIDR = re.compile(r"^[0-9.]+/[0-9]+$")


def placeholders(config: Mapping[str, Any]) -> list[Finding]:
    """A fault for each key of a stack file that holds a documentation value; one fine finding where none does."""
    found = [fault(CHECK, f"{path} is {value}: {why}", to_do) for path, value, why, to_do in _refused("", config)]
    return found or [fine(CHECK, "no documentation value is left in the stack file")]


def _refused(path: str, value: Any) -> Iterator[tuple[str, str, str, str]]:
    if isinstance(value, Mapping):
        for key, within in value.items():
            here = str(key).partition(":")[2] if not path else f"{path}.{key}"
            if path and (reason := _reason(str(key))):
                yield (here, "its key", *reason)
            yield from _refused(here, within)
    elif isinstance(value, list):
        for index, within in enumerate(value):
            yield from _refused(f"{path}[{index}]", within)
    elif isinstance(value, str) and (reason := _reason(value)):
        yield (path, value, *reason)


def _reason(value: str) -> tuple[str, str] | None:
    """Why a value is nobody's, and what to put in its place."""
    if account := next((known for known in ACCOUNTS if known in value), None):
        return (
            f"{account} is an account of AWS's documentation",
            "write your own account's twelve digits (aws sts get-caller-identity)",
        )
    if CIDR.match(value) and _documents(value):
        return "RFC 5737 keeps that network for documentation", "write the networks that you and your runners come from"
    if ZONE.match(value):
        return "no hosted zone has that id", "write the id of your public zone (aws route53 list-hosted-zones)"
    if OWNER.match(value):
        return "it is no repository of yours", "write owner/name of your repository as GitHub's tokens name it"
    if DOMAIN.search(value):
        return "RFC 2606 keeps that name for documentation", "write a name or address of your own"
    return None


def _documents(cidr: str) -> bool:
    try:
        network = ipaddress.IPv4Network(cidr)
    except ValueError:
        return False
    return any(network.subnet_of(kept) for kept in NETWORKS)
