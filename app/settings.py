"""Every setting of the application: the contract with the Deployment that runs it.

Settings are environment variables without a prefix; secrets are files, and only their paths are settings. All faults are found at
once, before any port or connection is opened.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, StringConstraints, ValidationError, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

Port = Annotated[int, Field(ge=1, le=65535)]
Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]

OWN_PREFIXES = ("DATABASE_", "CACHE_", "RATE_LIMIT_", "SENTRY_")
"""Variables that begin so are meant for this application: one that is unknown is a misspelling, not somebody else's."""


class SettingsError(Exception):
    """The environment is wrong; `faults` has one line for each fault, beginning with the variable's name."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class Environment(BaseSettings):
    """What any process of this package is told, and how that is read."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    aws_region: Text | None = None

    other_names: ClassVar[frozenset[str]] = frozenset()
    """Variables that are accepted but not read, so that a Job may be given the Deployment's environment."""

    @classmethod
    def environment_names(cls) -> frozenset[str]:
        """Names of all environment variables that this class reads."""
        return frozenset(name.upper() for name in cls.model_fields)

    @classmethod
    def load(cls) -> Self:
        """Read the process' environment. Raises `SettingsError` with every fault in it; opens nothing."""
        faults = [f"{name}: {what}" for name, what in cls.contradictions(os.environ)]
        loaded = None
        try:
            loaded = cls()
        except ValidationError as refused:
            # Faults without a place are the contradictions, which are listed already.
            faults += [_fault(error) for error in refused.errors() if error["loc"]]
        faults += cls._misspelt(os.environ)
        faults += cls._files_that_cannot_be_read(os.environ)
        if faults or loaded is None:
            raise SettingsError(sorted(set(faults)) or ["the settings contradict each other"])
        return loaded

    @classmethod
    def contradictions(cls, given: Mapping[str, str]) -> list[tuple[str, str]]:  # noqa: ARG003 - for subclasses
        """Settings that are right one by one but not together: (variable, what is wrong) of each."""
        return []

    @classmethod
    def _misspelt(cls, given: Mapping[str, str]) -> list[str]:
        known = cls.environment_names() | cls.other_names
        return [
            f"{name}: is no setting of this application; remove it (if Kubernetes made it: enableServiceLinks: false)"
            for name in given
            if name.startswith(OWN_PREFIXES) and name not in known
        ]

    @classmethod
    def _files_that_cannot_be_read(cls, given: Mapping[str, str]) -> list[str]:
        return [
            f"{name}: {path} is not a readable file; mount it, or name the right one"
            for name, path in cls.files(given).items()
            if not (Path(path).is_file() and os.access(path, os.R_OK))
        ]

    @classmethod
    def files(cls, given: Mapping[str, str]) -> dict[str, str]:
        """The files that must be there, by the variables that name them."""
        return {name: given[name] for name in cls.environment_names() if name.endswith("_FILE") and given.get(name)}

    @model_validator(mode="after")
    def _nothing_contradicts(self) -> Self:
        given = {name.upper(): str(value) for name, value in self if value is not None}
        if faults := self.contradictions(given):
            raise ValueError("; ".join(f"{name}: {what}" for name, what in faults))
        return self


class DatabaseServer(Environment):
    """Where PostgreSQL is and who logs in; shared by the server, the migration and the bootstrap."""

    database_host: Text
    database_port: Port = 5432
    database_name: Text
    database_user: Text
    database_tls: Literal["verify-full", "disable"] = "verify-full"
    database_tls_ca_file: Path = Path("/etc/ssl/certs/rds-global-bundle.pem")

    @classmethod
    def files(cls, given: Mapping[str, str]) -> dict[str, str]:
        """With the authorities by which the server is known, where it has to prove itself."""
        found = super().files(given)
        if given.get("DATABASE_TLS") == "disable":
            found.pop("DATABASE_TLS_CA_FILE", None)
        else:
            found.setdefault("DATABASE_TLS_CA_FILE", str(cls.model_fields["database_tls_ca_file"].default))
        return found


class DatabaseSettings(DatabaseServer):
    """How the application's own user logs in to PostgreSQL."""

    database_authentication: Literal["iam", "password"]
    database_password_file: Path | None = None

    @classmethod
    def contradictions(cls, given: Mapping[str, str]) -> list[tuple[str, str]]:
        """What does not go together in a login to the database."""
        faults = super().contradictions(given) + _password_file(given, "DATABASE")
        if given.get("DATABASE_AUTHENTICATION") == "iam":
            if not given.get("AWS_REGION"):
                faults.append(
                    ("AWS_REGION", "is required with DATABASE_AUTHENTICATION iam (tokens are signed for one region)")
                )
            if given.get("DATABASE_TLS") == "disable":
                faults.append(
                    (
                        "DATABASE_TLS",
                        "must be verify-full with DATABASE_AUTHENTICATION iam (RDS takes tokens over TLS only)",
                    )
                )
        return faults


class Settings(DatabaseSettings):
    """Everything that the server reads; exactly these variables belong into the Deployment."""

    port: Port = 5000
    metrics_port: Port = 8080
    graceful_shutdown_seconds: int = Field(30, ge=1, le=300)

    # Upper bound: no RDS instance of ours allows more for one pod; the stack's invariants do the sum over all pods.
    database_pool_size: int = Field(ge=1, le=100)

    # Base URL of an OTLP receiver, by HTTP; without it nothing of OpenTelemetry is imported.
    otel_exporter_otlp_endpoint: Annotated[str, StringConstraints(pattern=r"^https?://[^\s/]+/?$")] | None = None
    otel_traces_sampler_arg: float = Field(1.0, ge=0, le=1)  # share of requests that are followed

    sentry_dsn_file: Path | None = None
    sentry_environment: Text | None = None

    cache_host: Text
    cache_port: Port = 6379
    cache_tls: bool = True
    cache_authentication: Literal["iam", "password"]
    cache_user: Text | None = None
    cache_password_file: Path | None = None
    cache_name: Text | None = None
    cache_serverless: bool = False

    default_language: Literal["en", "fr"] = "en"  # of a quote whose words don't tell
    faults_enabled: bool = False  # delays and errors on request, for drills

    secure_cookies: bool = True  # off only where people reach the application without TLS

    # How many proxies of ours stand before the application and write X-Forwarded-For; with 0 the header counts for nothing.
    trusted_proxies: int = Field(0, ge=0, le=5)

    # Requests in a minute of one client; 0 is no limit. Below what the firewall before the load balancer allows in five
    # minutes (infra/firewall.py): 300 at once and five times 300 are 1,800 of 2,000.
    rate_limit_reading: int = Field(300, ge=0, le=1_000_000)
    rate_limit_writing: int = Field(60, ge=0, le=1_000_000)
    # Logins, registrations and changed passwords; for one account too.
    rate_limit_signing_in: int = Field(10, ge=0, le=1_000_000)

    @classmethod
    def contradictions(cls, given: Mapping[str, str]) -> list[tuple[str, str]]:
        """What does not go together in a login to the database or the cache, and between the ports."""
        faults = super().contradictions(given) + _password_file(given, "CACHE")
        if given.get("CACHE_AUTHENTICATION") == "iam":
            required = {
                "AWS_REGION": "tokens are signed for one region",
                "CACHE_USER": "the ElastiCache user whose id and name are the same",
                "CACHE_NAME": "the replication group's id or the serverless cache's name, for which tokens are signed",
            }
            faults += [
                (name, f"is required with CACHE_AUTHENTICATION iam ({why})")
                for name, why in required.items()
                if not given.get(name)
            ]
            if given.get("CACHE_TLS", "true").lower() in ("false", "0", "no", "off", "f", "n"):
                faults.append(
                    ("CACHE_TLS", "must be true with CACHE_AUTHENTICATION iam (ElastiCache takes tokens over TLS only)")
                )
        if given.get("PORT", "5000") == given.get("METRICS_PORT", "8080"):
            faults.append(("METRICS_PORT", "must differ from PORT, or the metrics would be public"))
        return faults

    @property
    def needs_aws(self) -> bool:
        """Whether a login needs a token signed with the pod's AWS credentials."""
        return "iam" in (self.database_authentication, self.cache_authentication)


DatabaseSettings.other_names = Settings.environment_names()


def read_secret(path: Path) -> str:
    """The secret in a mounted file, without its final line end.

    Raises `OSError`, or `ValueError` when the file is empty.
    """
    secret = path.read_text(encoding="utf-8").rstrip("\r\n")
    if not secret:
        raise ValueError(f"{path} is empty; a secret was expected in it")
    return secret


def _password_file(given: Mapping[str, str], part: str) -> list[tuple[str, str]]:
    way, name = given.get(f"{part}_AUTHENTICATION"), f"{part}_PASSWORD_FILE"
    if way == "password" and not given.get(name):
        return [(name, f"is required with {part}_AUTHENTICATION password")]
    if way == "iam" and given.get(name):
        return [(name, f"is refused with {part}_AUTHENTICATION iam: remove it, and the password with it")]
    return []


def _fault(error: ErrorDetails) -> str:
    return f"{str(error['loc'][0]).upper()}: {'is missing; set it' if error['type'] == 'missing' else error['msg']}"
