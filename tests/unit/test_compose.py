"""compose.yaml runs what stack `local` runs, and holds no credential."""

import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.settings import DatabaseSettings, Settings
from infra import versions
from scripts import make_credentials
from tests.unit.plan import PROJECT_FOLDER, planned

FILE = PROJECT_FOLDER / "compose.yaml"
COMPOSE: dict[str, Any] = yaml.safe_load(FILE.read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
SECRETS = "/var/run/secrets/marlinspike"


def local_server(name: str) -> Any:
    stateful_set = planned("local").only("kubernetes:apps/v1:StatefulSet", f"{name}-server")
    [container] = stateful_set.inputs["spec"]["template"]["spec"]["containers"]
    return container


def test_the_servers_are_those_of_stack_local_with_the_same_parameters() -> None:
    images = {name: SERVICES[name]["image"] for name in ("postgresql", "valkey")}
    assert images == {"postgresql": versions.POSTGRESQL_IMAGE, "valkey": versions.VALKEY_IMAGE}
    assert SERVICES["postgresql"]["command"] == ["postgres", *local_server("postgresql")["args"]]
    assert SERVICES["valkey"]["command"] == local_server("valkey")["args"]
    told = {each["name"]: each["value"] for each in local_server("postgresql")["env"]}
    assert SERVICES["postgresql"]["environment"] == told


@pytest.mark.parametrize(("service", "settings"), [("app", Settings), ("migrate", DatabaseSettings)])
def test_the_applications_environment_is_one_that_it_takes(
    service: str, settings: type[DatabaseSettings], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    environment = SERVICES[service]["environment"]
    assert environment.keys() <= settings.environment_names()
    make_credentials.main([str(tmp_path)])
    for name in [name for name in os.environ if name in Settings.environment_names()]:
        monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value.replace(SECRETS, str(tmp_path)))
    settings.load()


def test_the_schema_is_up_to_date_before_the_application_starts_and_passwords_before_all() -> None:
    waits = {
        name: {other: how["condition"] for other, how in s.get("depends_on", {}).items()}
        for name, s in SERVICES.items()
    }
    done, well = "service_completed_successfully", "service_healthy"
    assert waits == {
        "credentials": {},
        "postgresql": {"credentials": done},
        "valkey": {"credentials": done},
        "migrate": {"postgresql": well},
        "app": {"migrate": done, "valkey": well},
    }
    for name in ("postgresql", "valkey", "app"):
        assert SERVICES[name]["healthcheck"]["test"][0] == "CMD"


def test_every_container_is_read_only_without_rights_and_none_but_the_application_is_reached() -> None:
    for name, service in SERVICES.items():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert name == "credentials" or "0:0" not in service.get("user", ""), name
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", [])), name
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["app"]


def test_what_services_name_is_declared() -> None:
    used = {volume.partition(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])}
    assert used == COMPOSE["volumes"].keys()
    for config in COMPOSE["configs"].values():
        assert (PROJECT_FOLDER / config["file"]).is_file()


def test_the_file_holds_no_credential() -> None:
    for name, value in re.findall(r"(\w*(?:PASSWORD|SECRET|TOKEN)\w*): (\S+)", FILE.read_text()):
        assert name.endswith("_FILE"), name
        assert value.startswith(SECRETS)


def test_passwords_are_made_once_and_the_cache_knows_a_digest_only(tmp_path: Path) -> None:
    assert make_credentials.main([str(tmp_path)]) == 0
    first = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert first.keys() == {"cache-password", "cache-users.acl", "database-password"}
    assert len({*first.values()}) == 3
    assert first["cache-password"] not in first["cache-users.acl"]
    assert make_credentials.main([str(tmp_path)]) == 0
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == first
