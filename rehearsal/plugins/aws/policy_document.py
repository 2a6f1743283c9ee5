"""`aws.iam.getPolicyDocument`: statements in, an IAM policy as JSON out.

Follows terraform-provider-aws internal/service/iam/policy_document_data_source.go and policy_model.go: order of the keys,
one value alone instead of a list of one, lists sorted backwards, principals `*`, `&{` for IAM's own variables, statements
of source documents first, equal `Sid`s overridden.
"""

import json
from collections.abc import Mapping
from typing import Any

DEFAULT_VERSION = "2012-10-17"


class PolicyDocumentError(Exception):
    """The statements make no policy; says which and why."""


def render(arguments: Mapping[str, Any]) -> tuple[str, str]:
    """The document with an indent of two spaces, and the same minified. Raises PolicyDocumentError."""
    document: dict[str, Any] = {"Version": arguments.get("version") or DEFAULT_VERSION}
    if arguments.get("policyId"):
        document["Id"] = arguments["policyId"]
    statements: list[dict[str, Any]] = []
    for source in arguments.get("sourcePolicyDocuments") or []:
        _merge(statements, _statements_of(source), overriding=False)
    own = [_statement(each, index) for index, each in enumerate(arguments.get("statements") or [])]
    _merge(statements, own, overriding=True)
    for override in arguments.get("overridePolicyDocuments") or []:
        _merge(statements, _statements_of(override), overriding=True)
    document["Statement"] = statements
    if not statements:
        del document["Statement"]
    return json.dumps(document, indent=2), json.dumps(document, separators=(",", ":"))


def _merge(into: list[dict[str, Any]], added: list[dict[str, Any]], *, overriding: bool) -> None:
    for statement in added:
        same = next(
            (
                index
                for index, other in enumerate(into)
                if statement.get("Sid") and other.get("Sid") == statement["Sid"]
            ),
            None,
        )
        if same is None:
            into.append(statement)
        elif overriding:
            into[same] = statement
        else:
            raise PolicyDocumentError(f"duplicate Sid ({statement['Sid']}) in the source documents")


def _statements_of(text: str) -> list[dict[str, Any]]:
    try:
        found = json.loads(text).get("Statement", [])
    except (json.JSONDecodeError, AttributeError) as error:
        raise PolicyDocumentError(f"a source or override document is no JSON object: {error}") from error
    return found if isinstance(found, list) else [found]


def _statement(given: Mapping[str, Any], index: int) -> dict[str, Any]:
    if given.get("actions") and given.get("notActions"):
        raise PolicyDocumentError(f"statements[{index}] has both actions and notActions")
    statement: dict[str, Any] = {}
    if given.get("sid"):
        statement["Sid"] = given["sid"]
    statement["Effect"] = given.get("effect") or "Allow"
    for key, name in (
        ("Action", "actions"),
        ("NotAction", "notActions"),
        ("Resource", "resources"),
        ("NotResource", "notResources"),
    ):
        if given.get(name):
            statement[key] = _one_or_many(given[name])
    for key, name in (("Principal", "principals"), ("NotPrincipal", "notPrincipals")):
        if given.get(name):
            statement[key] = _principals(given[name])
    if given.get("conditions"):
        statement["Condition"] = _conditions(given["conditions"])
    return statement


def _one_or_many(values: list[str]) -> str | list[str]:
    values = [value.replace("&{", "${") for value in values]
    return values[0] if len(values) == 1 else sorted(set(values), reverse=True)


def _principals(given: list[Mapping[str, Any]]) -> Any:
    if [(each["type"], each["identifiers"]) for each in given] == [("*", ["*"])]:
        return "*"
    merged: dict[str, list[str]] = {}
    for each in given:
        merged.setdefault(each["type"], []).extend(each["identifiers"])
    return {kind: _one_or_many(identifiers) for kind, identifiers in sorted(merged.items())}


def _conditions(given: list[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    merged: dict[str, dict[str, list[str]]] = {}
    for each in given:
        merged.setdefault(each["test"], {}).setdefault(each["variable"], []).extend(each["values"])
    return {
        test: {variable: _one_or_many(values) for variable, values in sorted(variables.items())}
        for test, variables in sorted(merged.items())
    }
