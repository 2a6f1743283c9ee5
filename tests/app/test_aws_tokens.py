"""Login tokens: their shape, without a network. AWS' own signer for RDS judges ours."""

from collections.abc import Iterator
from unittest.mock import patch
from urllib.parse import parse_qs, urlsplit

import botocore.session  # type: ignore[import-untyped]
import pytest

from app.application import _logins
from app.aws_tokens import AwsError, AwsTokens, MasterLogin
from app.settings import Settings
from tests.app.test_settings import IAM

HOST = "quotes.c9akciq32.eu-west-3.rds.amazonaws.com"


@pytest.fixture(autouse=True)
def only_these_credentials(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-a-real-key")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "session/token+with=signs")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    # Signing must not need the network: any new socket fails the test.
    with patch("socket.socket.connect", side_effect=AssertionError("a token must be signed without the network")):
        yield


def parts(token: str) -> tuple[str, dict[str, str]]:
    """Host and query of a token."""
    url = urlsplit(f"https://{token}")
    return url.netloc, {name: values[0] for name, values in parse_qs(url.query, strict_parsing=True).items()}


def test_a_database_token_is_for_one_host_one_user_and_a_quarter_of_an_hour() -> None:
    host, query = parts(AwsTokens("eu-west-3").database(HOST, 5432, "quotes_app"))
    assert host == f"{HOST}:5432"
    assert (query["Action"], query["DBUser"], query["X-Amz-Expires"]) == ("connect", "quotes_app", "900")
    assert query["X-Amz-Algorithm"] == "AWS4-HMAC-SHA256"
    assert query["X-Amz-Credential"].endswith("/eu-west-3/rds-db/aws4_request")
    assert query["X-Amz-Security-Token"] == "session/token+with=signs"


def test_a_database_token_is_the_one_that_aws_own_client_makes() -> None:
    client = botocore.session.get_session().create_client("rds", region_name="eu-west-3")
    for _ in range(5):  # the signature has the second in it
        ours = AwsTokens("eu-west-3").database(HOST, 5432, "quotes_app")
        theirs = client.generate_db_auth_token(HOST, 5432, "quotes_app")
        if parts(ours)[1]["X-Amz-Date"] == parts(theirs)[1]["X-Amz-Date"]:
            break
    assert parts(ours) == parts(theirs)


def test_a_cache_token_is_for_the_replication_group_in_lower_case() -> None:
    host, query = parts(AwsTokens("eu-west-3").cache("Quotes-Cache", "quotes-app", serverless=False))
    assert host == "quotes-cache"
    assert (query["Action"], query["User"], query["X-Amz-Expires"]) == ("connect", "quotes-app", "900")
    assert query["X-Amz-Credential"].endswith("/eu-west-3/elasticache/aws4_request")
    assert "ResourceType" not in query


def test_a_token_for_a_serverless_cache_says_so_and_the_signature_covers_it() -> None:
    tokens = AwsTokens("eu-west-3")
    for _ in range(5):  # the signature has the second in it
        serverless, nodes = (
            parts(tokens.cache("quotes-cache", "quotes-app", serverless=kind))[1] for kind in (True, False)
        )
        if serverless["X-Amz-Date"] == nodes["X-Amz-Date"]:
            break
    assert serverless.pop("ResourceType") == "ServerlessCache"
    assert serverless.pop("X-Amz-Signature") != nodes.pop("X-Amz-Signature")
    assert serverless == nodes


def test_a_user_with_signs_stays_one_parameter() -> None:
    assert parts(AwsTokens("eu-west-3").database(HOST, 5432, "a&b=c d"))[1]["DBUser"] == "a&b=c d"


def test_without_credentials_the_error_says_what_to_look_at(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(AwsError, match="Pod Identity"):
        AwsTokens("eu-west-3").database(HOST, 5432, "quotes_app")


def test_a_master_login_does_not_show_its_password() -> None:
    assert "hunter2" not in repr(MasterLogin("master", "hunter2"))


def test_with_iam_the_application_logs_in_with_tokens_for_its_own_host_and_cache(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in Settings.environment_names():
        monkeypatch.delenv(name, raising=False)
    for name, value in IAM.items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    database_password, cache_credentials = _logins(settings)
    assert parts(database_password())[0] == "db.example:5432"
    user, *token = cache_credentials()
    assert user == "quotes-app"
    assert parts(token[0])[0] == "quotes-cache"
    assert "ResourceType" not in parts(token[0])[1]

    monkeypatch.setenv("CACHE_SERVERLESS", "true")
    _, cache_credentials = _logins(Settings())
    _, *token = cache_credentials()
    assert parts(token[0])[1]["ResourceType"] == "ServerlessCache"
