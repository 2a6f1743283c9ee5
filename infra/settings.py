"""What every section of a stack file has in common: frozen, typed, and without room for a misspelt key."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field


class Section(BaseModel):
    """One section of a stack file. Unknown keys are refused, values never change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    unavailable: ClassVar[Mapping[str, str]] = {}
    """Keys that one would look for here and that cannot be had: the reason, and what to do instead."""


AccountId = Annotated[str, Field(pattern=r"^[0-9]{12}$")]
Region = Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-[0-9]$")]
HostedZoneId = Annotated[str, Field(pattern=r"^Z[A-Z0-9]{1,31}$")]
"""Of Route 53."""

DomainName = Annotated[
    str, Field(pattern=r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])$", max_length=64)
]
"""At least two labels; ACM takes 64 characters for a certificate's first name (RFC 5280, ub-common-name)."""

LogDays = Literal[7, 14, 30, 60, 90, 180, 365]
"""Periods that CloudWatch Logs offers; logs elsewhere are kept as long."""

Email = Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$", examples=["platform@example.com"])]
"""Where people read what happened."""

SecretName = Annotated[str, Field(pattern=r"^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$", examples=["payment-api"])]
"""Of a secret in section `secrets`, and of the Kubernetes Secret and the file that it becomes."""

Millicores = Annotated[str, Field(pattern=r"^[1-9][0-9]*m$", examples=["500m"])]
"""CPU in thousandths of a core, as Kubernetes writes it."""

Mebibytes = Annotated[str, Field(pattern=r"^[1-9][0-9]*(Mi|Gi)$", examples=["256Mi", "1Gi"])]
"""Memory or disk in MiB or GiB, as Kubernetes writes it."""


def mebibytes(quantity: Mebibytes) -> int:
    """`512Mi` is 512, `2Gi` is 2048."""
    return int(quantity[:-2]) * (1024 if quantity.endswith("Gi") else 1)


def millicores(quantity: Millicores) -> int:
    """`500m` is 500."""
    return int(quantity[:-1])
