"""The account as it is: clients of one region that only read, and what it means when they are refused."""

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

import boto3  # type: ignore[import-untyped]
from botocore.config import Config  # type: ignore[import-untyped]
from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]

from preflight.findings import Finding, warning

DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError")

PATIENCE = Config(retries={"mode": "standard", "max_attempts": 4}, connect_timeout=5, read_timeout=20)
"""Seconds and attempts of each request: a check is made by a person who waits."""


class Account:
    """Clients of an AWS account in one region, made as they are needed."""

    def __init__(self, region: str, session: boto3.Session | None = None) -> None:
        self.region = region
        self._session = session or boto3.Session()
        self._clients: dict[tuple[str, str], Any] = {}

    def client(self, service: str, region: str | None = None) -> Any:
        """A client of a service, in the account's region unless another is named."""
        place = region or self.region
        if (service, place) not in self._clients:
            self._clients[service, place] = self._session.client(service, region_name=place, config=PATIENCE)
        return self._clients[service, place]

    def pages(self, service: str, operation: str, key: str, **arguments: Any) -> Iterator[Any]:
        """Every item under `key` of a list that AWS gives by the page."""
        for page in self.client(service).get_paginator(operation).paginate(**arguments):
            yield from page[key]

    @cached_property
    def caller(self) -> dict[str, str]:
        """Who asks: `Account` and `Arn`."""
        answer: dict[str, str] = self.client("sts").get_caller_identity()
        return answer

    @cached_property
    def caller_role(self) -> str | None:
        """ARN of the role that asks; none of a user or the root. A session's ARN leaves out the role's path, IAM tells it."""
        arn = self.caller["Arn"]
        if ":assumed-role/" not in arn:
            return None
        name = arn.split("/")[1]
        role: str = self.client("iam").get_role(RoleName=name)["Role"]["Arn"]
        return role


def guarded(check: str, ask: Callable[[], Iterator[Finding]]) -> list[Finding]:
    """What a check finds. What AWS refuses to tell or cannot be asked is a warning, behind what was found before."""
    found: list[Finding] = []
    try:
        found.extend(ask())
    except ClientError as error:
        code, operation = error.response["Error"]["Code"], error.operation_name
        to_do = (
            f"allow the role {operation}, or look by hand"
            if code in DENIED
            else "look by hand, or run the preflight again"
        )
        found.append(warning(check, f"could not be checked: {operation} answered {code}", to_do))
    except BotoCoreError as error:
        found.append(
            warning(check, f"could not be checked: {error}", "look at the way to AWS, and run the preflight again")
        )
    return found
