"""CI's way in: GitHub's tokens, and for each environment a role that deploys it and one that previews it."""

import json
from collections.abc import Mapping
from typing import Annotated

import pulumi
import pulumi_aws as aws
from pulumi import Output, ResourceOptions
from pydantic import Field, model_validator

from infra.delivery.identity import boundary
from infra.delivery.permissions import as_json, deploy_policies, preview_policies
from infra.delivery.scope import BOUNDARY, GITHUB, POLICY_PATH, Scope, deploy_role, preview_role
from infra.identity import Permission, granting, policy_of
from infra.naming import PROJECT
from infra.settings import HostedZoneId, Section

AUDIENCE = "sts.amazonaws.com"

PUSH = "images"
"""GitHub environment of the workflow that builds images."""

PUSH_ACTIONS = (
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:CompleteLayerUpload",
    "ecr:DescribeImages",
    "ecr:InitiateLayerUpload",
    "ecr:PutImage",
    "ecr:UploadLayerPart",
)
"""ECR user guide, "IAM permissions for pushing an image to an Amazon ECR private repository"."""


class EnvironmentDelivery(Section):
    """One environment of section `delivery`."""

    zone_ids: tuple[HostedZoneId, ...] = Field((), max_length=5)
    """Route 53 hosted zones whose records the environment makes."""


class DeliverySettings(Section):
    """Section `delivery` of a stack file with `target: account`; without it CI has no way in."""

    repository: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]+(@[0-9]+)?/[\w.-]+(@[0-9]+)?$")]
    """On GitHub, as its tokens name it: `owner@id/name@id` for repositories made since summer 2026, `owner/name` for older
    ones (GitHub, "OpenID Connect reference", immutable subject claims; the settings page of the repository shows it)."""

    environments: dict[
        Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=16)], EnvironmentDelivery
    ]
    """The stacks that CI deploys to this account, which are GitHub environments too; `<name>-preview` are those that preview."""

    session_hours: int = Field(1, ge=1, le=12)
    """How long a workflow's credentials hold; a deployment that takes longer is cut off (IAM allows 1 to 12)."""

    state_bucket: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")] | None = None
    """S3 bucket of Pulumi's state, if it lies in one."""

    state_key_arn: Annotated[str, Field(pattern=r"^arn:aws:kms:[a-z0-9-]+:[0-9]{12}:key/.+$")] | None = None
    """KMS key that encrypts the state or the stacks' secrets."""

    @model_validator(mode="after")
    def _environments_are_apart(self) -> "DeliverySettings":
        for one in self.environments:
            for other in (*self.environments, self.state_bucket and self.state_bucket.removeprefix(f"{PROJECT}-")):
                if other and other.startswith(f"{one}-"):
                    raise ValueError(
                        f"{PROJECT}-{other} begins like what belongs to environment {one}, whose deploy role could change it; "
                        "choose another name"
                    )
        return self


class Delivery(pulumi.ComponentResource):
    """GitHub's identity provider, and the roles that its workflows assume.

    Type token: `marlinspike:delivery:Delivery`. Makes for each environment `marlinspike-<environment>-deploy` and
    `-preview`, each trusting one GitHub environment of one repository and nothing else; `marlinspike-push`, for the workflow
    that builds images; and the policy that bounds every role that a deploy role makes.
    """

    role_arns: dict[str, Output[str]]
    """By role name."""

    def __init__(
        self,
        name: str,
        settings: DeliverySettings,
        account_id: str,
        repository_arns: Mapping[str, Output[str]],
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("marlinspike:delivery:Delivery", name, {}, opts)
        self._settings = settings
        self._github = aws.iam.OpenIdConnectProvider(
            f"{name}-github",
            url=f"https://{GITHUB}",
            client_id_lists=[AUDIENCE],
            opts=ResourceOptions(parent=self),
        )
        aws.iam.Policy(
            f"{name}-boundary",
            name=BOUNDARY,  # the environments' roles name it
            path=POLICY_PATH,
            description="The most that a role of an environment may do",
            policy=as_json(boundary(account_id)),
            opts=ResourceOptions(parent=self),
        )
        self.role_arns = {}
        for environment, given in settings.environments.items():
            scope = Scope(account_id, environment, given.zone_ids)
            state = (settings.state_bucket, settings.state_key_arn)
            self._role(deploy_role(environment), environment, deploy_policies(scope, *state))
            self._role(preview_role(environment), f"{environment}-preview", preview_policies(scope, *state))
        if repository_arns:
            self._push_role(repository_arns)
        self.register_outputs({"roleArns": self.role_arns})

    def _role(self, role_name: str, environment: str, policies: Mapping[str, str]) -> None:
        role = self._assumable(role_name, environment)
        for part, text in policies.items():
            policy = aws.iam.Policy(
                f"{role_name}-{part}", path=POLICY_PATH, policy=text, opts=ResourceOptions(parent=self)
            )
            aws.iam.RolePolicyAttachment(
                f"{role_name}-{part}", role=role.name, policy_arn=policy.arn, opts=ResourceOptions(parent=self)
            )

    def _push_role(self, repository_arns: Mapping[str, Output[str]]) -> None:
        role_name = f"{PROJECT}-push"
        role = self._assumable(role_name, PUSH)
        aws.iam.RolePolicy(
            f"{role_name}-images",
            role=role.id,
            policy=granting(
                {
                    "LogIn": Permission(["ecr:GetAuthorizationToken"], ["*"]),  # no resource level
                    "Push": Permission(PUSH_ACTIONS, list(repository_arns.values())),
                }
            ),
            opts=ResourceOptions(parent=self),
        )

    def _assumable(self, role_name: str, environment: str) -> aws.iam.Role:
        """A role for the workflow jobs that run in that GitHub environment."""
        role = aws.iam.Role(
            role_name,
            name=role_name,  # workflows and the environments' access entries say it
            description=f"GitHub environment {environment} of {self._settings.repository}",
            max_session_duration=self._settings.session_hours * 3600,
            assume_role_policy=self._github.arn.apply(lambda arn: self._trust(arn, environment)),
            opts=ResourceOptions(parent=self),
        )
        self.role_arns[role_name] = role.arn
        return role

    def _trust(self, provider_arn: str, environment: str) -> str:
        """Exactly one environment, so that its reviewers and branches (GitHub's deployment protection) are in force.

        Never `pull_request` or a pattern: whoever may open a branch would then have the role.
        """
        claims = {
            f"{GITHUB}:aud": AUDIENCE,
            f"{GITHUB}:sub": f"repo:{self._settings.repository}:environment:{environment}",
        }
        statement = {
            "Effect": "Allow",
            "Principal": {"Federated": provider_arn},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": claims},
        }
        return json.dumps(policy_of(statement))
