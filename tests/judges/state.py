"""States as the engine exports them, as far as the judges' part reads them."""

from collections.abc import Mapping
from typing import Any

PROJECT = "urn:pulumi:prod::shop::"


def urn(token: str, name: str) -> str:
    return f"{PROJECT}{token}::{name}"


def aws(token: str, name: str, inputs: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """A resource of pulumi-aws, whose id is `<name>-id`; its inputs are outputs too."""
    return {
        "urn": urn(token, name),
        "type": token,
        "custom": True,
        "id": f"{name}-id",
        "inputs": dict(inputs),
        **more,
        "outputs": {**inputs, **more.get("outputs", {})},
    }


def state(*resources: Mapping[str, Any]) -> dict[str, Any]:
    return {"version": 3, "deployment": {"resources": list(resources)}}
