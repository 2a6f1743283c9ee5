# ruff: noqa: N802, ARG002, D102 - the protocol decides what its methods are called and what they are given.
"""The component plugin's server: the SDK's own, with a strict check of the inputs before the component is made."""

import asyncio
import importlib
from typing import Any

import grpc.aio
import pulumi
from google.protobuf import empty_pb2
from pulumi import provider
from pulumi.errors import InputPropertiesError
from pulumi.provider.server import ProviderServicer
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS
from pulumi.runtime.proto import provider_pb2_grpc

from rehearsal.plugins import inputs, wire
from rehearsal.plugins.eks import PLUGIN_VERSION
from rehearsal.plugins.eks.authentication import RefusedArgumentsError
from rehearsal.plugins.eks.kubeconfig import KubeconfigError
from rehearsal.plugins.serving import prepare_process

TYPE = "eks:index:Cluster"


class EksProvider(provider.Provider):
    """Makes the components of the package `eks` that are simulated."""

    def __init__(self) -> None:
        super().__init__(PLUGIN_VERSION, "{}")

    def construct(
        self, name: str, resource_type: str, inputs: Any, options: pulumi.ResourceOptions | None = None
    ) -> provider.ConstructResult:
        """The component with its children. Raises InputPropertiesError for arguments that are refused."""
        # Imported only now, for it brings the AWS SDK with it: the engine waits for the plugin's port.
        component = importlib.import_module("rehearsal.plugins.eks.cluster")
        try:
            cluster = component.Cluster(name, inputs, options)
        except (RefusedArgumentsError, KubeconfigError) as error:
            raise InputPropertiesError(f"{TYPE} {name}: {error}", []) from error
        return provider.ConstructResult(urn=cluster.urn, state=cluster.state)


class CheckedServicer(ProviderServicer):
    """Refuses what `pulumi_eks.ClusterArgs` does not have before anything is made."""

    async def Cancel(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()  # the engine asks before it ends a plugin; the children belong to the engine

    async def _construct(self, request: Any, context: Any) -> Any:
        if request.type != TYPE:
            raise InputPropertiesError(
                f"the rehearsal does not simulate {request.type}, only {TYPE}; add it beside rehearsal/plugins/eks/cluster.py",
                [],
            )
        arguments = importlib.import_module("pulumi_eks").ClusterArgs
        found = inputs.check(arguments, wire.decode(request.inputs), TYPE)
        if found:
            # The engine shows each path with its reason below the message.
            details: list[Any] = [{"property_path": problem.path, "reason": problem.reason} for problem in found]
            raise InputPropertiesError(f"{TYPE} {request.name} has wrong arguments", details)
        return await super()._construct(request, context)


def serve(engine_address: str) -> None:
    """Serves the component on a free port of 127.0.0.1, which it prints; returns only when the process is told to end."""

    async def run() -> None:
        server = grpc.aio.server(options=_GRPC_CHANNEL_OPTIONS)
        servicer = CheckedServicer(EksProvider(), [], engine_address=engine_address)
        provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        prepare_process()
        print(port, flush=True)
        await server.wait_for_termination()

    asyncio.run(run())
