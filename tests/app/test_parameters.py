"""What the program says of PostgreSQL's parameters and extensions, asked of a real PostgreSQL as far as it knows them."""

from typing import get_args

from infra import parameters
from tests.app.servers import PostgreSql

NOT_IN_POSTGRESQL_ITSELF = {"pg_partman", "postgis", "vector"}


def test_static_parameters_are_those_that_a_server_takes_at_its_start_only(postgresql: PostgreSql) -> None:
    contexts = dict(postgresql.run("SELECT name, context FROM pg_settings"))
    known = parameters.STATIC & contexts.keys()
    assert len(known) > 15
    assert {contexts[name] for name in known} == {"postmaster"}


def test_parameters_that_are_applied_at_once_need_no_start(postgresql: PostgreSql) -> None:
    contexts = dict(postgresql.run("SELECT name, context FROM pg_settings"))
    group = parameters.group_parameters({}, max_connections=100, slow_query_milliseconds=500)
    at_once = {str(each.name) for each in group if each.apply_method == "immediate"}
    assert at_once <= contexts.keys()
    assert "postmaster" not in {contexts[name] for name in at_once}


def test_extensions_are_called_as_postgresql_calls_them(postgresql: PostgreSql) -> None:
    available = {name for (name,) in postgresql.run("SELECT name FROM pg_available_extensions")}
    assert set(get_args(parameters.Extension)) - available == NOT_IN_POSTGRESQL_ITSELF
