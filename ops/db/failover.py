"""`db failover`: the standby in another zone takes over."""

import time
from typing import Any

import boto3  # type: ignore[import-untyped]

from ops.aws import asked
from ops.command import Result, Session
from ops.errors import OpsError
from stacks.settings import LocalSettings

PATIENCE_SECONDS = 900.0
"""RDS takes one or two minutes, and longer while it recovers large transactions (RDS user guide, "Failing over a Multi-AZ DB
instance")."""

POLL_SECONDS = 5.0


def db_failover(session: Session) -> Result:
    """Let the standby take over, and wait until it serves from its zone. Connections end; the application makes new ones.

    On AWS by a reboot with failover, which a database in one zone cannot have.

    Examples: `python -m ops db failover --stack prod --confirm prod`
    """
    stack = session.stack
    if isinstance(stack.platform, LocalSettings):
        _refuse_on_local(stack.platform)
    settings = stack.aws
    if not settings.database.multi_az:
        raise OpsError(
            f"the database of {stack.name} is in one zone, and has no standby; set database.multi_az and run pulumi up"
        )
    if stack.rehearsed:
        raise OpsError(
            "a rehearsal's database is simulated, and has no standby; fail the real one over, without --rehearsed"
        )
    identifier = str(stack.outputs["database_address"]).split(".")[0]
    if session.would(f"reboot {identifier} with failover"):
        return {"database": identifier}
    session.confirm(f"fail {identifier} over, which ends every connection,")
    return fail_over(boto3.client("rds", region_name=str(stack.outputs["region"])), identifier, session.report.say)


def fail_over(
    rds: Any, identifier: str, say: Any, patience_seconds: float = PATIENCE_SECONDS, poll_seconds: float = POLL_SECONDS
) -> dict[str, Any]:
    """Reboot an instance with failover; returns the zones before and after, and the seconds it took. Raises OpsError."""
    with asked("RDS refused"):
        before = _instance(rds, identifier)
        if not before["MultiAZ"] or before["DBInstanceStatus"] != "available":
            raise OpsError(
                f"{identifier} is {before['DBInstanceStatus']}, "
                f"{'with' if before['MultiAZ'] else 'without'} a standby: there is nothing that could take over now"
            )
        started = time.monotonic()
        rds.reboot_db_instance(DBInstanceIdentifier=identifier, ForceFailover=True)
        say(f"{identifier} leaves {before['AvailabilityZone']}")
        while True:
            now = _instance(rds, identifier)
            moved = now["AvailabilityZone"] != before["AvailabilityZone"]
            seconds = round(time.monotonic() - started, 1)
            if moved and now["DBInstanceStatus"] == "available":
                break
            if seconds > patience_seconds:
                raise OpsError(
                    f"{identifier} is {now['DBInstanceStatus']} in {now['AvailabilityZone']} after {seconds:.0f} s; "
                    f"see: aws rds describe-events --source-type db-instance --source-identifier {identifier}"
                )
            time.sleep(poll_seconds)
    say(f"{identifier} serves from {now['AvailabilityZone']} after {seconds} s")
    return {
        "database": identifier,
        "from": before["AvailabilityZone"],
        "to": now["AvailabilityZone"],
        "seconds": seconds,
    }


def _instance(rds: Any, identifier: str) -> dict[str, Any]:
    found: dict[str, Any] = rds.describe_db_instances(DBInstanceIdentifier=identifier)["DBInstances"][0]
    return found


def _refuse_on_local(settings: LocalSettings) -> None:
    if settings.database.operator and settings.database.instances > 1:
        raise OpsError(
            "CloudNativePG fails over by itself when the primary is lost; for a switchover by hand use its own plugin: "
            "kubectl cnpg promote postgresql INSTANCE --namespace marlinspike"
        )
    raise OpsError("the database of this stack is one pod, and has no standby; see database.operator and .instances")
