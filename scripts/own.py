"""`make own`: puts the answers that `pulumi new` asked for into every stack file, in place of the documentation values."""

import ipaddress
import re
import sys
from collections.abc import Mapping
from pathlib import Path

import yaml

TEMPLATE = "marlinspike"
"""Name of the project in the repository: of its configuration's namespace and of what it makes in AWS."""

DOCUMENTED = {
    "account_id": "111122223333",
    "region": "eu-west-3",
    "domain": "example.com",
    "hosted_zone_id": "Z0123456789EXAMPLE",
    "administrator": "arn:aws:iam::111122223333:role/platform-administrators",
    "api_network": "203.0.113.0/24",
}
"""What the committed stack files say, by the answer that takes its place; an ARN before the account that it holds."""

ORDER = ("administrator", "account_id", "region", "domain", "hosted_zone_id", "api_network")

SECOND_REGION = "eu-central-1"

PATTERNS = {
    "account_id": (r"[0-9]{12}", "twelve digits"),
    "region": (r"[a-z]{2}(-[a-z]+)+-[0-9]", "a region such as eu-west-3"),
    "domain": (r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}", "a domain such as company.org"),
    "hosted_zone_id": (r"Z[A-Z0-9]{1,31}", "the id of a Route 53 zone, which begins with Z"),
    "administrator": (r"arn:aws:iam::[0-9]{12}:role/[\w+=,.@/-]+", "the ARN of an IAM role"),
    "api_network": (r"[0-9.]+/[0-9]+", "a network such as 198.18.0.0/24"),
}

NAME = r"[a-z][a-z0-9]{1,10}"
"""A cache's identifier is `<project>-<stack>-cache`, and ElastiCache allows 40 characters (stacks/settings.py)."""


def faults(name: str, answers: Mapping[str, str]) -> list[str]:
    """What is wrong with the answers, all of it."""
    found = [
        f"{key}: {answers.get(key) or 'is missing'}; write {wanted} (pulumi config set {key} ...)"
        for key, (pattern, wanted) in PATTERNS.items()
        if not re.fullmatch(pattern, answers.get(key, ""))
    ]
    if not any(fault.startswith("api_network") for fault in found):
        try:
            ipaddress.IPv4Network(answers["api_network"])
        except ValueError as error:
            found.append(f"api_network: {error}")
    if not re.fullmatch(NAME, name):
        found.append(
            f"project name {name}: names of AWS resources begin with it: 2 to 11 lower-case letters and digits, beginning with "
            "a letter; write another in Pulumi.yaml, or keep marlinspike"
        )
    return found


def owned(text: str, name: str, answers: Mapping[str, str]) -> str:
    """A stack file with the answers in it, and without the answers' own keys."""
    lines = [
        line
        for line in text.splitlines(keepends=True)
        # Nobody knows the documentation's developers; who is to edit the namespace is written by hand later.
        if not re.match(rf"  {name}:({'|'.join(PATTERNS)}):", line) and "role/application-developers" not in line
    ]
    text = "".join(lines).replace(TEMPLATE, name)
    if answers["region"] == SECOND_REGION:  # copies go where the first region was
        text = text.replace(SECOND_REGION, "the-second").replace(DOCUMENTED["region"], SECOND_REGION)
        text = text.replace("the-second", DOCUMENTED["region"])
    for key in ORDER:
        if key != "region" or answers["region"] != SECOND_REGION:
            text = text.replace(DOCUMENTED[key], answers[key])
    return text


def main(folder: Path) -> int:
    """Status 1 where the answers cannot be used; then nothing is written."""
    name = str(yaml.safe_load((folder / "Pulumi.yaml").read_text())["name"])
    files = sorted(folder.glob("Pulumi.*.yaml"))
    answers: dict[str, str] = {}
    for file in files:
        config = (yaml.safe_load(file.read_text()) or {}).get("config") or {}
        answers |= {key: str(config[f"{name}:{key}"]) for key in PATTERNS if f"{name}:{key}" in config}
    if not answers:
        print(
            "No stack file holds answers of pulumi new; nothing was changed. See README.md for the keys to write by hand."
        )
        return 1
    found = faults(name, answers)
    if found:
        print("\n".join(["Nothing was changed:", *(f"  {fault}" for fault in found)]))
        return 1
    for file in files:
        file.write_text(owned(file.read_text(), name, answers))
    approved = folder / "policy" / "approved.py"
    approved.write_text(owned(approved.read_text(), name, answers))
    naming = folder / "infra" / "naming.py"
    naming.write_text(naming.read_text().replace(f'PROJECT = "{TEMPLATE}"', f'PROJECT = "{name}"'))
    for workflow in (folder / ".github" / "workflows").glob("*.yml"):
        workflow.write_text(workflow.read_text().replace(f":role/{TEMPLATE}-", f":role/{name}-"))
    print(
        f"{len(files)} stack files are yours. Next: make rehearse STACK=dev, and before the first up: make preflight STACK=dev"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if sys.argv[1:] else Path(__file__).resolve().parents[1]))
