"""The configuration of an `aws.Provider`: read, checked and refused as the real one does."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rehearsal.plugins import inputs, wire
from rehearsal.plugins.aws import ACCOUNT_ID
from rehearsal.plugins.aws.types import provider_arguments

# The SDK sends everything that is no string as JSON in a string.
_NO_INPUTS = frozenset({"version", "pluginDownloadURL"})


class ConfigurationError(Exception):
    """The provider may not be used with this configuration; says why and what to change."""


@dataclass(frozen=True)
class Configuration:
    """What of a provider's configuration the simulation uses."""

    region: str = "us-east-1"
    default_tags: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, properties: Mapping[str, Any]) -> "Configuration":
        """The configuration from the properties of a provider resource.

        Raises ConfigurationError when the simulated account is not allowed or no region is known.
        """
        values = parsed(properties)
        allowed, forbidden = values.get("allowedAccountIds") or [], values.get("forbiddenAccountIds") or []
        if allowed and ACCOUNT_ID not in allowed:
            raise ConfigurationError(
                f"AWS account ID not allowed: {ACCOUNT_ID}. "
                f"The rehearsal plays account {ACCOUNT_ID}, but allowedAccountIds has only {', '.join(allowed)}"
            )
        if ACCOUNT_ID in forbidden:
            raise ConfigurationError(f"AWS account ID not allowed: {ACCOUNT_ID} is in forbiddenAccountIds")
        region = values.get("region")
        if region is wire.UNKNOWN:
            region = cls.region
        if not region:
            raise ConfigurationError(
                "Missing region: set `region` of the aws.Provider (or the configuration key aws:region)"
            )
        default_tags = values.get("defaultTags") or {}
        tags = {} if default_tags is wire.UNKNOWN else default_tags.get("tags") or {}
        return cls(region, {} if tags is wire.UNKNOWN else tags)


def parsed(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Provider properties with their JSON texts read and without secret marks."""
    return {name: _parsed(wire.plain(value)) for name, value in properties.items() if name not in _NO_INPUTS}


def _parsed(value: Any) -> Any:
    if not isinstance(value, str) or value[:1] not in '[{"tfn0123456789-':
        return value
    try:
        found = json.loads(value)
    except json.JSONDecodeError:
        return value
    # A bare number is a string property that happens to look like one (an account id); numbers are judged by `problems`.
    return found if isinstance(found, dict | list | bool) else value


def problems(properties: Mapping[str, Any]) -> list[inputs.Problem]:
    """Faults of a provider's properties against the SDK's `ProviderArgs`."""
    expected = inputs.shape(provider_arguments()).types
    values = {name: _number(value, expected.get(name)) for name, value in parsed(properties).items()}
    return inputs.check(provider_arguments(), values, "pulumi:providers:aws")


def _number(value: Any, hint: Any) -> Any:
    """Digits in a string as a number, where the SDK wants a number."""
    if isinstance(value, str) and value.isdigit() and int in inputs.alternatives(hint):
        return int(value)
    return value
