"""What a stack says of its cache, and what does not go together."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from infra.settings import LogDays, Section
from infra.windows import DailyWindow, WeeklyWindow, daily, refuse_short, weekly

NodeType = Literal[
    "cache.t4g.micro",
    "cache.t4g.small",
    "cache.t4g.medium",
    "cache.m7g.large",
    "cache.m7g.xlarge",
    "cache.m7g.2xlarge",
    "cache.r7g.large",
    "cache.r7g.xlarge",
    "cache.r7g.2xlarge",
]
"""Graviton types that run Valkey (ElastiCache user guide, "Supported node types")."""

ParameterName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$", examples=["timeout"])]

SnapshotSource = Annotated[
    str,
    Field(
        pattern=r"^([A-Za-z][A-Za-z0-9.-]{0,254}|arn:aws[a-z-]*:elasticache:[a-z0-9-]+:[0-9]{12}:serverlesssnapshot:[^:]+)$"
    ),
]

LEAST_WINDOW = 60
"""Minutes of a snapshot or maintenance window (ElastiCache API reference, `CreateReplicationGroup`)."""


class CacheSettings(Section):
    """Section `cache` of an AWS stack file."""

    unavailable: ClassVar[Mapping[str, str]] = {
        "shards": "cluster mode is off: one node of the largest type holds more than a cache of sessions needs, and every client "
        "would have to know of shards; choose a larger node_type, or kind serverless"
    }

    kind: Literal["nodes", "serverless"] = "nodes"
    """Nodes of a size that one chooses, or capacity that ElastiCache adds and removes by itself, paid as it is used."""

    node_type: NodeType = "cache.t4g.micro"
    """Of `nodes` only."""

    nodes: int = Field(1, ge=1, le=6)
    """Primary and replicas together, of `nodes` only; at most one for each zone is useful."""

    data_gib: int = Field(5, ge=1, le=5000)
    """Of `serverless` only: the most that is kept, and paid; beyond it the oldest unused keys with an end make room."""

    ecpu_per_second: int = Field(5000, ge=1000, le=15_000_000)
    """Of `serverless` only: the most that is done in a second, and paid; one ElastiCache Processing Unit is a simple command of
    up to 1 kB. Beyond it commands are throttled."""

    snapshot_days: int = Field(0, ge=0, le=35)
    """How long daily snapshots are kept; 0 takes none."""

    snapshot_window: DailyWindow = "01:30-02:30"
    """When the daily snapshot begins, in UTC; at least 60 minutes. A serverless cache takes its first minute."""

    maintenance_window: WeeklyWindow = "sun:04:00-sun:05:00"
    """When ElastiCache may replace nodes, in UTC, of `nodes` only; at least 60 minutes."""

    keep_after_deletion: bool = False
    """Whether a deletion takes a final snapshot, of `nodes` only; apart from `protection`, which prevents it."""

    restore_from: SnapshotSource | None = None
    """What the cache was filled with when it was made: of `nodes` the name of a snapshot, of `serverless` the ARN of one.

    ElastiCache fills new caches only (ElastiCache user guide, "Restoring from a backup into a new cache"), so that every other
    value makes another cache, which takes the place of the one that serves; without the setting an empty one.
    `python -m ops cache restore` sets it, and it stays in the file (docs/decisions/0039)."""

    parameters: Mapping[ParameterName, Annotated[str, Field(min_length=1)]] = Field({})
    """Valkey's own parameters, of `nodes` only, beside `maxmemory-policy`, which the platform decides. Only what differs from
    ElastiCache's defaults: a default that is written down shows as a change for ever."""

    log_retention_days: LogDays = 30
    """Of the slow log and the engine's log, of `nodes` only."""

    @property
    def fails_over(self) -> bool:
        """Whether a replica can take the primary's place."""
        return self.nodes > 1

    @model_validator(mode="after")
    def _only_what_its_kind_knows(self) -> "CacheSettings":
        strange = [key for key in type(self).model_fields if key in self.model_fields_set & ELSEWHERE[self.kind]]
        if strange:
            raise ValueError(
                f"kind {self.kind} knows no {', '.join(strange)}; remove {'them' if strange[1:] else 'it'}"
            )
        return self

    @model_validator(mode="after")
    def _is_filled_by_what_its_kind_takes(self) -> "CacheSettings":
        if self.restore_from and self.restore_from.startswith("arn:") != (self.kind == "serverless"):
            wanted = "the ARN of a serverless snapshot" if self.kind == "serverless" else "a snapshot's name"
            raise ValueError(f"restore_from {self.restore_from}: kind {self.kind} is filled by {wanted}; write that")
        return self

    @model_validator(mode="after")
    def _windows_are_long_enough(self) -> "CacheSettings":
        refuse_short("snapshot_window", daily(self.snapshot_window)[1], LEAST_WINDOW)
        refuse_short("maintenance_window", weekly(self.maintenance_window)[1], LEAST_WINDOW)
        return self

    @model_validator(mode="after")
    def _own_parameters_are_free(self) -> "CacheSettings":
        if "maxmemory-policy" in self.parameters:
            raise ValueError(
                "parameters: the platform decides maxmemory-policy (the oldest unused keys make room); remove it here"
            )
        return self


ELSEWHERE: Mapping[str, frozenset[str]] = {
    "nodes": frozenset({"data_gib", "ecpu_per_second"}),
    "serverless": frozenset(
        # The provider takes no final snapshot of a serverless cache, and ElastiCache offers it neither logs nor parameters.
        {"node_type", "nodes", "maintenance_window", "keep_after_deletion", "parameters", "log_retention_days"}
    ),
}
"""By kind, the settings of the other one."""
