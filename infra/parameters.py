"""What PostgreSQL on RDS is told at its start: the parameters that the platform decides, a stack's own, its extensions."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pulumi_aws import rds
from pydantic import Field

ParameterName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*(\.[a-z0-9_]+)?$", examples=["work_mem"])]
Parameters = Mapping[ParameterName, Annotated[str, Field(min_length=1)]]
"""Text by name, as RDS has it: in quotation marks, a number in the parameter's own unit (`work_mem: "8192"` is 8 MiB)."""

Extension = Literal[
    "amcheck",
    "bloom",
    "btree_gin",
    "btree_gist",
    "citext",
    "cube",
    "dict_int",
    "earthdistance",
    "fuzzystrmatch",
    "hstore",
    "intarray",
    "isn",
    "ltree",
    "pg_buffercache",
    "pg_partman",
    "pg_trgm",
    "pgcrypto",
    "pgrowlocks",
    "pgstattuple",
    "postgis",
    "tablefunc",
    "unaccent",
    "uuid-ossp",
    "vector",
]
"""Extensions of RDS for PostgreSQL 18 that need no more than CREATE EXTENSION ("Extension versions for Amazon RDS for
PostgreSQL"). Those that need a library at the server's start or a parameter of their own (pg_cron, pgaudit) are not among
them; pg_stat_statements is always there."""

DECIDED: Mapping[str, str] = {
    "rds.force_ssl": "nobody connects without TLS",
    "shared_preload_libraries": "it loads pg_stat_statements and nothing else",
    "max_connections": "set database.max_connections",
    "log_min_duration_statement": "set database.slow_query_milliseconds",
    "idle_in_transaction_session_timeout": "a forgotten transaction stops vacuum",
    "log_lock_waits": "it is on",
    "log_statement": "changes of the schema are logged; no role has a password that a log could show",
    "log_connections": "every login is logged, with its role and its TLS version",
    "log_disconnections": "every end of a session is logged, with its duration",
}
"""Parameters that the platform decides, and why (or where) a stack cannot."""

STATIC = frozenset(
    """
    archive_mode autovacuum_freeze_max_age autovacuum_multixact_freeze_max_age autovacuum_worker_slots
    commit_timestamp_buffers huge_page_size huge_pages io_max_combine_limit io_max_concurrency io_method
    max_active_replication_origins max_files_per_process max_locks_per_transaction max_logical_replication_workers
    max_notify_queue_pages max_pred_locks_per_transaction max_prepared_transactions max_replication_slots max_wal_senders
    max_worker_processes multixact_member_buffers multixact_offset_buffers notify_buffers pg_stat_statements.max
    rds.logical_replication reserved_connections serializable_buffers shared_buffers subtransaction_buffers
    superuser_reserved_connections track_activity_query_size track_commit_timestamp transaction_buffers wal_buffers
    wal_decode_buffer_size wal_level
    """.split()  # noqa: SIM905 - thirty lines of quotation marks say no more
)
"""Parameters that hold after a restart only: those of which PostgreSQL 18's documentation says "can only be set at server
start", and RDS's own. RDS refuses to apply them at once. A test asks a real PostgreSQL for those that it knows."""

IDLE_IN_TRANSACTION_MILLISECONDS = 60_000


def refuse_decided(parameters: Parameters) -> None:
    """Raises ValueError for parameters of a stack that the platform decides, naming them all."""
    faults = [f"{name} ({DECIDED[name]})" for name in parameters if name in DECIDED]
    if faults:
        raise ValueError(f"parameters: the platform decides {', '.join(faults)}; remove it here")


def group_parameters(
    own: Parameters, max_connections: int, slow_query_milliseconds: int
) -> list[rds.ParameterGroupParameterArgs]:
    """All parameters of a group: the platform's, and a stack's `own`, each applied at once where PostgreSQL can."""
    at_once = {
        "log_min_duration_statement": str(slow_query_milliseconds),
        "idle_in_transaction_session_timeout": str(IDLE_IN_TRANSACTION_MILLISECONDS),
        "log_lock_waits": "1",
        "log_statement": "ddl",
        # Words since PostgreSQL 18; RDS takes receipt, authentication, authorization, setup_durations or all, and no longer
        # `1` (ministryofjustice/cloud-platform#7948).
        "log_connections": "authorization",
        "log_disconnections": "1",
    }
    at_restart = {
        # RDS's own default since PostgreSQL 15: with `immediate` every preview would show a change
        # (terraform-provider-aws#39252).
        "rds.force_ssl": "1",
        "shared_preload_libraries": "pg_stat_statements",
        "max_connections": str(max_connections),
    }
    for name, value in own.items():
        (at_restart if name in STATIC else at_once)[name] = value
    return [
        rds.ParameterGroupParameterArgs(name=name, value=value, apply_method=method)
        for values, method in ((at_once, "immediate"), (at_restart, "pending-reboot"))
        for name, value in values.items()
    ]
