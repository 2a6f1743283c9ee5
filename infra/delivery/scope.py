"""What belongs to one environment, in the words of IAM: names that begin with its own, and tags."""

from collections.abc import Mapping
from dataclasses import dataclass

from infra.naming import PROJECT, aws_tags

Conditions = Mapping[str, Mapping[str, str | list[str]]]

POLICY_PATH = "/delivery/"
"""Policies of delivery live under it, where no environment's own names reach."""

BOUNDARY = f"{PROJECT}-boundary"
"""Name of the policy that bounds every role of an environment."""

GITHUB = "token.actions.githubusercontent.com"
"""GitHub's issuer of tokens for workflows (GitHub, "Configuring OpenID Connect in Amazon Web Services")."""


def deploy_role(environment: str) -> str:
    """Name of the role that deploys an environment; fixed, since the environment's cluster access entries say it."""
    return f"{PROJECT}-{environment}-deploy"


def preview_role(environment: str) -> str:
    """Name of the role that previews an environment; fixed for the same reason."""
    return f"{PROJECT}-{environment}-preview"


def boundary_arn(account_id: str) -> str:
    """ARN of the policy that bounds every role of an environment."""
    return f"arn:aws:iam::{account_id}:policy{POLICY_PATH}{BOUNDARY}"


@dataclass(frozen=True)
class Scope:
    """One environment's names and tags."""

    account_id: str
    environment: str
    zone_ids: tuple[str, ...] = ()
    """Route 53 hosted zones whose records are this environment's."""

    @property
    def name(self) -> str:
        """What every name of the environment begins with."""
        return f"{PROJECT}-{self.environment}"

    def arns(self, service: str, *resources: str, region: str = "*") -> list[str]:
        """ARNs in this account; `{name}` in a resource becomes the environment's.

        In every region, since an environment has copies in a second one.
        """
        return [f"arn:aws:{service}:{region}:{self.account_id}:{r.format(name=self.name)}" for r in resources]

    @property
    def created(self) -> Conditions:
        """For what is made: it carries the environment's tags from the first moment (the provider's default tags)."""
        return {"StringEquals": {f"aws:RequestTag/{key}": value for key, value in self._tags.items()}}

    @property
    def owned(self) -> Conditions:
        """For what is there: it carries the environment's tags."""
        return {"StringEquals": {f"aws:ResourceTag/{key}": value for key, value in self._tags.items()}}

    @property
    def claimed(self) -> Conditions:
        """For services that ask for the right to tag while they make something: only what is nobody's yet is tagged.

        Without the second line the tags of another environment could be overwritten, and all its rights with them.
        """
        return {**self.created, "Null": {"aws:ResourceTag/Environment": "true"}}

    @property
    def _tags(self) -> dict[str, str]:
        tags = aws_tags(self.environment)
        return {key: tags[key] for key in ("Project", "Environment")}
