# ruff: noqa: N802, ARG002, D102 - the protocol decides what its methods are called and what they are given.
"""The provider protocol: what the engine asks, handed on to those who know objects (`operations`) and Helm releases."""

from dataclasses import replace
from typing import Protocol

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import plugin_pb2
from pulumi.runtime.proto import provider_pb2 as protocol
from pulumi.runtime.proto.provider_pb2_grpc import ResourceProviderServicer

from rehearsal.plugins.answers import check_failures
from rehearsal.plugins.faults import Faults
from rehearsal.plugins.kubernetes import VERSION, operations, releases, settings
from rehearsal.plugins.kubernetes.answering import answering
from rehearsal.plugins.kubernetes.diagnostics import Diagnostics
from rehearsal.plugins.kubernetes.objects import RELEASE_TYPE
from rehearsal.plugins.kubernetes.properties import Properties, read
from rehearsal.plugins.kubernetes.target import Target
from rehearsal.urn import type_of


class Resources(Protocol):
    """Those who answer for one kind of resources; each operation has its request and, where it needs them, the inputs."""

    def check(self, target: Target, request: protocol.CheckRequest, /) -> protocol.CheckResponse: ...

    def diff(self, target: Target, request: protocol.DiffRequest, /) -> protocol.DiffResponse: ...

    def create(
        self, target: Target, request: protocol.CreateRequest, inputs: Properties, /
    ) -> protocol.CreateResponse: ...

    def update(
        self, target: Target, request: protocol.UpdateRequest, inputs: Properties, /
    ) -> protocol.UpdateResponse: ...

    def find(self, target: Target, request: protocol.ReadRequest, inputs: Properties, /) -> protocol.ReadResponse: ...

    def delete(self, target: Target, request: protocol.DeleteRequest, inputs: Properties, /) -> None: ...


def _resources(urn: str) -> Resources:
    return releases if type_of(urn) == RELEASE_TYPE else operations


class KubernetesProvider(ResourceProviderServicer):
    """Plays pulumi-resource-kubernetes for one provider resource of a program."""

    def __init__(self, engine_address: str = "", faults: Faults | None = None) -> None:
        self._faults = faults or Faults()
        self._target = Target(diagnostics=Diagnostics(engine_address))

    # What the plugin is.

    def GetPluginInfo(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> plugin_pb2.PluginInfo:
        """The version that the program's SDK expects."""
        return plugin_pb2.PluginInfo(version=VERSION)

    def Handshake(
        self, request: protocol.ProviderHandshakeRequest, context: grpc.ServicerContext
    ) -> protocol.ProviderHandshakeResponse:
        """What the plugin understands; the engine gives its address."""
        self._target = replace(self._target, diagnostics=Diagnostics(request.engine_address))
        return protocol.ProviderHandshakeResponse(
            accept_secrets=True, accept_resources=False, accept_outputs=False, supports_autonaming_configuration=True
        )

    def Cancel(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """Ends all waits; what was made stays, and is reported as not ready."""
        self._target.cancelled.set()
        self._faults.cancelled.set()
        return empty_pb2.Empty()

    # Its configuration.

    def CheckConfig(self, request: protocol.CheckRequest, context: grpc.ServicerContext) -> protocol.CheckResponse:
        """Refuses unknown keys and wrong types."""
        return protocol.CheckResponse(inputs=request.news, failures=check_failures(settings.check(read(request.news))))

    def DiffConfig(self, request: protocol.DiffRequest, context: grpc.ServicerContext) -> protocol.DiffResponse:
        """Says whether another configuration means another cluster."""
        found = settings.difference(read(request.olds), read(request.news))
        changes = protocol.DiffResponse.DIFF_SOME if found.changed else protocol.DiffResponse.DIFF_NONE
        return protocol.DiffResponse(changes=changes, diffs=found.changed, replaces=found.replacing)

    def Configure(
        self, request: protocol.ConfigureRequest, context: grpc.ServicerContext
    ) -> protocol.ConfigureResponse:
        """Connects to the API server; without one only previews work, and they say less."""
        config = read(request.args) or {key.rpartition(":")[2]: value for key, value in request.variables.items()}
        self._target = self._target.configured(config)
        return protocol.ConfigureResponse(
            acceptSecrets=True,
            supportsPreview=True,
            acceptResources=False,
            acceptOutputs=False,
            supports_autonaming_configuration=True,
        )

    # Its resources.

    def Check(self, request: protocol.CheckRequest, context: grpc.ServicerContext) -> protocol.CheckResponse:
        """Fills in names and kinds, and lists every fault of the inputs."""
        with answering(context, self._faults, request.urn, "check", {}):
            return _resources(request.urn).check(self._target, request)

    def Diff(self, request: protocol.DiffRequest, context: grpc.ServicerContext) -> protocol.DiffResponse:
        """What an update would change."""
        with answering(context, self._faults, request.urn, "diff", {}):
            return _resources(request.urn).diff(self._target, request)

    def Create(self, request: protocol.CreateRequest, context: grpc.ServicerContext) -> protocol.CreateResponse:
        """Makes the resource and waits until it is ready; in a preview says what it would be."""
        inputs, operation = read(request.properties), "" if request.preview else "create"
        with answering(context, self._faults, request.urn, operation, inputs):
            return _resources(request.urn).create(self._target, request, inputs)

    def Update(self, request: protocol.UpdateRequest, context: grpc.ServicerContext) -> protocol.UpdateResponse:
        """Changes the resource and waits until it is ready; in a preview says what it would be."""
        inputs, operation = read(request.news), "" if request.preview else "update"
        with answering(context, self._faults, request.urn, operation, inputs):
            return _resources(request.urn).update(self._target, request, inputs)

    def Read(self, request: protocol.ReadRequest, context: grpc.ServicerContext) -> protocol.ReadResponse:
        """The resource as it is now; an empty answer when it is gone."""
        inputs = read(request.inputs)
        with answering(context, self._faults, request.urn, "read", inputs):
            return _resources(request.urn).find(self._target, request, inputs)

    def Delete(self, request: protocol.DeleteRequest, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """Deletes the resource and waits until it is gone."""
        inputs = read(request.old_inputs)
        with answering(context, self._faults, request.urn, "delete", inputs):
            _resources(request.urn).delete(self._target, request, inputs)
        return empty_pb2.Empty()

    # What a rehearsal does not have.

    def Invoke(self, request: protocol.InvokeRequest, context: grpc.ServicerContext) -> protocol.InvokeResponse:
        """No function is simulated."""
        context.abort(
            grpc.StatusCode.UNIMPLEMENTED,
            f"the rehearsal does not simulate the function {request.tok}; declare the objects as typed resources",
        )

    def Construct(
        self, request: protocol.ConstructRequest, context: grpc.ServicerContext
    ) -> protocol.ConstructResponse:
        """No component is simulated."""
        context.abort(
            grpc.StatusCode.UNIMPLEMENTED,
            f"the rehearsal does not simulate the component {request.type}; use typed resources, and {RELEASE_TYPE} for charts",
        )
