"""Runs a provider plugin's gRPC server the way the Pulumi engine expects it.

The engine starts a plugin, reads the port from its first line of output, and ends it when it is done.
"""

import gc
import os
import signal
import sys
import threading
import time
from concurrent import futures
from types import FrameType

import grpc
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS
from pulumi.runtime.proto import provider_pb2_grpc

# The engine asks for as many operations at once as `pulumi --parallel` says; waiting ones need no core.
_PARALLEL_OPERATIONS = 32

_EXIT_SECONDS = 0.8


def serve(servicer: provider_pb2_grpc.ResourceProviderServicer) -> None:
    """Serves a provider on a free port of 127.0.0.1, which it prints; returns only when the process is told to end."""
    server = grpc.server(futures.ThreadPoolExecutor(_PARALLEL_OPERATIONS), options=_GRPC_CHANNEL_OPTIONS)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    prepare_process()
    # An SDK's modules, imported type by type, are objects by the ten thousand that never go: the collector need not look for
    # garbage in them every time.
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    print(port, flush=True)
    server.wait_for_termination()


def prepare_process() -> None:
    """Makes the process end within a second, and orderly, when its engine says so or is gone.

    A killed engine leaves no plugin behind.

    The engine says so by SIGINT, a second before it kills. A Ctrl-C does not reach a plugin: the engine starts each in a
    process group of its own.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end)
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()


def _end(_number: int, _frame: FrameType | None) -> None:
    # In an orderly way (what is registered for the exit runs); a thread that does not come to its end is not waited for.
    threading.Thread(target=_insist, daemon=True).start()
    raise SystemExit(0)


def _insist() -> None:
    time.sleep(_EXIT_SECONDS)
    os._exit(0)


def _end_with(engine: int) -> None:
    """Ends this process once its parent is gone; gRPC's threads would keep it alive for ever."""
    while os.getppid() == engine:
        time.sleep(0.5)
    sys.stderr.flush()
    os._exit(0)
