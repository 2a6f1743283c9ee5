"""Would IAM allow it? As much of IAM's evaluation as the policies of this program use."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

Context = Mapping[str, str]

READS = ("Describe", "Get", "List", "View")

NO_RESOURCE_LEVEL = {
    "backup-storage:MountCapsule",
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DeleteResourcePolicy",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
}
"""Write actions for which IAM knows no resource (Service Authorization Reference)."""


def writes_on_everything(policy: list[dict[str, Any]]) -> list[str]:
    """Write actions that are allowed on every resource without a condition, though IAM could tell resources apart."""
    return [
        action
        for statement in policy
        if statement["Effect"] == "Allow" and "Condition" not in statement and "*" in many(statement.get("Resource"))
        for action in many(statement["Action"])
        if not action.split(":")[1].startswith(READS) and action not in NO_RESOURCE_LEVEL
    ]


def statements(documents: Iterable[str]) -> list[dict[str, Any]]:
    """The statements of several policies, each checked to be one that IAM takes."""
    found: list[dict[str, Any]] = []
    for text in documents:
        document = json.loads(text)
        assert document.keys() == {"Version", "Statement"}
        assert document["Version"] == "2012-10-17"
        sids = [statement["Sid"] for statement in document["Statement"] if "Sid" in statement]
        assert len(set(sids)) == len(sids)
        assert all(re.fullmatch(r"[A-Za-z0-9]+", sid) for sid in sids), sids
        found.extend(document["Statement"])
    for statement in found:
        assert statement["Effect"] in ("Allow", "Deny")
        assert all(re.fullmatch(r"[a-z0-9-]+:[A-Za-z*]+", action) for action in many(statement["Action"])), statement
        resources = many(statement.get("Resource", statement.get("NotResource")))
        assert resources
        assert all(resource == "*" or resource.startswith("arn:aws:") for resource in resources), statement
    return found


def allows(policy: list[dict[str, Any]], action: str, resource: str, context: Context | None = None) -> bool:
    """Whether the action on the resource is allowed by a statement and denied by none."""
    fitting = {s["Effect"] for s in policy if _fits(s, action, resource, context or {})}
    return fitting == {"Allow"}


def _fits(statement: dict[str, Any], action: str, resource: str, context: Context) -> bool:
    if not any(_like(pattern.lower(), action.lower()) for pattern in many(statement["Action"])):
        return False
    if "NotResource" in statement:
        if any(_like(pattern, resource) for pattern in many(statement["NotResource"])):
            return False
    elif not any(_like(pattern, resource) for pattern in many(statement["Resource"])):
        return False
    return all(
        _OPERATORS[operator](context.get(key), many(wanted))
        for operator, keys in statement.get("Condition", {}).items()
        for key, wanted in keys.items()
    )


def many(value: Any) -> list[str]:
    """One or several, as IAM takes both."""
    return value if isinstance(value, list) else [value]


def _like(pattern: str, value: str) -> bool:
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), value) is not None


def _any_like(value: str | None, wanted: list[str]) -> bool:
    return value is not None and any(_like(pattern, value) for pattern in wanted)


_OPERATORS: dict[str, Callable[[str | None, list[str]], bool]] = {
    "StringEquals": lambda value, wanted: value in wanted,
    "Bool": lambda value, wanted: value in wanted,
    "StringLike": _any_like,
    "ArnLike": _any_like,
    "ArnEquals": _any_like,
    "Null": lambda value, wanted: [str(value is None).lower()] == wanted,
}
