"""The API's description says what really comes, with an example of each."""

from typing import Any

import pytest

from tests.app.servers import Application

NEW = {"author": "Seneca", "text": "Life speeds by."}
ANY = {"If-Match": "*"}

# Method, template, path, body, headers; in this order, as one person goes through them.
ASKED: list[tuple[str, str, str, Any, dict[str, str]]] = [
    ("POST", "/quotes", "/quotes", NEW, {}),
    ("POST", "/quotes", "/quotes", NEW, {"Authorization": "Bearer x"}),
    ("POST", "/quotes", "/quotes", {}, {}),
    ("POST", "/quotes", "/quotes", NEW, {"Idempotency-Key": "in valid"}),
    ("POST", "/quotes", "/quotes", {"text": "t" * 70_000}, {}),
    ("GET", "/quotes", "/quotes", None, {}),
    ("GET", "/quotes", "/quotes", None, {"If-None-Match": "*"}),
    ("GET", "/quotes", "/quotes?limit=0", None, {}),
    ("GET", "/quotes/{id}", "/quotes/{id}", None, {}),
    ("GET", "/quotes/{id}", "/quotes/999999", None, {}),
    ("GET", "/quotes/{id}", "/quotes/x", None, {}),
    ("GET", "/search", "/search?q=life", None, {}),
    ("GET", "/search", "/search", None, {}),
    ("GET", "/search", "/search?q=life", None, {"If-None-Match": "*"}),
    ("PUT", "/quotes/{id}", "/quotes/{id}", NEW, {}),
    ("PUT", "/quotes/{id}", "/quotes/{id}", NEW, {"If-Match": '"x"'}),
    ("PUT", "/quotes/{id}", "/quotes/{id}", NEW, {"Authorization": "Bearer x"}),
    ("PUT", "/quotes/{id}", "/quotes/999999", NEW, ANY),
    ("PUT", "/quotes/{id}", "/quotes/{id}", NEW, ANY),
    ("DELETE", "/quotes/{id}", "/quotes/{id}", None, {"If-Match": '"x"'}),
    ("DELETE", "/quotes/{id}", "/quotes/{id}", None, {}),
    ("DELETE", "/quotes/{id}", "/quotes/{id}", None, {}),
    ("GET", "/version", "/version", None, {}),
    ("GET", "/healthz", "/healthz", None, {}),
    ("GET", "/readyz", "/readyz", None, {}),
    ("GET", "/health", "/health", None, {}),
    ("GET", "/quotes/health", "/quotes/health", None, {}),
    ("GET", "/search/health", "/search/health", None, {}),
    ("GET", "/users/health", "/users/health", None, {}),
    ("GET", "/users/me", "/users/me", None, {}),
    ("POST", "/users", "/users", {"name": "x"}, {}),
    ("POST", "/users", "/users", {"name": "ovid", "password": "several words are best"}, {}),
    ("POST", "/users", "/users", {"name": "ovid", "password": "several words are best"}, {}),
    ("POST", "/users/login", "/users/login", {"name": "ovid", "password": "wrong"}, {}),
    ("POST", "/users/login", "/users/login", {"name": "ovid", "password": "several words are best"}, {}),
    ("POST", "/users/logout", "/users/logout", None, {}),
]


def test_every_answer_is_documented_as_it_comes(application: Application) -> None:
    described = application.client.get("/openapi.json").json()
    number = application.add()["id"]
    seen: set[tuple[str, str, int]] = set()
    for method, template, path, body, headers in ASKED:
        answered = application.client.request(method, path.replace("{id}", str(number)), json=body, headers=headers)
        responses = described["paths"][template][method.lower()]["responses"]
        asked = (method, path, answered.status_code)
        assert str(answered.status_code) in responses, (asked, sorted(responses), answered.text)
        media_type = answered.headers.get("content-type")
        if answered.content:
            assert list(responses[str(answered.status_code)]["content"]) == [media_type], asked
        seen.add((method, template, answered.status_code))
    assert {status for *_, status in seen} >= {200, 201, 204, 304, 400, 401, 404, 409, 412, 413, 422, 428}


def test_every_refusal_is_a_problem_with_an_example_and_every_route_may_fail(application: Application) -> None:
    described = application.client.get("/openapi.json").json()
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            assert "500" in operation["responses"], (method, path)
            for status, response in operation["responses"].items():
                if int(status) >= 400 and not (path.endswith(("health", "healthz", "readyz")) and status == "503"):
                    problem = response["content"]["application/problem+json"]
                    assert problem["example"]["status"] == int(status), (method, path)
                    assert problem["schema"] == {"$ref": "#/components/schemas/Problem"}
    assert "HTTPValidationError" not in str(described)
    assert {"Problem", "Fault", "Quote"} <= described["components"]["schemas"].keys()


@pytest.mark.parametrize(("method", "path"), [("put", "/quotes/{id}"), ("delete", "/quotes/{id}"), ("post", "/quotes")])
def test_what_needs_a_login_says_so(application: Application, method: str, path: str) -> None:
    operation = application.client.get("/openapi.json").json()["paths"][path][method]
    assert operation["security"] == [{"bearer": []}, {"cookie": []}]
