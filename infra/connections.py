"""How a workload reaches the database and the cache, whoever runs them (RDS and ElastiCache, or pods)."""

from dataclasses import dataclass
from typing import Literal

from pulumi import Input

POSTGRESQL_PORT = 5432
VALKEY_PORT = 6379

APPLICATION_USER = "app"
"""PostgreSQL role of the application. On AWS it has no password: it logs in with IAM tokens."""

Authentication = Literal["iam", "password"]


@dataclass(frozen=True)
class DatabaseConnection:
    """PostgreSQL, as the application sees it."""

    host: Input[str]
    database: str
    authentication: Authentication
    """`iam`: a token, signed with the pod's own role, takes the password's place."""
    tls: bool
    """With the host's name and certificate verified."""
    authority_file: str | None = None
    """Where the container finds the certificate authority's certificate; without it, those of RDS are taken."""


@dataclass(frozen=True)
class CacheConnection:
    """Valkey, as a client sees it."""

    host: Input[str]
    user: str
    authentication: Authentication
    tls: bool
    name: Input[str] | None = None
    """Of the replication group or the serverless cache, part of what an IAM token signs; none with a password."""
    serverless: bool = False
    """Tokens for a serverless cache say so."""
