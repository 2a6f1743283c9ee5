"""Drills on AWS's managed services: a failover of RDS, and of ElastiCache."""

import time
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

import boto3  # type: ignore[import-untyped]

from ops.aws import asked, identifier
from ops.drills.drill import Drill
from ops.stack import Stack

RESTARTED = ("failover completed", "instance restarted")
"""In RDS's events, at the end of a reboot (RDS user guide, "Amazon RDS event categories": RDS-EVENT-0049, RDS-EVENT-0006)."""

FAILED_OVER = "completed"
"""In ElastiCache's event at the end of a test failover (API reference, "TestFailover")."""


class ManagedDrill(Drill):
    """Something of AWS's that says in its events when it is back."""

    evicts = False
    service: str
    source_type: str

    def __init__(self, stack: Stack, kind: str, name: str) -> None:
        super().__init__(stack)
        self.kind = kind
        self._name = name
        self._client = boto3.client(self.service, region_name=stack.outputs["region"])
        self._since = datetime.now(UTC)
        self._asked_at = 0.0
        self._back = False

    def missing(self) -> list[str]:
        """The service's own word; asked every five seconds at most, since AWS limits such questions."""
        if not self._back and time.monotonic() - self._asked_at > 5:
            self._asked_at = time.monotonic()
            with asked(self.service):
                events = self._client.describe_events(
                    SourceIdentifier=self._name, SourceType=self.source_type, StartTime=self._since
                )["Events"]
                self._back = any(self._ends(event["Message"]) for event in events) and self._available()
        return [] if self._back else [f"{self._name} says nothing of its end yet"]

    def _ends(self, message: str) -> bool:
        raise NotImplementedError

    def _available(self) -> bool:
        raise NotImplementedError


class DatabaseDrill(ManagedDrill):
    """RDS reboots the instance, with failover where there is a standby."""

    service, source_type = "rds", "db-instance"

    def __init__(self, stack: Stack) -> None:
        super().__init__(stack, "database", identifier(stack, "aws:rds/instance:Instance"))
        self._standby = bool(self._described()["MultiAZ"])
        self.deed = f"reboot database {self._name} {'with' if self._standby else 'without'} failover"

    def faults(self) -> list[str]:
        """The instance is busy with something else."""
        status = self._described()["DBInstanceStatus"]
        return [] if status == "available" else [f"database {self._name} is {status}, not available"]

    def strike(self, patience: float) -> Collection[str]:  # noqa: ARG002 - returns at once
        """Asks for the reboot."""
        self._since = datetime.now(UTC)
        with asked(self.service):
            self._client.reboot_db_instance(DBInstanceIdentifier=self._name, ForceFailover=self._standby)
        return ()

    def _ends(self, message: str) -> bool:
        return (RESTARTED[0] if self._standby else RESTARTED[1]) in message.lower()

    def _available(self) -> bool:
        return bool(self._described()["DBInstanceStatus"] == "available")

    def _described(self) -> Mapping[str, Any]:
        with asked(self.service):
            found: Mapping[str, Any] = self._client.describe_db_instances(DBInstanceIdentifier=self._name)[
                "DBInstances"
            ][0]
        return found


class CacheDrill(ManagedDrill):
    """ElastiCache lets the primary of the replication group fail."""

    service, source_type = "elasticache", "replication-group"

    def __init__(self, stack: Stack) -> None:
        super().__init__(stack, "cache", identifier(stack, "aws:elasticache/replicationGroup:ReplicationGroup"))
        self.deed = f"let the primary of cache {self._name} fail over"

    def faults(self) -> list[str]:
        """No replica to fail over to, or the group is busy with something else."""
        group = self._described()
        found = [] if group["Status"] == "available" else [f"cache {self._name} is {group['Status']}, not available"]
        if group.get("AutomaticFailover") != "enabled":
            found.append(f"cache {self._name} has no replica that would take over (cache.nodes is 1): nothing to drill")
        return found

    def strike(self, patience: float) -> Collection[str]:  # noqa: ARG002 - returns at once
        """Asks for it; AWS allows fifteen in a day (API reference, "TestFailover")."""
        self._since = datetime.now(UTC)
        node_group = self._described()["NodeGroups"][0]["NodeGroupId"]
        with asked(self.service):
            self._client.test_failover(ReplicationGroupId=self._name, NodeGroupId=node_group)
        return ()

    def _ends(self, message: str) -> bool:
        return "failover" in message.lower() and FAILED_OVER in message.lower()

    def _available(self) -> bool:
        return bool(self._described()["Status"] == "available")

    def _described(self) -> Mapping[str, Any]:
        with asked(self.service):
            found: Mapping[str, Any] = self._client.describe_replication_groups(ReplicationGroupId=self._name)[
                "ReplicationGroups"
            ][0]
        return found
