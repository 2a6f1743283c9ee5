"""Somebody registers, logs in and asks who they are."""

from collections.abc import Callable

import httpx

from tests.app.servers import Application

Starter = Callable[..., Application]
PASSWORD = "gutta cavat lapidem 41"  # noqa: S105 - of users that live for these tests
OTHER = "non vi sed saepe cadendo 7"


def client(application: Application, **headers: str) -> httpx.Client:
    """Somebody with cookies of their own."""
    return httpx.Client(base_url=application.client.base_url, timeout=30, headers=headers)


def registered(application: Application, name: str = "ovid") -> None:
    answer = application.client.post("/users", json={"name": name, "password": PASSWORD})
    assert answer.status_code == 201, answer.text


def token(application: Application, name: str = "ovid", password: str = PASSWORD) -> str:
    answer = application.client.post("/users/login", json={"name": name, "password": password, "bearer": True})
    assert answer.status_code == 201, answer.text
    assert "set-cookie" not in answer.headers
    found: str = answer.json()["token"]
    return found


def bearer(value: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {value}"}


def me(application: Application, value: str) -> httpx.Response:
    return application.client.get("/users/me", headers=bearer(value))


BROWSER = {"Sec-Fetch-Site": "same-origin"}
