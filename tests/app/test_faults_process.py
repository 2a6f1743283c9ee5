"""What the platform does to the process: it stops it under load, takes its standard output away, moves its clock."""

import fcntl
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPResponse
from pathlib import Path

import httpx
import psutil
import pytest

import app
from tests.app.conftest import Place
from tests.app.programs import library
from tests.app.servers import REPOSITORY, Application, eventually

Starter = Callable[..., Application]
DAY = 24 * 3600


@pytest.fixture(autouse=True)
def nothing_left(place: Place) -> Iterator[None]:
    place.empty()
    yield
    if place.cache.server.process is None:
        place.cache.start()


def lost(application: Application) -> float:
    """Log lines that nobody took."""
    found = re.search(r"^log_lines_lost_total (\S+)", application.metrics(), re.MULTILINE)
    assert found
    return float(found[1])


def test_no_request_is_lost_when_it_is_stopped_under_load(start: Starter, place: Place) -> None:
    """Half of the clients keep their connections, and leave when they are told to; the others open one for each request,

    and are led elsewhere when it is asked to stop, as by a load balancer: what they just sent is on its way.
    """
    leaving, staying = start(), start()
    acknowledged: list[int] = []
    lost_requests: list[str] = []
    told: list[int] = []
    stop, leaves = threading.Event(), threading.Event()

    def go_on(fresh: bool) -> None:
        goal = leaving
        with httpx.Client(timeout=30, headers=staying.client.headers) as client:
            while not stop.is_set():
                if fresh and leaves.is_set():
                    goal = staying
                more = {"Connection": "close"} if fresh else {}
                url = f"http://127.0.0.1:{goal.port}/quotes"
                try:
                    answer = client.post(url, json={"author": "a", "text": "t"}, headers=more)
                except httpx.ConnectError:
                    # Refused, so not sent: this client was asleep while the others were told.
                    goal = staying
                    continue
                except httpx.HTTPError as error:
                    lost_requests.append(repr(error))
                    return
                if answer.status_code == 201:
                    acknowledged.append(answer.json()["id"])
                else:
                    lost_requests.append(answer.text)
                if not fresh:
                    time.sleep(0.05)  # most of the time their connections are idle
                if not fresh and goal is leaving and answer.headers.get("connection") == "close":
                    goal = staying
                    told.append(goal.port)

    clients = [threading.Thread(target=go_on, args=(number % 2 == 0,)) for number in range(8)]
    for client in clients:
        client.start()
    try:
        eventually(lambda: len(acknowledged) > 40)
        leaves.set()
        assert leaving.stop() == 0
        seen = len(acknowledged)
        eventually(lambda: len(acknowledged) > seen + 40)
    finally:
        stop.set()
        for client in clients:
            client.join()
    assert lost_requests == []
    assert len(told) >= 2, "idle connections are told to end before they are ended"
    rows = place.postgresql.run("SELECT id FROM quotes", place.database)
    assert {row[0] for row in rows} == set(acknowledged)
    print(f"\n{len(acknowledged)} requests, none lost")


@contextmanager
def bad_output(kind: str) -> Iterator[int | None]:
    """A descriptor that takes no line, or none."""
    if kind == "closed":
        yield None
        return
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    if kind == "full disk":
        os.close(writer)
        writer = os.open("/dev/full", os.O_WRONLY)
    elif kind == "reader gone":
        os.close(reader)
    try:
        yield writer
    finally:
        os.close(writer)
        if kind != "reader gone":
            os.close(reader)


@pytest.mark.parametrize("kind", ["closed", "full disk", "reader gone", "reader hangs"])
def test_without_a_place_for_its_log_it_serves_on(place: Place, kind: str) -> None:
    application = Application(place.environment(TMPDIR="/dev/full"), place.folder)
    with bad_output(kind) as output:
        command = [sys.executable, "-m", "app"]
        if output is None:
            command = ["/bin/sh", "-c", 'exec "$0" -m app >&- 2>&-', sys.executable]
        application.server.process = subprocess.Popen(
            command,
            env=application.server.environment,
            cwd=REPOSITORY,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
        try:
            eventually(lambda: application.client.get("/readyz").status_code == 200)
            place.sign_in(application)
            quote = application.add()["id"]
            for number in range(1, 41):
                assert application.ids(limit=number) == [quote]
            eventually(lambda: lost(application) > 0, what="lines are counted as lost")
            # What looks after the dependencies writes lines, too, and must outlive them.
            place.cache.stop()
            assert application.ids() == [quote]
            eventually(lambda: 'dependency_up{dependency="cache"} 0.0' in application.metrics())
            place.cache.start()
            eventually(lambda: 'dependency_up{dependency="cache"} 1.0' in application.metrics())
        finally:
            assert application.stop() == 0


def test_a_line_that_was_torn_does_not_spoil_the_next() -> None:
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    written = (
        "from app import logs; import structlog; logs.configure('info'); log = structlog.get_logger();"
        "log.info('a' * 9000); input(); log.info('second')"
    )
    with subprocess.Popen(
        [sys.executable, "-c", written], stdin=subprocess.PIPE, stdout=writer, cwd=REPOSITORY
    ) as process:
        os.close(writer)
        first = os.read(reader, 4096)
        assert process.stdin is not None
        process.stdin.write(b"\n")
        process.stdin.close()
        with os.fdopen(reader, "rb") as rest:
            lines = (first + rest.read()).split(b"\n")
    assert len(lines) == 3, lines
    assert b'"second"' in lines[1]


def test_the_code_measures_time_by_clocks_that_never_jump() -> None:
    wall = re.compile(r"\btime\.time\(|datetime\.(now|utcnow|today)\(|^from time import .*\btime\b", re.MULTILINE)
    users = {file.name for file in Path(app.__file__).parent.rglob("*.py") if wall.search(file.read_text())}
    # When a session was opened is a date: it is compared by other pods, weeks later. So is the name of a copy.
    assert users == {"sessions.py", "cluster.py", "dump.py", "objects.py", "restore.py"}


def test_a_clock_that_jumps_changes_no_answer(place: Place, tmp_path: Path) -> None:
    """The process' wall clock, by Debian's libfaketime; the monotonic one is the kernel's, which never jumps."""
    clock = tmp_path / "clock"
    clock.write_text("+0")
    faked = {
        "LD_PRELOAD": library("libfaketime", "libfaketimeMT.so.1"),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    application = Application(place.environment(**faked), place.folder)
    application.start()
    try:
        place.sign_in(application)
        quotes = [application.add()["id"]]
        # A session lasts 30 days by its date: beyond that a jump means a new login, and no more.
        for days in (1, -1, 29, -365, 0):
            clock.write_text(f"{days * DAY:+d}")
            dated = application.client.get("/version").headers["date"]
            quotes.insert(0, application.add()["id"])
            assert application.ids() == quotes
            assert application.ids() == quotes, "from the cache, too"
            assert application.client.get("/health").json()["status"] == "ok"
            assert dated
        clock.write_text(f"{31 * DAY:+d}")
        assert application.client.get("/users/me").status_code == 401
        eventually(lambda: str(time.gmtime(time.time() + 31 * DAY).tm_year) in _date(application), what="it did jump")
        place.sign_in(application)
    finally:
        assert application.stop() == 0


def _date(application: Application) -> str:
    return application.client.get("/version").headers["date"]


def test_a_thousand_clients_at_once_are_all_answered_in_bounded_memory(start: Starter) -> None:
    application = start(DATABASE_POOL_SIZE="10", LOG_LEVEL="warning")
    first = application.add()["id"]
    process = application.server.process
    assert process is not None
    request = b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n"
    paths = [b"/quotes", b"/quotes/%d" % first, b"/search?q=vita", b"/version"]
    clients = [socket.create_connection(("127.0.0.1", application.port), timeout=60) for _ in range(1000)]
    try:
        began = time.monotonic()
        statuses: Counter[int] = Counter()
        for turn in range(2):
            for number, client in enumerate(clients):
                client.sendall(request % paths[(number + turn) % len(paths)])
            for client in clients:
                answer = HTTPResponse(client)
                answer.begin()
                answer.read()
                statuses[answer.status] += 1
        took = time.monotonic() - began
    finally:
        for client in clients:
            client.close()
    # Who waits longer than a few seconds for the database is told to come again: only where others use the machine.
    assert sum(statuses.values()) == 2000
    assert set(statuses) <= {200, 503}, statuses
    assert statuses[503] <= (100 if os.getloadavg()[0] > (os.cpu_count() or 1) else 0), statuses
    peak = int(re.findall(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process.pid}/status").read_text())[0]) // 1024
    used = sum(psutil.Process(process.pid).cpu_times()[:2])
    print(
        f"\n2000 requests of 1000 clients in {took:.1f} s ({used:.1f} s of CPU since its start), {peak} MiB; {dict(statuses)}"
    )
    assert peak < 256
