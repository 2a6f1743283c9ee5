"""What a service leans on, as the service itself sees it: the database and the cache."""

from infra.monitoring.dashboards.page import Page, Panel, Query, Row
from infra.monitoring.dashboards.selection import OF_SERVICE, RATE, choose


def dependencies(namespace: str, workload: str) -> Page:
    """The dashboard of the database and the cache from the application's side."""
    return Page(
        "marlinspike-dependencies",
        "Dependencies",
        "The database and the cache, as the application's pods see them once a second.",
        variables=choose(namespace, workload, "dependency_up", "job"),
        runbooks=("DatabaseUnreachable", "CacheUnreachable", "DatabasePoolExhausted"),
        rows=[_reached(), _database(), _cache()],
    )


def _reached() -> Row:
    up = f"dependency_up{{{OF_SERVICE}}}"
    return Row(
        "Reached",
        [
            Panel(
                "Reached by every pod",
                "1 while every pod reaches it, 0 when one does not. Without the cache the service is slower, without the "
                "database it fails.",
                "short",
                [Query(f"min by (dependency) ({up})", "{{dependency}}")],
                kind="stat",
                limits=(1, 0.5),
            ),
            Panel(
                "Reached, by pod",
                "One pod alone that does not reach it: look at its node and at the network policies.",
                "short",
                [Query(up, "{{dependency}} {{pod}}")],
                most=1,
            ),
        ],
    )


def _database() -> Row:
    in_use = f"database_pool_connections{{{OF_SERVICE}}} - database_pool_idle_connections{{{OF_SERVICE}}}"
    return Row(
        "Database",
        [
            Panel(
                "Connections in use",
                "Held and not idle, by pod. The whole pool in use for long means that requests wait.",
                "short",
                [Query(f"sum by (pod) ({in_use})", "{{pod}}")],
            ),
            Panel(
                "Waiting for a connection",
                "Requests in the queue for a connection, of all pods. After 2 s they are answered with 503.",
                "short",
                [Query(f"sum(database_pool_waiting_requests{{{OF_SERVICE}}})", "waiting")],
                limits=(1, 10),
            ),
        ],
    )


def _cache() -> Row:
    lookups = f"sum(rate(cache_lookups_total{{{OF_SERVICE}}}[{RATE}]))"
    hits = f'sum(rate(cache_lookups_total{{{OF_SERVICE}, result="hit"}}[{RATE}]))'
    return Row(
        "Cache",
        [
            Panel(
                "Lookups",
                "hit, miss; error and skipped: the cache does not answer, and the database does the work.",
                "ops",
                [Query(f"sum by (result) (rate(cache_lookups_total{{{OF_SERVICE}}}[{RATE}]))", "{{result}}")],
            ),
            Panel(
                "Hit rate",
                "Share of lookups that found something. It falls after each write, which forgets everything.",
                "percentunit",
                [Query(f"({hits} or 0 * {lookups}) / {lookups}", "hits")],
                most=1,
            ),
        ],
    )
