"""Whether the role that asks may do what `pulumi up` does: IAM's own simulation of what CI's deploy role is given."""

import re
from collections.abc import Iterator

from infra.delivery.permissions import DEPLOYING
from infra.delivery.scope import Scope
from infra.identity import Permission
from preflight.account import Account
from preflight.findings import Finding, fault, fine, warning
from stacks.settings import AwsSettings

CHECK = "permissions"
SHOWN = 8
"""Denied actions that are named; the number of all is said."""


def permissions(account: Account, settings: AwsSettings, stack: str) -> Iterator[Finding]:
    """Asks IAM for each kind of right of a deploy role (infra/delivery), on resources of the stack's own names.

    Service control policies count as far as IAM's simulation knows them; policies of resources do not.
    """
    role = account.caller_role
    if role is None:
        yield warning(
            CHECK,
            f"{account.caller['Arn']} is no role, and only a role's rights are asked",
            "use a role: it ends by itself",
        )
        return
    zones = (settings.edge.hosted_zone_id,) if settings.edge else ()
    scope = Scope(settings.account.id, stack, zones)
    refused = 0
    for name, table in DEPLOYING.items():
        denied = sorted(
            {
                action
                for permission in table(scope).values()
                if permission.effect == "Allow"
                for action in _denied(account, role, permission)
            }
        )
        if denied:
            refused += len(denied)
            more = f" and {len(denied) - SHOWN} more" if len(denied) > SHOWN else ""
            yield fault(
                CHECK,
                f"{name}: {role} may not {', '.join(denied[:SHOWN])}{more}",
                "use a role with the rights of infra/delivery, or an administrator's",
            )
    if not refused:
        yield fine(CHECK, f"{role} may do what CI's deploy role may")


def _denied(account: Account, role: str, permission: Permission) -> Iterator[str]:
    """The actions of one statement that IAM refuses on a sample of its first resource, under its conditions."""
    context = [
        {
            "ContextKeyName": key,
            "ContextKeyType": "string",
            "ContextKeyValues": value[:1] if isinstance(value, list) else [value],
        }
        for keys in permission.conditions.values()
        for key, value in keys.items()
    ]
    answer = account.pages(
        "iam",
        "simulate_principal_policy",
        "EvaluationResults",
        PolicySourceArn=role,
        ActionNames=[action for action in permission.actions if "*" not in action],
        ResourceArns=[_sample(str(permission.resources[0]), account.region)],
        ContextEntries=context,
    )
    return (entry["EvalActionName"] for entry in answer if entry["EvalDecision"] != "allowed")


def _sample(resource: str, region: str) -> str:
    """A resource that a pattern means: simulation takes no patterns."""
    if resource == "*":
        return resource
    service = resource.split(":", 4)
    if len(service) == 5 and service[3] == "*":
        service[3] = region
    return re.sub(r"\*+", "preflight", ":".join(service))
