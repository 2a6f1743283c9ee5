"""TLS to both servers: a certificate of a stranger, or for another host, is no certificate."""

from collections.abc import Callable

from tests.app.conftest import Place
from tests.app.servers import Application, eventually, run_module

Starter = Callable[..., Application]


def test_over_tls_to_the_right_hosts_everything_works(start: Starter, place: Place) -> None:
    place.empty()
    application = start(
        DATABASE_HOST="localhost",
        DATABASE_TLS="verify-full",
        DATABASE_TLS_CA_FILE=str(place.postgresql.authority),
        CACHE_HOST="localhost",
        CACHE_PORT=str(place.cache.tls_port),
        CACHE_TLS="true",
        SSL_CERT_FILE=str(place.cache.authority),
    )
    quote = application.add()
    assert application.ids() == application.ids() == [quote["id"]]
    assert 'cache_lookups_total{result="hit"} 1.0' in application.metrics()
    encrypted = (
        "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE ssl AND application_name = 'quotes'"
    )
    assert place.postgresql.run(encrypted)[0][0] >= 1


def test_a_database_whose_certificate_is_for_another_host_is_refused(place: Place) -> None:
    ended = _migrate(place, DATABASE_HOST="127.0.0.1", DATABASE_TLS_CA_FILE=str(place.postgresql.authority))
    assert "does not match host name" in ended


def test_a_database_whose_certificate_is_signed_by_a_stranger_is_refused(place: Place) -> None:
    ended = _migrate(place, DATABASE_HOST="localhost", DATABASE_TLS_CA_FILE=str(place.cache.authority))
    assert "certificate verify failed" in ended


def test_a_cache_whose_certificate_is_for_another_host_gets_no_password(start: Starter, place: Place) -> None:
    application = start(
        CACHE_HOST="127.0.0.1",
        CACHE_PORT=str(place.cache.tls_port),
        CACHE_TLS="true",
        SSL_CERT_FILE=str(place.cache.authority),
    )
    eventually(lambda: "cache_away" in application.server.lines())
    assert "CERTIFICATE_VERIFY_FAILED" in application.server.lines()


def _migrate(place: Place, **changed: str) -> str:
    ended = run_module("app.migrate", place.environment(DATABASE_TLS="verify-full", **changed))
    assert ended.returncode == 1
    return ended.stdout
