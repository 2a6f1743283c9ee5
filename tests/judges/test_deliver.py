"""What CI does to a real stack: its comment, its question for health, and the commit that it goes back to."""

import json
from collections.abc import Callable

import httpx
import pytest

from scripts import deliver


def update(commit: str, result: str = "succeeded", kind: str = "update") -> dict[str, object]:
    return {"kind": kind, "result": result, "environment": {"git.head": commit}}


def test_it_goes_back_to_the_newest_commit_that_succeeded_and_is_another_one() -> None:
    history = [update("c", "failed"), update("c"), update("b", "failed"), update("d", kind="refresh"), update("a")]
    assert deliver.last_good(history, "c") == "a"
    with pytest.raises(deliver.DeliveryError, match="nothing to go back to"):
        deliver.last_good([update("c")], "c")


def test_the_comment_holds_every_stack_and_stays_within_what_github_takes() -> None:
    long = "first line\n" + "+ resource\n" * 20_000 + "Resources: 5 to create"
    body = deliver.comment_body({"dev": "```\nno changes", "prod": long})
    assert body.startswith(deliver.MARK)
    assert "<b>prod</b>: Resources: 5 to create" in body
    assert "characters left out" in body
    assert len(body) < 65_536
    assert body.count("```") == 4


def github(comments: list[dict[str, object]], seen: list[tuple[str, str]]) -> httpx.Client:
    def answer(request: httpx.Request) -> httpx.Response:
        seen.append((request.method, request.url.path))
        return httpx.Response(200, json=comments if request.method == "GET" else json.loads(request.content))

    return httpx.Client(base_url="https://api.example.com", transport=httpx.MockTransport(answer))


def test_a_pull_request_has_one_comment_that_is_renewed() -> None:
    seen: list[tuple[str, str]] = []
    others = [{"id": 1, "body": "looks good"}]
    deliver.comment(["dev"], github(others, seen), "o/r", "7")
    deliver.comment(["dev"], github([*others, {"id": 9, "body": f"{deliver.MARK} old"}], seen), "o/r", "7")
    assert [each for each in seen if each[0] != "GET"] == [
        ("POST", "/repos/o/r/issues/7/comments"),
        ("PATCH", "/repos/o/r/issues/comments/9"),
    ]


def asked(answers: Callable[[int], int]) -> tuple[httpx.Client, list[int]]:
    given: list[int] = []

    def answer(_request: httpx.Request) -> httpx.Response:
        given.append(answers(len(given)))
        return httpx.Response(given[-1])

    return httpx.Client(transport=httpx.MockTransport(answer)), given


def test_health_is_ten_good_answers_in_a_row() -> None:
    client, given = asked(lambda number: 503 if number in (0, 5) else 200)
    deliver.healthy("https://app.example.com", client, pause=lambda _seconds: None)
    assert given[-deliver.GOOD_ANSWERS :] == [200] * deliver.GOOD_ANSWERS
    assert len(given) == 6 + deliver.GOOD_ANSWERS


def test_an_application_that_stays_ill_is_told_with_its_last_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliver, "PATIENCE_SECONDS", 0.05)
    client, _given = asked(lambda _number: 503)
    with pytest.raises(deliver.DeliveryError, match="status 503"):
        deliver.healthy("https://app.example.com", client, pause=lambda _seconds: None)
