"""The shipped application as a workload: its own settings, and what its container is told (app/settings.py reads it)."""

from collections.abc import Mapping, Sequence
from typing import Literal

from pulumi import Input
from pydantic import Field, model_validator

from infra.connections import APPLICATION_USER, POSTGRESQL_PORT, VALKEY_PORT, CacheConnection, DatabaseConnection
from infra.maintenance import MaintenanceSettings
from infra.monitoring.tracing import ENDPOINT, TracingSettings
from infra.pods import SECRETS_FOLDER
from infra.settings import SecretName
from infra.workload_settings import METRICS_PORT, Port, WorkloadSettings

DATABASE_PASSWORD_KEY = "database-password"  # noqa: S105 - the name of a key
CACHE_PASSWORD_KEY = "cache-password"  # noqa: S105 - the name of a key

KEEP_ALIVE_SECONDS = 75
"""How long the application keeps a silent connection open (app/__main__.py)."""

RDS_CERTIFICATES = "/etc/ssl/certs/rds-global-bundle.pem"
"""Where the application's image keeps the certificate authorities of RDS."""


class ApplicationSettings(WorkloadSettings):
    """Section `app` of a stack file: the workload that the load balancer leads to, with database and cache."""

    metrics_port: Port = METRICS_PORT

    log_level: Literal["debug", "info", "warning", "error"] = "info"

    database_pool_size: int = Field(5, ge=1, le=100)
    """Connections that one pod holds at most."""

    default_language: Literal["en", "fr"] = "en"
    """In which a quote is searched that has no word by which to tell."""

    faults_enabled: bool = False
    """Whether a client may ask for a delay or an error (`X-Fault-Delay`, `X-Fault-Status`), for drills."""

    sentry_dsn: SecretName | None = None
    """Of `secrets`: the address by which errors that nobody expected are told to Sentry; nothing is when left out. Opens the way
    to public addresses on port 443, since Sentry's change."""

    maintenance: MaintenanceSettings | None = None
    """A page stands in for the application (`python -m ops maintenance on`); nothing when left out."""

    @model_validator(mode="after")
    def _the_dsn_is_a_file(self) -> "ApplicationSettings":
        if self.sentry_dsn is not None and self.sentry_dsn not in self.secrets:
            raise ValueError(f"sentry_dsn: {self.sentry_dsn} is not in secrets, so there is no such file; add it there")
        return self


def database_environment(database: DatabaseConnection) -> dict[str, Input[str]]:
    """What any container that speaks to PostgreSQL is told."""
    found: dict[str, Input[str]] = {
        "DATABASE_HOST": database.host,
        "DATABASE_PORT": str(POSTGRESQL_PORT),
        "DATABASE_NAME": database.database,
        "DATABASE_USER": APPLICATION_USER,
        "DATABASE_TLS": "verify-full" if database.tls else "disable",
    }
    if database.tls:
        found["DATABASE_TLS_CA_FILE"] = database.authority_file or RDS_CERTIFICATES
    return found


def bootstrap_environment(
    database: DatabaseConnection, master_secret_arn: Input[str], region: str, extensions: Sequence[str]
) -> dict[str, Input[str]]:
    """What the job is told that makes the application's user, and the extensions that the stack asks for."""
    found = database_environment(database)
    found |= {"DATABASE_MASTER_SECRET_ARN": master_secret_arn, "AWS_REGION": region}
    if extensions:
        found["DATABASE_EXTENSIONS"] = ",".join(extensions)
    return found


def migration_environment(database: DatabaseConnection, region: str | None) -> dict[str, Input[str]]:
    """What the migration job is told: the database, and how to log in."""
    found = database_environment(database)
    found["DATABASE_AUTHENTICATION"] = database.authentication
    if database.authentication == "password":
        found["DATABASE_PASSWORD_FILE"] = f"{SECRETS_FOLDER}/{DATABASE_PASSWORD_KEY}"
    if region:
        found["AWS_REGION"] = region
    return found


def telemetry_environment(settings: ApplicationSettings, tracing: TracingSettings | None, stack: str) -> dict[str, str]:
    """What the application is told of traces and of error tracking: nothing where they are off."""
    found = {}
    if tracing:
        found["OTEL_EXPORTER_OTLP_ENDPOINT"] = ENDPOINT
        found["OTEL_TRACES_SAMPLER_ARG"] = f"{tracing.sample_ratio:g}"
    if settings.sentry_dsn:
        found["SENTRY_DSN_FILE"] = f"{SECRETS_FOLDER}/{settings.sentry_dsn}"
        found["SENTRY_ENVIRONMENT"] = stack
    return found


def application_environment(
    settings: ApplicationSettings,
    database: DatabaseConnection,
    cache: CacheConnection,
    region: str | None,
    *,
    https: bool,
    proxies: int,
) -> Mapping[str, Input[str]]:
    """What the application is told. `region` is the AWS region whose tokens it signs, or none off AWS.

    https: whether people reach it by HTTPS, which ends before it. proxies: how many before it append to X-Forwarded-For the
    address that they were called from, as an ALB does (Elastic Load Balancing guide, "HTTP headers and Application Load
    Balancers"); with none, nobody's header counts.
    """
    found = migration_environment(database, region)
    found |= {
        "PORT": str(settings.port),
        "METRICS_PORT": str(settings.metrics_port),
        "LOG_LEVEL": settings.log_level,
        "GRACEFUL_SHUTDOWN_SECONDS": str(settings.shutdown.server_seconds),
        "DATABASE_POOL_SIZE": str(settings.database_pool_size),
        "DEFAULT_LANGUAGE": settings.default_language,
        "FAULTS_ENABLED": "true" if settings.faults_enabled else "false",
        "SECURE_COOKIES": "true" if https else "false",
        "TRUSTED_PROXIES": str(proxies),
        "CACHE_HOST": cache.host,
        "CACHE_PORT": str(VALKEY_PORT),
        "CACHE_TLS": "true" if cache.tls else "false",
        "CACHE_AUTHENTICATION": cache.authentication,
        "CACHE_USER": cache.user,
    }
    if cache.name is not None:
        found["CACHE_NAME"] = cache.name
    if cache.serverless:
        found["CACHE_SERVERLESS"] = "true"
    if cache.authentication == "password":
        found["CACHE_PASSWORD_FILE"] = f"{SECRETS_FOLDER}/{CACHE_PASSWORD_KEY}"
    return found
