"""Real PostgreSQL, moto's S3 and Secrets Manager, and the two containers of a pod that dumps or restores, as two processes."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3  # type: ignore[import-untyped]
from moto.server import ThreadedMotoServer

from infra.exports import programs
from tests.app.programs import postgresql_binaries
from tests.app.servers import REPOSITORY, PostgreSql, process_environment

REGION = "eu-west-3"


@contextmanager
def amazon() -> Iterator[str]:
    """The address of moto's server, with credentials that are good nowhere else."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        yield f"http://127.0.0.1:{server.get_host_and_port()[1]}"
    finally:
        server.stop()


def aws_environment(endpoint: str) -> dict[str, str]:
    """What botocore is told, to talk to moto."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
    }


def client(endpoint: str, service: str) -> Any:
    """A client of moto's."""
    known = boto3.Session("testing", "testing", region_name=REGION)
    return known.client(service, endpoint_url=endpoint)


class Outcome:
    """How both containers ended."""

    def __init__(self, ours: subprocess.CompletedProcess[str], theirs: int, words: str) -> None:
        self.status, self.postgresql_status, self.postgresql_words = ours.returncode, theirs, words
        self.output = ours.stdout + ours.stderr
        self.lines = [json.loads(line) for line in ours.stdout.splitlines() if line.startswith("{")]

    def event(self, name: str) -> dict[str, Any]:
        """The log's line about an event. Fails where there is none."""
        found = [line for line in self.lines if line["event"] == name]
        assert found, self.output + self.postgresql_words
        last: dict[str, Any] = found[-1]
        return last


def pod(module: str, program: str, folder: Path, environment: Mapping[str, str], seconds: float = 90) -> Outcome:
    """Run both containers of a pod to their end: `python -m module`, and PostgreSQL's program beside it."""
    exchange = folder / "exchange"
    exchange.mkdir(parents=True)
    shared = {"EXPORTS_EXCHANGE": str(exchange)}
    path = f"{postgresql_binaries()}:{os.environ['PATH']}"
    # Its own environment has no password and no credentials, as in the pod.
    with subprocess.Popen(
        ["sh", "-c", program], env={"PATH": path, **shared}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as theirs:
        try:
            ours = subprocess.run(
                [sys.executable, "-m", module],
                env=process_environment({**environment, **shared}),
                cwd=REPOSITORY,
                capture_output=True,
                text=True,
                check=False,
                timeout=seconds,
            )
            if ours.returncode:
                theirs.terminate()  # as Kubernetes does at the Job's deadline
            words, _ = theirs.communicate(timeout=30)
        finally:
            theirs.kill()
        return Outcome(ours, theirs.returncode, words)


def dumping(folder: Path, environment: Mapping[str, str], seconds: float = 90, **changed: str) -> Outcome:
    """The pod of a dump."""
    return pod("app.exports.dump", programs.DUMP, folder, {**environment, **changed}, seconds)


def restoring(folder: Path, environment: Mapping[str, str], seconds: float = 90, **changed: str) -> Outcome:
    """The pod of a restore."""
    return pod("app.exports.restore", programs.RESTORE, folder, {**environment, **changed}, seconds)


def databases(server: PostgreSql) -> list[str]:
    """Names of the server's databases."""
    return [name for (name,) in server.run("SELECT datname FROM pg_database WHERE NOT datistemplate ORDER BY 1")]
