"""What drills ask of RDS and ElastiCache, and how they read the answers."""

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.stub import ANY, Stubber  # type: ignore[import-untyped]

from ops.drills.managed import CacheDrill, DatabaseDrill
from ops.errors import OpsError
from tests.ops.aws_answers import stack

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def instance(status: str = "available", multi_az: bool = True) -> dict[str, Any]:
    return {
        "DBInstances": [{"DBInstanceIdentifier": "marlinspike-prod", "DBInstanceStatus": status, "MultiAZ": multi_az}]
    }


@pytest.mark.parametrize(
    ("multi_az", "early", "end"),
    [
        (True, "Multi-AZ instance failover started", "Multi-AZ instance failover completed"),
        (False, "DB instance shutdown", "DB instance restarted"),
    ],
)
def test_a_database_has_failed_over_when_rds_says_so_and_is_available(
    answers: dict[str, Stubber], multi_az: bool, early: str, end: str
) -> None:
    rds = answers["rds"]
    rds.add_response("describe_db_instances", instance(multi_az=multi_az))
    drill = DatabaseDrill(stack())
    assert drill.deed == f"reboot database marlinspike-prod {'with' if multi_az else 'without'} failover"
    rds.add_response("describe_db_instances", instance(multi_az=multi_az))
    assert drill.faults() == []
    rds.add_response("reboot_db_instance", {}, {"DBInstanceIdentifier": "marlinspike-prod", "ForceFailover": multi_az})
    assert drill.strike(1) == ()
    for messages, status in (([early], ""), ([early, end], "rebooting"), ([early, end], "available")):
        rds.add_response(
            "describe_events",
            {"Events": [{"Message": message, "Date": NOW} for message in messages]},
            {"SourceIdentifier": "marlinspike-prod", "SourceType": "db-instance", "StartTime": ANY},
        )
        if status:
            rds.add_response("describe_db_instances", instance(status, multi_az))
        drill._asked_at = float("-inf")
        assert bool(drill.missing()) is (status != "available")
    assert drill.missing() == []  # nobody is asked again


def test_a_database_that_is_busy_is_not_drilled(answers: dict[str, Stubber]) -> None:
    for _ in range(2):
        answers["rds"].add_response("describe_db_instances", instance("backing-up"))
    assert DatabaseDrill(stack()).faults() == ["database marlinspike-prod is backing-up, not available"]


def group(status: str = "available", automatic: str = "enabled") -> dict[str, Any]:
    return {
        "ReplicationGroups": [
            {"Status": status, "AutomaticFailover": automatic, "NodeGroups": [{"NodeGroupId": "0001"}]}
        ]
    }


def test_a_cache_has_failed_over_when_elasticache_says_so(answers: dict[str, Stubber]) -> None:
    cache = answers["elasticache"]
    drill = CacheDrill(stack())
    for _ in range(2):
        cache.add_response("describe_replication_groups", group())
    assert drill.faults() == []
    cache.add_response("test_failover", {}, {"ReplicationGroupId": "marlinspike-prod-cache", "NodeGroupId": "0001"})
    drill.strike(1)
    called = "Test Failover API called for node group 0001"
    done = "Failover from primary node marlinspike-prod-cache-001 to replica node marlinspike-prod-cache-002 completed"
    for messages in ([called], [called, done]):
        cache.add_response("describe_events", {"Events": [{"Message": message} for message in messages]})
        if done in messages:
            cache.add_response("describe_replication_groups", group())
        drill._asked_at = float("-inf")
        assert bool(drill.missing()) is (done not in messages)


def test_a_cache_of_one_node_has_nothing_to_drill(answers: dict[str, Stubber]) -> None:
    answers["elasticache"].add_response("describe_replication_groups", group("modifying", "disabled"))
    assert CacheDrill(stack()).faults() == [
        "cache marlinspike-prod-cache is modifying, not available",
        "cache marlinspike-prod-cache has no replica that would take over (cache.nodes is 1): nothing to drill",
    ]


def test_what_aws_refuses_is_said_in_its_words(answers: dict[str, Stubber]) -> None:
    answers["rds"].add_client_error("describe_db_instances", "AccessDenied", "not authorized to perform")
    with pytest.raises(OpsError, match=r"rds: .*AccessDenied.*not authorized to perform"):
        DatabaseDrill(stack())
