"""Asks a rule of the policy pack about resources that are written down as plain data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pulumi_policy import (
    PolicyCustomTimeouts,
    PolicyProviderResource,
    PolicyResource,
    PolicyResourceOptions,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.policy import _NotApplicableError
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE, unknown_checking_proxy

from policy.exceptions import EXCEPTIONS, Except
from policy.rule import Rule

UNKNOWN = UNKNOWN_STRING_VALUE
"""How the engine writes a text that a preview doesn't know yet."""


@dataclass(frozen=True)
class Planned:
    """A resource of a plan."""

    type: str
    props: Mapping[str, Any] = field(default_factory=dict)
    name: str = "it"
    stack: str = "dev"
    protect: bool = False
    provider: str = "aws"
    bucket: str = ""
    """Name of the bucket that the property `bucket` comes from."""

    @property
    def urn(self) -> str:
        return f"urn:pulumi:{self.stack}::marlinspike::{self.type}::{self.name}"

    @property
    def options(self) -> PolicyResourceOptions:
        return PolicyResourceOptions(self.protect, [], None, [], PolicyCustomTimeouts(0, 0, 0), [])

    @property
    def made_by(self) -> PolicyProviderResource:
        return PolicyProviderResource("pulumi:providers:aws", {}, "", self.provider)


@dataclass(frozen=True)
class Case:
    """What a rule lets pass, and what it refuses, each with words of the message. A list is a whole stack."""

    good: Sequence[Planned | list[Planned]]
    bad: Sequence[tuple[Planned | list[Planned], str]]


@dataclass(frozen=True)
class Answer:
    """What a rule said."""

    messages: list[str]
    not_applicable: str = ""


def asked(
    rule: Rule,
    about: Planned | list[Planned],
    config: Mapping[str, Any] | None = None,
    exceptions: Sequence[Except] = EXCEPTIONS,
) -> Answer:
    """What the rule says through the SDK's own classes, as the engine would hear it."""
    policy = rule.policy(exceptions)
    messages: list[str] = []
    given = {**rule.defaults, **(config or {})}
    try:
        if isinstance(policy, StackValidationPolicy):
            resources = about if isinstance(about, list) else [about]
            policy.validate(StackValidationArgs(_stack(resources), given), lambda text, _urn: messages.append(text))
        else:
            assert isinstance(policy, ResourceValidationPolicy)
            assert isinstance(about, Planned)
            args = ResourceValidationArgs(
                about.type,
                unknown_checking_proxy(dict(about.props)),
                about.urn,
                about.name,
                about.options,
                about.made_by,
                given,
            )
            policy.validate(args, lambda text, _urn: messages.append(text))
    except _NotApplicableError as reason:
        return Answer(messages, reason.reason or "")
    return Answer(messages)


def _stack(resources: list[Planned]) -> list[PolicyResource]:
    made = {
        it.name: PolicyResource(
            it.type, unknown_checking_proxy(dict(it.props)), it.urn, it.name, it.options, it.made_by, None, [], {}
        )
        for it in resources
    }
    for it in resources:
        if it.bucket:
            made[it.name].property_dependencies["bucket"] = [made[it.bucket]]
    return list(made.values())
