"""Identities: what they may do, and who may be them."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from policy.planned_resource import Resource
from policy.rule import Findings, Rule, many

READS = ("Describe", "Get", "List", "View", "Lookup", "Search", "Check", "Simulate", "BatchGet", "BatchCheck")
"""How the names of actions begin that change nothing."""

NO_RESOURCE_LEVEL = frozenset(
    {
        "backup-storage:MountCapsule",
        "logs:CreateLogDelivery",
        "logs:DeleteLogDelivery",
        "logs:DeleteResourcePolicy",
        "logs:PutResourcePolicy",
        "logs:UpdateLogDelivery",
        "xray:PutTelemetryRecords",
        "xray:PutTraceSegments",
    }
)
"""Actions for which IAM knows no resource, so that `*` is the only one to name (Service Authorization Reference)."""

ADMINISTRATORS = ("AdministratorAccess", "PowerUserAccess", "IAMFullAccess")

WEB_IDENTITY = "sts:AssumeRoleWithWebIdentity"


def _statements(it: Resource, path: str) -> Iterator[Mapping[str, Any]]:
    """The statements of the policy at a path, those that allow something; none while it is not known."""
    documents = [it[path]]
    if path == "inlinePolicies":
        documents = [it.seen(inline.get("policy")) for inline in it.each(path)]
    for document in documents:
        if isinstance(document, str):
            yield from (each for each in many(json.loads(document)["Statement"]) if each["Effect"] == "Allow")


def _no_wildcard_writes(it: Resource) -> Findings:
    for statement in _statements(it, "inlinePolicies" if it.type.endswith(":Role") else "policy"):
        if "Condition" in statement or "*" not in many(statement.get("Resource", "*")):
            continue
        if "NotAction" in statement:
            yield "It allows everything except some actions (NotAction) on every resource."
        for action in many(statement.get("Action")):
            if not action.partition(":")[2].startswith(READS) and action not in NO_RESOURCE_LEVEL:
                yield f"It allows {action} on every resource."


def _no_administrators(it: Resource) -> Findings:
    for arn in [*many(it["policyArn"]), *many(it["managedPolicyArns"])]:
        if isinstance(arn, str) and arn.rsplit("/", 1)[-1] in ADMINISTRATORS:
            yield f"It is given {arn.rsplit('/', 1)[-1]}."


def _trust_is_narrow(it: Resource) -> Findings:
    for statement in _statements(it, "assumeRolePolicy"):
        principal = statement.get("Principal", "*")
        named = (
            [principal] if isinstance(principal, str) else [each for some in principal.values() for each in many(some)]
        )
        conditions = statement.get("Condition", {})
        if "*" in named and not conditions:
            yield "Everybody may become it (Principal *)."
        if WEB_IDENTITY in many(statement.get("Action")):
            subjects = [
                each
                for keys in conditions.values()
                for key, some in keys.items()
                if key.endswith(":sub")
                for each in many(some)
            ]
            if not subjects or any(subject in ("*", "repo:*") for subject in subjects):
                yield "Whoever the identity provider knows may become it: no condition names the subject (sub)."


def _no_users(_it: Resource) -> Findings:
    yield "It is a user of IAM, or a key of one."


def _no_rule_of_all(it: Resource) -> Findings:
    if it["roleRef.name"] == "cluster-admin":
        yield "It gives cluster-admin."
    for rule in it.each("rules"):
        verbs, resources = many(it.seen(rule.get("verbs"))), many(it.seen(rule.get("resources")))
        if "*" in verbs and "*" in resources:
            yield "It allows every verb on every kind of object."


RULES = (
    Rule(
        name="no-wildcard-writes",
        says="No policy of an identity allows to change every resource.",
        why="A stolen credential is worth what its policy allows.",
        fix="Name the resources, or bind the statement with a condition; reading may stay open.",
        types=("aws:iam/policy:Policy", "aws:iam/*Policy:*Policy", "aws:iam/role:Role"),
        check=_no_wildcard_writes,
    ),
    Rule(
        name="no-administrators",
        says="No role of the program is an administrator.",
        why="What runs by itself needs some rights, never all.",
        fix="Write a policy with what it does (infra/identity.py).",
        types=("aws:iam/*Attachment:*", "aws:iam/role:Role"),
        check=_no_administrators,
    ),
    Rule(
        name="trust-is-narrow",
        says="Who may become a role is named.",
        why="A role that everybody may take is everybody's, however few rights it has.",
        fix="Name the principal; for tokens of an identity provider, the subject too.",
        types=("aws:iam/role:Role",),
        check=_trust_is_narrow,
    ),
    Rule(
        name="no-users",
        says="There are no users of IAM and no keys that do not expire.",
        why="Such keys are what leaks most often, and work until somebody notices.",
        fix="Use roles: Pod Identity for workloads, OIDC for CI, IAM Identity Center for people.",
        types=("aws:iam/user:User", "aws:iam/accessKey:AccessKey", "aws:iam/userLoginProfile:UserLoginProfile"),
        check=_no_users,
    ),
    Rule(
        name="no-rule-of-all",
        says="No role of Kubernetes allows everything.",
        why="Who takes over a pod has what its service account may do.",
        fix="Name the kinds of objects and the verbs.",
        types=("kubernetes:rbac.authorization.k8s.io/v1:*",),
        check=_no_rule_of_all,
    ),
)
