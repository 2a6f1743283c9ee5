"""Delays and errors on request: there where the setting says so, and nowhere else."""

import time
from collections.abc import Callable, Iterator

import pytest

from tests.app.conftest import Place
from tests.app.servers import Application, stopping


@pytest.fixture(scope="module")
def faulty(place: Place) -> Iterator[Application]:
    application = Application(place.environment(FAULTS_ENABLED="true"), place.folder)
    with stopping(application):
        yield application.start()


@pytest.mark.parametrize("status", [404, 429, 500, 503])
def test_an_error_is_answered_counted_and_logged_as_asked(faulty: Application, status: int) -> None:
    response = faulty.client.get("/version", headers={"X-Fault-Status": str(status)})
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert f'status="{status}"' in faulty.metrics()
    assert f'"status":{status}' in faulty.server.lines()


def test_a_delay_comes_before_the_right_answer(faulty: Application) -> None:
    began = time.monotonic()
    response = faulty.client.get("/version", headers={"X-Fault-Delay": "0.5"})
    assert time.monotonic() - began >= 0.5
    assert response.json()["name"] == "quotes"


def test_both_together_are_a_late_error(faulty: Application) -> None:
    began = time.monotonic()
    response = faulty.client.get("/quotes", headers={"X-Fault-Delay": "0.5", "X-Fault-Status": "503"})
    assert time.monotonic() - began >= 0.5
    assert response.status_code == 503


@pytest.mark.parametrize("delay", ["-1", "31", "nan", "inf", "soon", "", "1e9"])
@pytest.mark.parametrize("status", ["200", "999", "x", "", "-500", "5" * 5000])
def test_all_faults_of_such_a_request_are_named(faulty: Application, delay: str, status: str) -> None:
    response = faulty.client.get("/version", headers={"X-Fault-Delay": delay, "X-Fault-Status": status})
    assert response.status_code == 422
    assert [fault["where"] for fault in response.json()["faults"]] == ["header.x-fault-delay", "header.x-fault-status"]


def test_without_the_setting_the_headers_do_nothing(start: Callable[..., Application]) -> None:
    response = start().client.get("/version", headers={"X-Fault-Delay": "30", "X-Fault-Status": "503"})
    assert response.status_code == 200
