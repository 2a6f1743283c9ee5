"""The environment as a contract: right ones are read; wrong ones are refused with all faults, before anything opens."""

import tomllib
from pathlib import Path

import pytest

from app import __version__
from app.bootstrap_database import BootstrapSettings
from app.settings import DatabaseSettings, Settings, SettingsError, read_secret
from tests.app.servers import REPOSITORY, free_port, run_module

IAM = {
    "DATABASE_HOST": "db.example",
    "DATABASE_NAME": "quotes",
    "DATABASE_USER": "quotes_app",
    "DATABASE_AUTHENTICATION": "iam",
    "DATABASE_POOL_SIZE": "5",
    "CACHE_HOST": "cache.example",
    "CACHE_AUTHENTICATION": "iam",
    "CACHE_USER": "quotes-app",
    "CACHE_NAME": "quotes-cache",
    "AWS_REGION": "eu-west-3",
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, str]:
    """A right environment for AWS, in force; a test changes it with monkeypatch."""
    bundle = tmp_path / "bundle.pem"
    bundle.write_text("certificates")
    right = {**IAM, "DATABASE_TLS_CA_FILE": str(bundle)}
    for name in Settings.environment_names() | BootstrapSettings.environment_names():
        monkeypatch.delenv(name, raising=False)
    for name, value in right.items():
        monkeypatch.setenv(name, value)
    return right


def faults() -> list[str]:
    with pytest.raises(SettingsError) as refused:
        Settings.load()
    return refused.value.faults


def test_the_names_are_exactly_those_that_the_deployment_gives() -> None:
    assert sorted(Settings.environment_names()) == [
        "AWS_REGION",
        "CACHE_AUTHENTICATION",
        "CACHE_HOST",
        "CACHE_NAME",
        "CACHE_PASSWORD_FILE",
        "CACHE_PORT",
        "CACHE_SERVERLESS",
        "CACHE_TLS",
        "CACHE_USER",
        "DATABASE_AUTHENTICATION",
        "DATABASE_HOST",
        "DATABASE_NAME",
        "DATABASE_PASSWORD_FILE",
        "DATABASE_POOL_SIZE",
        "DATABASE_PORT",
        "DATABASE_TLS",
        "DATABASE_TLS_CA_FILE",
        "DATABASE_USER",
        "DEFAULT_LANGUAGE",
        "FAULTS_ENABLED",
        "GRACEFUL_SHUTDOWN_SECONDS",
        "LOG_LEVEL",
        "METRICS_PORT",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "OTEL_TRACES_SAMPLER_ARG",
        "PORT",
        "RATE_LIMIT_READING",
        "RATE_LIMIT_SIGNING_IN",
        "RATE_LIMIT_WRITING",
        "SECURE_COOKIES",
        "SENTRY_DSN_FILE",
        "SENTRY_ENVIRONMENT",
        "TRUSTED_PROXIES",
    ]


@pytest.mark.usefixtures("environment")
def test_with_iam_everything_else_has_a_safe_default() -> None:
    settings = Settings.load()
    assert (settings.port, settings.metrics_port, settings.graceful_shutdown_seconds) == (5000, 8080, 30)
    assert (settings.database_port, settings.cache_port) == (5432, 6379)
    assert (settings.database_tls, settings.cache_tls, settings.log_level) == ("verify-full", True, "info")


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"DATABASE_HOST": ""}, "DATABASE_HOST:"),
        ({"DATABASE_PORT": "70000"}, "DATABASE_PORT: Input should be less than or equal to 65535"),
        ({"DATABASE_POOL_SIZE": "0"}, "DATABASE_POOL_SIZE: Input should be greater than or equal to 1"),
        ({"LOG_LEVEL": "verbose"}, "LOG_LEVEL: Input should be 'debug', 'info', 'warning' or 'error'"),
        (
            {"DATABASE_PASSWORD_FILE": __file__},
            "DATABASE_PASSWORD_FILE: is refused with DATABASE_AUTHENTICATION iam",
        ),
        ({"DATABASE_AUTHENTICATION": "password"}, "DATABASE_PASSWORD_FILE: is required"),
        ({"DATABASE_TLS": "disable"}, "DATABASE_TLS: must be verify-full"),
        ({"DATABASE_TLS_CA_FILE": "/nowhere.pem"}, "DATABASE_TLS_CA_FILE: /nowhere.pem is not a readable file"),
        ({"CACHE_TLS": "false"}, "CACHE_TLS: must be true"),
        ({"CACHE_AUTHENTICATION": "password"}, "CACHE_PASSWORD_FILE: is required"),
        ({"METRICS_PORT": "5000"}, "METRICS_PORT: must differ from PORT"),
        ({"DATABASE_PASSWORD": "in the open"}, "DATABASE_PASSWORD: is no setting"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4318"}, "OTEL_EXPORTER_OTLP_ENDPOINT: String should match"),
        ({"OTEL_TRACES_SAMPLER_ARG": "1.5"}, "OTEL_TRACES_SAMPLER_ARG: Input should be less than or equal to 1"),
        ({"SENTRY_DSN_FILE": "/nowhere"}, "SENTRY_DSN_FILE: /nowhere is not a readable file"),
        ({"SENTRY_DSN": "https://key@sentry.example/1"}, "SENTRY_DSN: is no setting"),
        ({"CACHE_HOTS": "c"}, "CACHE_HOTS: is no setting"),
    ],
    ids=lambda value: "" if isinstance(value, str) else "-".join(value),
)
@pytest.mark.usefixtures("environment")
def test_one_wrong_setting_is_one_fault(monkeypatch: pytest.MonkeyPatch, changed: dict[str, str], fault: str) -> None:
    for name, value in changed.items():
        monkeypatch.setenv(name, value)
    [only] = faults()
    assert only.startswith(fault)


@pytest.mark.parametrize("name", ["CACHE_USER", "CACHE_NAME", "DATABASE_NAME"])
@pytest.mark.usefixtures("environment")
def test_a_missing_setting_is_named(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.delenv(name)
    [only] = faults()
    assert only.startswith(name)


def test_a_wrong_environment_ends_the_process_with_status_2_and_all_faults_at_once() -> None:
    port = free_port()
    wrong = {
        **IAM,
        "PORT": str(port),
        "LOG_LEVEL": "loud",
        "DATABASE_PASSWORD_FILE": "/a",
        "CACHE_PASSWORD": "hunter2-secret",
    }
    del wrong["AWS_REGION"], wrong["DATABASE_HOST"]
    ended = run_module("app", wrong)
    assert ended.returncode == 2
    names = {line.split(":")[0] for line in ended.stderr.splitlines()}
    assert names == {
        "AWS_REGION", "DATABASE_HOST", "LOG_LEVEL", "DATABASE_PASSWORD_FILE", "CACHE_PASSWORD", "DATABASE_TLS_CA_FILE",
    }  # fmt: skip
    assert "hunter2-secret" not in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.usefixtures("environment")
def test_the_master_secret_is_none_of_the_servers_business(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_MASTER_SECRET_ARN", "arn:aws:secretsmanager:eu-west-3:111122223333:secret:rds-1")
    assert [fault.split(":")[0] for fault in faults()] == ["DATABASE_MASTER_SECRET_ARN"]


def test_a_migration_takes_the_deployments_environment_but_needs_only_the_database(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert DatabaseSettings.load().database_host == "db.example"
    for name in environment:
        if name.startswith("CACHE_"):
            monkeypatch.delenv(name)
    assert DatabaseSettings.load().database_host == "db.example"


@pytest.mark.usefixtures("environment")
def test_settings_cannot_be_changed() -> None:
    settings = Settings.load()
    with pytest.raises(ValueError, match="frozen"):
        setattr(settings, "port", 1)  # noqa: B010 - written so that the type checker lets the attempt pass


def test_a_secret_loses_only_its_line_end(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(" pass word \r\n")
    assert read_secret(file) == " pass word "
    file.write_text("\n")
    with pytest.raises(ValueError, match="is empty"):
        read_secret(file)


def test_the_version_is_the_same_wherever_it_stands() -> None:
    project = tomllib.loads((REPOSITORY / "app" / "pyproject.toml").read_text())["project"]
    assert project["version"] == __version__
