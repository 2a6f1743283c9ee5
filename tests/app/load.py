"""`python -m tests.app.load [SECONDS]`: requests a second, latency and memory of the application, under a bounded load.

The application gets one core, and wrk, PostgreSQL and the cache get the others. Two cores and wrk (package wrk) are needed.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from tests.app.conftest import PASSWORD, USER, Place
from tests.app.servers import Application, CacheServer, PostgreSql, run_module, stopping

CONNECTIONS = 64
MOST_SECONDS = 60
WORDS = 2000
SEARCH = """
local n = 0
request = function()
  n = n % 1000000 + 1
  return wrk.format("GET", "/search?q=word" .. (n * 7 % 2000 + 1))
end
"""
UNCACHED = """
local n = 0
request = function()
  n = n % 1000000 + 1
  return wrk.format("GET", "/quotes/" .. (n % 20000 + 1))
end
"""


def main() -> int:
    """Measure and print; returns the process' exit status."""
    seconds = min(int(sys.argv[1]) if len(sys.argv) > 1 else 10, MOST_SECONDS)
    cores = sorted(os.sched_getaffinity(0))
    if shutil.which("wrk") is None or len(cores) < 2:
        print("needs wrk (Debian package wrk) and two cores", file=sys.stderr)
        return 1
    folder = Path(tempfile.mkdtemp(prefix="app-load-"))
    folder.chmod(0o755)
    os.sched_setaffinity(0, cores[1:])  # inherited by the servers that follow
    for name in ("postgresql", "cache"):
        (folder / name).mkdir()
    postgresql, cache = PostgreSql(folder / "postgresql"), CacheServer(folder / "cache")
    try:
        with stopping(postgresql, cache):
            postgresql.start()
            cache.start()
            postgresql.run(f"CREATE ROLE {USER} LOGIN PASSWORD '{PASSWORD}'")
            postgresql.run(f"CREATE DATABASE quotes OWNER {USER}")
            place = Place(folder, postgresql, cache, "quotes")
            place.password_file.write_text(PASSWORD)
            (folder / "cache-password").write_text(CacheServer.PASSWORD)
            migrated = run_module("app.migrate", place.environment())
            if migrated.returncode:
                print(migrated.stdout, migrated.stderr, file=sys.stderr)
                return 1
            # Each word is in 10 quotes.
            rows = f"""
                INSERT INTO quotes (author, text)
                SELECT 'Seneca', repeat('vita ', 10) || 'word' || n % {WORDS} + 1 || ' of the many words in this quote'
                FROM generate_series(1, 20000) AS n
            """  # noqa: S608
            postgresql.run(rows, "quotes")
            postgresql.run("VACUUM ANALYZE quotes", "quotes")
            _measure(place, seconds, cores[0])
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def _measure(place: Place, seconds: int, core: int) -> None:
    script, searching = place.folder / "uncached.lua", place.folder / "search.lua"
    script.write_text(UNCACHED)
    searching.write_text(SEARCH)
    application = Application(place.environment(DATABASE_POOL_SIZE="10"), place.folder)
    with stopping(application):
        began = time.monotonic()
        application.start()
        ready = time.monotonic() - began
        process = application.server.process
        if process is None:
            raise RuntimeError("the application ended")
        watched = psutil.Process(process.pid)
        for thread in watched.threads():
            os.sched_setaffinity(thread.id, {core})
        print(f"ready after {ready:.2f} s, {watched.memory_info().rss / 2**20:.0f} MiB")
        _wrk("list of 20, cached", application, seconds, "/quotes")
        # The cache is away: every read goes to PostgreSQL, without the cost of asking and storing.
        place.cache.stop()
        time.sleep(1.5)
        _wrk("one quote, from PostgreSQL", application, seconds, "/", "-s", str(script))
        _wrk("list of 20, from PostgreSQL", application, seconds, "/quotes")
        _wrk("search that finds 10", application, seconds, "/", "-s", str(searching))
        print(f"after it: {watched.memory_info().rss / 2**20:.0f} MiB")


def _wrk(what: str, application: Application, seconds: int, path: str, *more: str) -> None:
    if application.server.process is None:
        raise RuntimeError("the application ended")
    process = psutil.Process(application.server.process.pid)
    # CPU time tells the application's cost even where others use the machine.
    used = sum(process.cpu_times()[:2])
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency", *more]
    ended = subprocess.run(
        [*command, f"http://127.0.0.1:{application.port}{path}"],
        capture_output=True,
        text=True,
        check=True,
        timeout=MOST_SECONDS * 2,
    )
    used = sum(process.cpu_times()[:2]) - used
    requests = int(next(line for line in ended.stdout.splitlines() if " requests in " in line).split()[0])
    print(f"{what}: {requests / used:.0f} requests for each second of the server's CPU", end="; ")
    wanted = ("Requests/sec", " 50%", " 99%", "Non-2xx", "Socket errors")
    lines = [" ".join(line.split()) for line in ended.stdout.splitlines() if any(word in line for word in wanted)]
    print("; ".join(lines), flush=True)


if __name__ == "__main__":
    sys.exit(main())
