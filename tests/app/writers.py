"""A load of writes and reads, whose every answer is judged, and a checker of what was acknowledged."""

import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx

from tests.app.conftest import Place
from tests.app.servers import Application, PostgreSql, eventually

RECOVERY_SECONDS = 5.0


@dataclass
class Load:
    """What came of the requests so far."""

    acknowledged: list[int] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def more(self, count: int = 20) -> None:
        """Wait until so many more quotes were acknowledged."""
        before = len(self.acknowledged)
        eventually(lambda: len(self.acknowledged) >= before + count, what=f"{count} more writes; {self.statuses}")

    def write(self, application: Application) -> None:
        """Add quotes and read each back until stopped."""
        with httpx.Client(
            base_url=application.client.base_url, timeout=30, headers=application.client.headers
        ) as client:
            while not self.stop.is_set():
                try:
                    answer = client.post("/quotes", json={"author": "a", "text": "t"})
                    self.statuses[answer.status_code] += 1
                    if answer.status_code != 201:
                        time.sleep(0.02)
                        continue
                    self.acknowledged.append(answer.json()["id"])
                    read = client.get(answer.headers["location"])
                    if read.status_code not in (200, 503) or (read.status_code == 200 and read.json() != answer.json()):
                        self.broken.append(f"{answer.text} was read as {read.status_code} {read.text}")
                except httpx.HTTPError as error:
                    self.broken.append(repr(error))

    def kept_by(self, postgresql: PostgreSql, database: str) -> bool:
        """Whether every acknowledged quote is a row."""
        return set(self.acknowledged) <= {row[0] for row in postgresql.run("SELECT id FROM quotes", database)}


@contextmanager
def loaded(application: Application, place: Place, writers: int = 4) -> Iterator[Load]:
    """A load while the block runs; then: none but 201 and 503 was answered, and nothing acknowledged is lost."""
    load = Load()
    threads = [threading.Thread(target=load.write, args=(application,)) for _ in range(writers)]
    for thread in threads:
        thread.start()
    try:
        load.more()
        yield load
    finally:
        load.stop.set()
        for thread in threads:
            thread.join()
    assert set(load.statuses) <= {201, 503}, load.statuses
    assert load.broken == []
    print(f"\n{load.statuses[201]} acknowledged, {load.statuses[503]} times 503", end="; ")
    if place.postgresql.server.process is not None:
        assert load.kept_by(place.postgresql, place.database)


def recovered(true: Callable[[], object], what: str) -> None:
    """Wait until it works again; prints after how long, and judges with patience where others use the machine."""
    began, others = time.monotonic(), max(1.0, min(6.0, os.getloadavg()[0] / (os.cpu_count() or 1)))
    eventually(true, RECOVERY_SECONDS * others, what)
    print(f"{what} after {time.monotonic() - began:.2f} s (bound {RECOVERY_SECONDS * others:.0f} s)", end="; ")
