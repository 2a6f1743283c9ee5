"""The container registry (service `ecr`): what belongs to a repository, and what a registry has once in a region."""

import json

from rehearsal.plugins.aws import ACCOUNT_ID
from rehearsal.plugins.aws.errors import AwsError
from rehearsal.plugins.aws.subject import DNS_SUFFIX, Computed, Subject, makes

REPOSITORY = "aws:ecr/repository:Repository"


@makes(REPOSITORY)
def repository(subject: Subject) -> Computed:
    """A repository; its name is unique in a registry."""
    name = subject.text("name")
    if any(other.id == name and other.region == subject.region for other in subject.others()):
        raise AwsError(
            "RepositoryAlreadyExistsException", f"The repository with name '{name}' already exists in the registry"
        )
    return Computed(
        name,
        {
            "arn": subject.arn("ecr", f"repository/{name}"),
            "registryId": ACCOUNT_ID,
            "repositoryUrl": f"{ACCOUNT_ID}.dkr.ecr.{subject.region}.{DNS_SUFFIX}/{name}",
        },
    )


@makes("aws:ecr/lifecyclePolicy:LifecyclePolicy", "aws:ecr/repositoryPolicy:RepositoryPolicy")
def repository_policy(subject: Subject) -> Computed:
    """Which images of a repository go, or who may use it."""
    name = subject.text("repository")
    missing = f"The repository with name '{name}' does not exist in the registry with id '{ACCOUNT_ID}'"
    subject.existing(REPOSITORY, name, "RepositoryNotFoundException", missing)
    try:
        json.loads(subject.text("policy"))
    except json.JSONDecodeError as error:
        raise AwsError("InvalidParameterException", f"Invalid parameter at 'PolicyText': {error}") from error
    return Computed(name, {"registryId": ACCOUNT_ID})


@makes("aws:ecr/repositoryCreationTemplate:RepositoryCreationTemplate")
def creation_template(subject: Subject) -> Computed:
    """What repositories that ECR makes by itself look like."""
    kinds = [each.get("encryptionType") for each in subject.inputs.get("encryptionConfigurations") or []]
    if ("KMS" in kinds or subject.inputs.get("resourceTags")) and not subject.text("customRoleArn"):
        raise AwsError(
            "InvalidParameterException",
            "Invalid parameter at 'customRoleArn': a role is required for KMS encryption or resource tags",
        )
    return Computed(subject.text("prefix"), {"registryId": ACCOUNT_ID})


@makes(
    "aws:ecr/registryScanningConfiguration:RegistryScanningConfiguration",
    "aws:ecr/replicationConfiguration:ReplicationConfiguration",
)
def registry_configuration(subject: Subject) -> Computed:
    """What a registry is told once. The real id is the account's; here the region is part of it, for there is one in each."""
    return Computed(f"{ACCOUNT_ID}-{subject.region}", {"registryId": ACCOUNT_ID})
