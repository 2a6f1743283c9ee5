"""`python -m rehearsal.language_host --exec FILE [flags of the engine] ENGINE_ADDRESS`: the host as the engine starts it."""

import os
import signal
import sys
import threading
from collections.abc import Sequence
from concurrent import futures
from pathlib import Path

import grpc
from pulumi.runtime.proto import language_pb2_grpc

from rehearsal.language_host.host import LanguageHost

PARENT_CHECK_SECONDS = 1.0


def serve(engine: str, exec_script: Path) -> None:
    """Serves on a free port of 127.0.0.1, which it prints, until it is told to end or the engine, its parent, is gone."""
    ended = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, lambda *_: ended.set())
    parent = os.getppid()
    host = LanguageHost(engine, exec_script)
    server = grpc.server(
        futures.ThreadPoolExecutor(16),
        # Configuration and policy results can be larger than gRPC's default of 4 MB; the engine's own limit is 400 MB.
        options=[("grpc.max_receive_message_length", 400 << 20), ("grpc.max_send_message_length", 400 << 20)],
    )
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    while not ended.wait(PARENT_CHECK_SECONDS):
        if os.getppid() != parent:
            break
    host.children.close()
    server.stop(grace=0.5).wait()


def main(arguments: Sequence[str]) -> int:
    """The command line.

    The engine adds flags of its own (`--root=...`, `-tracing=...`), which are of no use here, and its address last.
    """
    if len(arguments) < 2 or arguments[0] != "--exec":
        print(__doc__, file=sys.stderr)
        return 2
    exec_script = Path(arguments[1])
    if not exec_script.is_file():
        print(f"language host: {exec_script} is missing; run `make setup`", file=sys.stderr)
        return 1
    addresses = [argument for argument in arguments[2:] if not argument.startswith("-")]
    serve(addresses[-1] if addresses else "", exec_script)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
