"""Recovery in a second region: what is copied there while all is well, and how the platform is brought up from the copies."""

import re
from dataclasses import dataclass
from typing import Annotated

from pulumi import Input
from pydantic import Field

from infra.layout import PrivateNetwork
from infra.settings import Region, Section

RECOVERY_SUFFIX = "-recovery"
"""A stack that recovers `prod` is called `prod-recovery`: so it finds what `prod` left in the second region by name."""

REGISTRY_HOST = re.compile(r"^(?P<account>[0-9]{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com/")


class RecoverySettings(Section):
    """Section `recovery` of a stack file."""

    region: Region
    """The second region: receives copies of the database's backups, files and secrets, encrypted with a key of its own."""

    network_cidr: PrivateNetwork
    """Addresses of the VPC there, should it be needed: a range of its own, so that both regions can be connected."""

    restore_database_from: (
        Annotated[str, Field(pattern=r"^arn:aws:rds:[a-z0-9-]+:[0-9]{12}:auto-backup:ab-[a-z0-9]+$")] | None
    ) = None
    """The one setting that brings the platform up in the second region: ARN of the database's replicated backup there
    (docs/procedures/second-region.md). Everything else follows from the rest of the file."""

    @property
    def restoring(self) -> bool:
        """Whether this stack is the one in the second region."""
        return self.restore_database_from is not None


@dataclass(frozen=True)
class SecondRegion:
    """Where copies go: the region, and the key there that encrypts them."""

    region: str
    key_arn: Input[str]


def key_of_copies(owner: str) -> str:
    """What the key of a stack's copies is called: by this alias the stack knows it that is brought up from them."""
    return f"{owner}-copies"


def source_stack(stack: str) -> str:
    """The stack whose copies a recovering stack uses: `prod` of `prod-recovery`, and any other one itself."""
    return stack.removesuffix(RECOVERY_SUFFIX)


def image_in(region: str, image: str) -> str:
    """The same image in the registry of another region, where replication has put it; other registries' images as they are."""
    found = REGISTRY_HOST.match(image)
    if not found:
        return image
    return f"{found['account']}.dkr.ecr.{region}.amazonaws.com/{image[found.end() :]}"
