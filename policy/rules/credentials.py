"""Credentials: the program knows none, so that neither state nor outputs hold any."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from policy.planned_resource import UNKNOWN, Resource
from policy.rule import Findings, Rule, StackFindings

SHAPES: Mapping[str, re.Pattern[str]] = {
    "a private key": re.compile(r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----"),
    "an access key of AWS": re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    "a URL with a password": re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s/:@${}<>]+:[^\s/@${}<>]+@[A-Za-z0-9]"),
    "a token of GitHub": re.compile(r"\bgh[pousr]_[A-Za-z0-9]{36}"),
    "a webhook of Slack": re.compile(r"https://hooks\.slack\.com/services/T[A-Za-z0-9]+/"),
    "a web token": re.compile(r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}"),
}
"""How credentials look, wherever they stand."""

NAMED_SO = re.compile(r"(?:^|_|-|(?<=[a-z]))(?:password|passwd|secret|token|api_?key|private_?key)$", re.IGNORECASE)
"""Names of values that are credentials by themselves; of a file or an ARN with one the name goes on."""

CONTAINERS = ("containers", "initContainers", "ephemeralContainers")


def _texts(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every text in a value, with its path."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield from _texts(part, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from _texts(part, f"{path}[{index}]")


def _no_credential_inside(it: Resource) -> Findings:
    for path, text in _texts(it.props):
        for shape, pattern in SHAPES.items():
            if pattern.search(text):
                yield f"{path} looks like {shape}."


def _no_credential_in_environment(it: Resource) -> Findings:
    for template in (it["spec.template.spec"], it["spec.jobTemplate.spec.template.spec"], it["spec"]):
        if not isinstance(template, Mapping):
            continue
        for kind in CONTAINERS:
            for container in template.get(kind) or ():
                for variable in container.get("env") or ():
                    if NAMED_SO.search(variable["name"]) and variable.get("value") not in (None, "", UNKNOWN):
                        yield f"The variable {variable['name']} of container {container['name']} stands there as text."


def _no_secret_of_the_program(it: Resource) -> Findings:
    values = {"kubernetes:core/v1:Secret": ("data", "stringData"), "aws:ssm/parameter:Parameter": ("value",)}
    given = [key for key in values.get(it.type, ("secretString", "secretBinary")) if not it.lacks(key)]
    if it.type.startswith(("random:", "tls:")):
        yield "It makes a credential, and keeps it in the state."
    elif given and (it.type != "aws:ssm/parameter:Parameter" or it["type"] == "SecureString"):
        yield f"{given[0]} is given by the program."


def _no_credential_in_outputs(resources: Sequence[Resource]) -> StackFindings:
    for it in resources:
        for path, text in _texts(it.props):
            shape = next((shape for shape, pattern in SHAPES.items() if pattern.search(text)), "")
            if shape:
                yield it, f"The output {path} looks like {shape}."
            elif NAMED_SO.search(path.partition(".")[0]):
                yield it, f"The output {path} is a credential by its name."


RULES = (
    Rule(
        name="no-credential-in-properties",
        says="No property of a resource holds a credential.",
        why="Whoever may read the plan, the state or the resource has it.",
        fix="Name the secret's ARN or file, and have the value put into Secrets Manager by its owner.",
        types=("*",),
        check=_no_credential_inside,
    ),
    Rule(
        name="no-credential-in-environment",
        says="Containers get credentials as files, not as text in their environment.",
        why="Environments are shown by `kubectl describe`, by crash reports and by child processes.",
        fix="Mount a Secret that External Secrets makes (app.secrets in the stack file).",
        types=("kubernetes:apps/v1:*", "kubernetes:batch/v1:*", "kubernetes:core/v1:Pod"),
        check=_no_credential_in_environment,
    ),
    Rule(
        name="no-secret-of-the-program",
        says="The program makes no secret values.",
        why="What it makes stands in its state, and in the memory of every preview.",
        fix="Let AWS make it (managed passwords, IAM), or make the empty secret and have its owner fill it.",
        types=(
            "kubernetes:core/v1:Secret",
            "aws:secretsmanager/secretVersion:SecretVersion",
            "aws:ssm/parameter:Parameter",
            "random:index/randomPassword:RandomPassword",
            "tls:index/privateKey:PrivateKey",
        ),
        check=_no_secret_of_the_program,
    ),
    Rule(
        name="no-credential-in-outputs",
        says="No output of a stack holds a credential, encrypted or not.",
        why="Outputs are for other programs, logs and people; all of them can show it.",
        fix="Export the name or the ARN of the secret.",
        types=("pulumi:pulumi:Stack",),
        check_stack=_no_credential_in_outputs,
    ),
)
