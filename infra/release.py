"""How a new version takes over: pod by pod, or as a whole beside the old one."""

import hashlib
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from infra.naming import PROJECT, selector_labels
from infra.settings import Section

COLOUR_LABEL = f"{PROJECT}.io/colour"

VERSIONS = "(-[0-9a-f]{8})?"
"""Behind a workload's name in Prometheus' regular expressions: its own objects, and those of one version (`version_name`)."""

MAINTENANCE = "maintenance"
"""In the place of a colour: the page that stands in for every version."""


def _no_moving_tag(image: str) -> str:
    if image.endswith(":latest"):
        raise ValueError("ends with :latest, which means another image each day; name a version or a digest")
    return image


Image = Annotated[str, Field(pattern=r"^[\w.:/-]+(:[\w.-]+|@sha256:[0-9a-f]{64})$"), AfterValidator(_no_moving_tag)]


class ReleaseSettings(Section):
    """How a new version takes over."""

    strategy: Literal["rolling", "blue-green"] = "rolling"
    """`blue-green`: the new version comes up beside the old one, is ready (and checked) as a whole, gets all requests at once,
    and then the old one goes. A new version that does not come up fails the update, and the old one serves on: with both."""

    standby: Image | None = None
    """Another version that stays up without requests; to switch back at once, swap it with `image`."""

    replicas: int | None = Field(None, ge=1, le=100)
    """Pods with which a new version begins where there is autoscaling: at least what serves at that hour. The autoscaler's
    minimum when left out."""

    check: tuple[str, ...] = Field((), max_length=20)
    """Arguments of the new image: a Job runs with them once the version is up, and must succeed before the switch. It finds
    the version at CHECK_URL."""

    deadline_seconds: int = Field(300, ge=10, le=600)
    """Without progress for so long, a new version has failed (REQUIREMENTS: healthy within 300 s or back)."""

    @property
    def blue_green(self) -> bool:
        """Whether versions stand side by side."""
        return self.strategy == "blue-green"

    @model_validator(mode="after")
    def _only_side_by_side(self) -> "ReleaseSettings":
        given = [key for key in ("standby", "replicas", "check") if getattr(self, key)]
        if given and not self.blue_green:
            raise ValueError(f"{' and '.join(given)}: only with strategy blue-green, where versions stand side by side")
        return self


def colour_of(image: str) -> str:
    """Eight hexadecimal digits that tell versions apart."""
    return hashlib.sha256(image.encode()).hexdigest()[:8]


def version_name(name: str, image: str) -> str:
    """What the objects of one version are called: `app-1a2b3c4d`."""
    return f"{name}-{colour_of(image)}"


def colour_labels(name: str, image: str) -> dict[str, str]:
    """By which the pods of one version are selected."""
    return {**selector_labels(name), COLOUR_LABEL: colour_of(image)}


def rule_priority(colour: str) -> int:
    """Of the rule that holds a colour's targets: of its own, since no two rules may share one; behind those that lead somewhere.

    ELB allows 50,000.
    """
    without_colour = {"": 900, MAINTENANCE: 901}
    return without_colour[colour] if colour in without_colour else 1000 + int(colour, 16) % 40_000
