"""What a judge says, in one form for all of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Finding:
    """One check that one resource or object did not pass."""

    check: str
    """The check's id, as the judge names it, such as `CKV_AWS_16`."""

    resource: str
    """`aws_db_instance.name` or `Deployment.namespace.name`."""

    meaning: str
    """What the check wants, in the judge's words."""

    place: str = ""
    """Where to look: the line of the program that declares the resource, or the file that was judged."""


@dataclass(frozen=True)
class Opinion:
    """What one judge says of one stack."""

    judge: str
    version: str
    passed: int
    """Checks passed, each counted once for each resource."""

    failed: Sequence[Finding] = field(default_factory=tuple)


class JudgeError(Exception):
    """A judge could not do its work, so that its silence means nothing; the message says why and what to do."""
