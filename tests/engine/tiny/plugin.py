# ruff: noqa: N802, ARG002 - the protocol decides what its methods are called and what they are given.
"""The plugin `tiny`: makes Things by appending lines to the file that TINY_JOURNAL names, slowly where asked to."""

import os
import sys
import time
from concurrent import futures
from pathlib import Path

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc


def note(line: str) -> None:
    """Adds a line to the journal."""
    with Path(os.environ["TINY_JOURNAL"]).open("a") as journal:
        journal.write(f"{line}\n")


class Tiny(provider_pb2_grpc.ResourceProviderServicer):
    """Just enough of a provider for the engine."""

    def Handshake(self, request, context):
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=False)

    def GetPluginInfo(self, request, context):
        return plugin_pb2.PluginInfo(version="1.0.0")

    def CheckConfig(self, request, context):
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request, context):
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def Configure(self, request, context):
        return provider_pb2.ConfigureResponse(supportsPreview=True)

    def Check(self, request, context):
        return provider_pb2.CheckResponse(inputs=request.news)

    def Diff(self, request, context):
        same = request.old_inputs == request.news
        return provider_pb2.DiffResponse(
            changes=provider_pb2.DiffResponse.DIFF_NONE if same else provider_pb2.DiffResponse.DIFF_SOME
        )

    def Create(self, request, context):
        if request.preview:
            return provider_pb2.CreateResponse(properties=request.properties)
        name = request.urn.rsplit("::", 1)[-1]
        note(f"creating {name}")
        time.sleep(request.properties["seconds"])
        note(f"created {name}")
        return provider_pb2.CreateResponse(id=name, properties=request.properties)

    def Update(self, request, context):
        note(f"updated {request.id}")
        return provider_pb2.UpdateResponse(properties=request.news)

    def Delete(self, request, context):
        note(f"deleted {request.id}")
        return empty_pb2.Empty()

    def Cancel(self, request, context):
        return empty_pb2.Empty()


if __name__ == "__main__":
    server = grpc.server(futures.ThreadPoolExecutor(4))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Tiny(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    parent = os.getppid()
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(0)  # a Thing that is still being made must not keep the plugin of a dead engine alive
