"""Every kind of alarm that the program knows, whether or not a shipped stack has it."""

from infra.alarms.alarm import Alarm
from infra.alarms.backup import backup_alarms
from infra.alarms.cache import CacheThresholds, cache_alarms
from infra.alarms.database import DatabaseThresholds, database_alarms
from infra.alarms.edge import EdgeThresholds, certificate_alarms, load_balancer_alarms
from infra.alarms.network import NetworkThresholds, nat_gateway_alarms, subnet_alarms
from infra.database import DatabaseSettings


def every_alarm() -> list[Alarm]:
    """One of each name, and more of those that come in numbers."""
    network = NetworkThresholds(ipam_scope_id="ipam-scope-0123456789abcdef0")
    return [
        *database_alarms(DatabaseThresholds(), DatabaseSettings(instance_class="db.t4g.small"), "database"),
        *cache_alarms(CacheThresholds(), ["cache-001", "cache-002"]),
        *nat_gateway_alarms(network, {"a": "nat-a", "b": "nat-b"}),
        *subnet_alarms(network, "111122223333", "eu-west-3", "vpc-1", {"a": "subnet-a"}),
        *load_balancer_alarms(EdgeThresholds(), "app/balancer/1", "targetgroup/app/2"),
        *certificate_alarms(EdgeThresholds(), "arn:aws:acm:eu-west-3:111122223333:certificate/1"),
        *backup_alarms("vault", copies=True, restore_test=True),
    ]
