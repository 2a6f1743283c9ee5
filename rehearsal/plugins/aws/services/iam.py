"""Identities and permissions (service `iam`), which know no region."""

import json

from rehearsal.plugins.aws.errors import AwsError
from rehearsal.plugins.aws.subject import Computed, Subject, makes

ROLE = "aws:iam/role:Role"
POLICY = "aws:iam/policy:Policy"


@makes(ROLE)
def role(subject: Subject) -> Computed:
    """A role; its name is unique in the account."""
    name = subject.text("name")
    if any(other.id == name for other in subject.others()):
        raise AwsError("EntityAlreadyExists", f"Role with name {name} already exists.")
    _must_be_policy(subject.text("assumeRolePolicy"), "AssumeRolePolicy")
    return Computed(
        name,
        {
            "arn": _arn(subject, f"role{subject.text('path') or '/'}{name}"),
            "createDate": subject.created_at,
            "uniqueId": f"AROA{subject.letters(17)}",
            "path": "/",
            "maxSessionDuration": 3600,
            "forceDetachPolicies": False,
            "inlinePolicies": [],
            "managedPolicyArns": [],
        },
    )


@makes(POLICY)
def policy(subject: Subject) -> Computed:
    """A managed policy of the account's own."""
    name = subject.text("name")
    arn = _arn(subject, f"policy{subject.text('path') or '/'}{name}")
    if any(other.id == arn for other in subject.others()):
        raise AwsError(
            "EntityAlreadyExists", f"A policy called {name} already exists. Duplicate names are not allowed."
        )
    _must_be_policy(subject.text("policy"), "Policy")
    return Computed(arn, {"arn": arn, "policyId": f"ANPA{subject.letters(17)}", "path": "/", "attachmentCount": 0})


@makes("aws:iam/rolePolicy:RolePolicy")
def role_policy(subject: Subject) -> Computed:
    """A policy written into a role."""
    _existing_role(subject)
    _must_be_policy(subject.text("policy"), "Policy")
    return Computed(f"{subject.text('role')}:{subject.text('name')}", {})


@makes("aws:iam/rolePolicyAttachment:RolePolicyAttachment")
def attachment(subject: Subject) -> Computed:
    """A managed policy given to a role. AWS's own policies are taken to exist."""
    _existing_role(subject)
    arn = subject.text("policyArn")
    if ":aws:policy/" not in arn:
        subject.existing(POLICY, arn, "NoSuchEntity", f"Policy {arn} does not exist or is not attachable.")
    return Computed(f"{subject.text('role')}/{arn}", {})


@makes("aws:iam/instanceProfile:InstanceProfile")
def instance_profile(subject: Subject) -> Computed:
    """A role for virtual machines."""
    name = subject.text("name")
    return Computed(
        name,
        {
            "arn": _arn(subject, f"instance-profile{subject.text('path') or '/'}{name}"),
            "createDate": subject.created_at,
            "uniqueId": f"AIPA{subject.letters(17)}",
            "path": "/",
        },
    )


@makes("aws:iam/openIdConnectProvider:OpenIdConnectProvider")
def open_id_connect_provider(subject: Subject) -> Computed:
    """An issuer of identities that the account trusts, once."""
    url = subject.text("url")
    if any(other.value("url") == url for other in subject.others()):
        raise AwsError("EntityAlreadyExists", f"Provider with url {url} already exists.")
    arn = _arn(subject, f"oidc-provider/{url.removeprefix('https://')}")
    return Computed(arn, {"arn": arn, "thumbprintLists": []})


def _arn(subject: Subject, resource: str) -> str:
    return subject.arn("iam", resource, regional=False)


def _existing_role(subject: Subject) -> None:
    name = subject.text("role")
    subject.existing(ROLE, name, "NoSuchEntity", f"The role with name {name} cannot be found.")


def _must_be_policy(text: str, what: str) -> None:
    """IAM takes only JSON objects with a statement."""
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        raise AwsError("MalformedPolicyDocument", f"{what}: JSON strings must be valid: {error}") from error
    if not isinstance(document, dict) or "Statement" not in document:
        raise AwsError("MalformedPolicyDocument", f"{what}: Syntax errors in policy: Statement is required.")
