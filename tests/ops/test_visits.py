"""Requests during a drill: which were lost is counted, and for how long nobody was answered."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ops.drills.visits import Visit, Visits
from tests.waiting import until


class Moody(BaseHTTPRequestHandler):
    """Refuses the fifth to the ninth request, and hangs up on the tenth."""

    count = 0
    lock = threading.Lock()

    def do_GET(self) -> None:
        with self.lock:
            type(self).count += 1
            number = type(self).count
        if number == 10:
            return  # without an answer
        self.send_response(503 if 5 <= number <= 9 else 200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def moody() -> Iterator[str]:
    Moody.count = 0
    server = ThreadingHTTPServer(("127.0.0.1", 0), Moody)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/quotes"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_what_is_refused_or_not_answered_is_lost_and_what_was_refused_is_named(moody: str) -> None:
    with Visits(moody, a_second=20) as visits:
        until("fifteen were made", lambda: Moody.count >= 15)
    figures = visits.figures()
    assert figures["requests"] == Moody.count
    assert figures["lost"] == 6
    assert figures["faults"] == ["HTTP 503", "RemoteProtocolError"]
    lost = [each for each in visits.made if each.fault]
    assert visits.lost_after(0) == max(each.ended for each in lost)
    assert visits.lost_after(max(each.began for each in visits.made)) is None


def test_nobody_is_answered_from_the_first_lost_request_to_the_next_good_answer() -> None:
    visits = Visits("http://127.0.0.1:1")
    visits.made = [Visit(0, 0.1, ""), Visit(1, 1.1, "HTTP 503"), Visit(2, 4.0, "ReadTimeout"), Visit(5, 5.5, "")]
    assert visits.figures()["seconds_unanswered"] == 4.5
    visits.made = visits.made[:3]  # and never again
    assert visits.figures()["seconds_unanswered"] == 3.0


def test_without_a_url_nothing_is_asked_and_nothing_is_claimed() -> None:
    with Visits("") as visits:
        pass
    assert visits.figures() == {}
