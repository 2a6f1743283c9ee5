"""The registry: repositories for container images, and what copies of them in a second region look like."""

import json
from typing import Annotated, Literal

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions
from pydantic import Field

from infra.identity import Permission, policy_of
from infra.service_role import service_role
from infra.settings import AccountId, Region, Section

PULL = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
"""ECR user guide, "Private repository policy examples": what a pull asks of a repository."""

RepositoryName = Annotated[
    str, Field(pattern=r"^[a-z0-9]+([._-][a-z0-9]+)*(/[a-z0-9]+([._-][a-z0-9]+)*)+$", max_length=256)
]
"""`namespace/name`: what copies look like is decided for a namespace, not for a repository."""


class RegistrySettings(Section):
    """Section `registry` of a stack file with `target: account`."""

    repositories: tuple[RepositoryName, ...] = Field(min_length=1, max_length=50)
    """Names such as `marlinspike/app`."""

    untagged_days: int = Field(28, ge=1, le=365)
    """Days after which images without a tag go. Tagged ones stay: the registry does not know which of them run, or are what
    prod would be rolled back to, so none may go by age or number."""

    scan: Literal["basic", "enhanced"] = "basic"
    """`basic` looks for known flaws at each push; `enhanced` (Amazon Inspector, paid) again whenever a new one is known."""

    pull_accounts: tuple[AccountId, ...] = ()
    """Other accounts whose environments run these images; they may pull and nothing else."""

    replicate_to: Region | None = None
    """A second region that receives every image as it is pushed, for recovery there."""


class Registry(pulumi.ComponentResource):
    """ECR repositories with what is set once for an account's registry.

    Type token: `marlinspike:registry:Registry`. Makes for each repository its lifecycle (and pull) policy; the scanning
    configuration of the registry; and with `replicate_to` the replication, a role, and one template a namespace, so that
    copies have the same properties. `copy_key_arn` is a KMS key of that region.
    """

    repository_urls: dict[str, Output[str]]
    repository_arns: dict[str, Output[str]]

    def __init__(
        self,
        name: str,
        settings: RegistrySettings,
        account_id: str,
        key_arn: Input[str],
        protect: bool,
        copy_key_arn: Input[str] | None = None,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("marlinspike:registry:Registry", name, {}, opts)
        self._lifecycle = _untagged_images_go(settings.untagged_days)
        self._pull = _others_pull(settings.pull_accounts) if settings.pull_accounts else None
        self.repository_urls, self.repository_arns = {}, {}
        repositories = [self._repository(repository, key_arn, protect) for repository in settings.repositories]
        self._scanning(f"{name}-scanning", settings, None)
        if settings.replicate_to is not None:
            if copy_key_arn is None:
                raise ValueError(f"copies in {settings.replicate_to} need a key of that region: copy_key_arn")
            self._scanning(f"{name}-copy-scanning", settings, settings.replicate_to)
            self._replication(name, settings, settings.replicate_to, account_id, copy_key_arn, repositories)
        self.register_outputs({"repositoryUrls": self.repository_urls})

    def _repository(self, repository: str, key_arn: Input[str], protect: bool) -> aws.ecr.Repository:
        logical = repository.replace("/", "-")
        made = aws.ecr.Repository(
            logical,
            name=repository,  # part of every image's name
            image_tag_mutability="IMMUTABLE",
            image_scanning_configuration={"scan_on_push": True},
            encryption_configurations=[{"encryption_type": "KMS", "kms_key": key_arn}],
            force_delete=False,
            opts=ResourceOptions(parent=self, protect=protect),
        )
        child = ResourceOptions(parent=self)
        aws.ecr.LifecyclePolicy(
            f"{logical}-lifecycle",
            repository=made.name,
            policy=self._lifecycle,
            # A change replaces it, and a repository has only one: deleting the old one afterwards would take the new one.
            opts=ResourceOptions(parent=self, delete_before_replace=True),
        )
        if self._pull is not None:
            aws.ecr.RepositoryPolicy(f"{logical}-pull", repository=made.name, policy=self._pull, opts=child)
        self.repository_urls[repository] = made.repository_url
        self.repository_arns[repository] = made.arn
        return made

    def _scanning(self, name: str, settings: RegistrySettings, region: str | None) -> None:
        frequency = "CONTINUOUS_SCAN" if settings.scan == "enhanced" else "SCAN_ON_PUSH"
        aws.ecr.RegistryScanningConfiguration(
            name,
            scan_type=settings.scan.upper(),
            rules=[
                {
                    "scan_frequency": frequency,
                    "repository_filters": [
                        {"filter": f"{namespace}/*", "filter_type": "WILDCARD"} for namespace in _namespaces(settings)
                    ],
                }
            ],
            region=region,
            opts=ResourceOptions(parent=self),
        )

    def _replication(
        self,
        name: str,
        settings: RegistrySettings,
        region: str,
        account_id: str,
        key_arn: Input[str],
        repositories: list[aws.ecr.Repository],
    ) -> None:
        child = ResourceOptions(parent=self)
        namespaces = _namespaces(settings)
        copies = [f"arn:aws:ecr:{region}:{account_id}:repository/{namespace}/*" for namespace in namespaces]
        role = service_role(
            f"{name}-copy",
            "ecr.amazonaws.com",
            child,
            # ECR user guide, "Create a custom policy for repository creation templates", narrowed to these.
            permissions={
                "MakeCopies": Permission(["ecr:CreateRepository", "ecr:ReplicateImage", "ecr:TagResource"], copies),
                "TheirKey": Permission(["kms:CreateGrant", "kms:DescribeKey", "kms:RetireGrant"], [key_arn]),
            },
        )
        templates = [
            aws.ecr.RepositoryCreationTemplate(
                f"{name}-copy-{namespace.replace('/', '-')}",
                prefix=namespace,
                description="Copies are as their originals are",
                applied_fors=["REPLICATION"],
                image_tag_mutability="IMMUTABLE",
                encryption_configurations=[{"encryption_type": "KMS", "kms_key": key_arn}],
                lifecycle_policy=self._lifecycle,
                repository_policy=self._pull,
                custom_role_arn=role.arn,
                region=region,
                opts=child,
            )
            for namespace in namespaces
        ]
        aws.ecr.ReplicationConfiguration(
            f"{name}-replication",
            replication_configuration={
                "rules": [
                    {
                        "destinations": [{"region": region, "registry_id": account_id}],
                        "repository_filters": [
                            {"filter": f"{namespace}/", "filter_type": "PREFIX_MATCH"} for namespace in namespaces
                        ],
                    }
                ]
            },
            # A template counts only for copies that are made after it.
            opts=ResourceOptions(parent=self, depends_on=[*role.granted, *templates, *repositories]),
        )


def _namespaces(settings: RegistrySettings) -> list[str]:
    return sorted({repository.rpartition("/")[0] for repository in settings.repositories})


def _untagged_images_go(days: int) -> str:
    rule = {
        "rulePriority": 1,
        "description": f"Images without a tag go after {days} days",
        "selection": {
            "tagStatus": "untagged",
            "countType": "sinceImagePushed",
            "countUnit": "days",
            "countNumber": days,
        },
        "action": {"type": "expire"},
    }
    return json.dumps({"rules": [rule]})


def _others_pull(accounts: tuple[str, ...]) -> str:
    statement = {
        "Sid": "OtherAccountsPull",
        "Effect": "Allow",
        "Principal": {"AWS": [f"arn:aws:iam::{account}:root" for account in accounts]},
        "Action": list(PULL),
    }
    return json.dumps(policy_of(statement))
