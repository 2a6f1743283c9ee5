"""The filter that takes secrets out of logs, run by the real LuaJIT, as Fluent Bit embeds it."""

import json
from typing import Any

import pytest
from lupa.luajit21 import LuaRuntime

from infra.monitoring.fluent_bit import mask_script


def masked(record: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """What the filter makes of a record: its code (0 as it was, 2 changed), and the record."""
    lua = LuaRuntime()
    lua.execute(mask_script())
    code, time, found = lua.globals().mask("kube.x", 1.5, lua.table_from(record, recursive=True))
    assert time == 1.5
    return int(code), _plain(found)


def _plain(table: Any) -> Any:
    return {key: _plain(value) for key, value in table.items()} if hasattr(table, "items") else table


@pytest.mark.parametrize(
    "key",
    [
        "Authorization",
        "cookie",
        "Set-Cookie",
        "password",
        "DATABASE_PASSWORD",
        "x-api-key",
        "client_secret",
        "refreshToken",
        "sentry_dsn",
    ],
)
def test_a_field_with_a_telling_name_loses_its_value_wherever_it_stands(key: str) -> None:
    code, found = masked({"event": "login", key: "s3cr3t", "request": {"headers": {key: "s3cr3t", "accept": "*/*"}}})
    assert code == 2
    assert "s3cr3t" not in json.dumps(found)
    assert found["event"] == "login"
    assert found["request"]["headers"]["accept"] == "*/*"


@pytest.mark.parametrize(
    "text",
    [
        "GET / Authorization: Bearer s3cr3t-abc.def",
        'headers={"authorization": "Basic s3cr3t=="}',
        "Cookie: session=s3cr3t; theme=s3cr3t",
        "connecting with password=s3cr3t to db",
        "{'password': 's3cr3t', 'user': 'me'}",
        '{"api_key":"s3cr3t"}',
        "could not connect to postgresql://quotes:s3cr3t@db.example:5432/quotes",
        "GET /callback?access_token=s3cr3t&state=1",
        "AWS_SECRET_ACCESS_KEY=s3cr3t",
        'Traceback (most recent call last):\n  File "a.py"\nValueError: bad PASSWORD: s3cr3t',
    ],
)
def test_a_secret_in_running_text_goes_and_the_rest_stays(text: str) -> None:
    code, found = masked({"log": text})
    assert code == 2
    assert "s3cr3t" not in found["log"]
    assert "***" in found["log"]
    assert found["log"].split()[0] == masked({"log": text})[1]["log"].split()[0]


@pytest.mark.parametrize(
    "record",
    [
        {"event": "request", "method": "GET", "route": "/quotes", "status": 200, "milliseconds": 1.25},
        {"log": "migrated to 0001", "stream": "stdout"},
        {"log": "see https://example.com/docs?page=2, 12:30:01"},
        {"log": "passwords are never logged"},
        {"event": "ready", "kubernetes": {"namespace_name": "x", "labels": {"secrets-store": "token"}}},
    ],
    ids=lambda record: str(record.get("log") or record.get("event")),
)
def test_a_record_without_secrets_stays_as_it_is(record: dict[str, Any]) -> None:
    assert masked(record) == (0, record)
