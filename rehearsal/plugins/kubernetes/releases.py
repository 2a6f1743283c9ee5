"""What the engine asks of a simulated Helm release, and the answers; what a release leaves on the API server is `helm`'s."""

from pulumi.runtime.proto import provider_pb2 as protocol

from rehearsal.plugins.answers import check_failures, diff_response
from rehearsal.plugins.kubernetes import helm, types
from rehearsal.plugins.kubernetes.difference import compare
from rehearsal.plugins.kubernetes.objects import RELEASE_TYPE
from rehearsal.plugins.kubernetes.properties import Properties, encode, plain, read
from rehearsal.plugins.kubernetes.target import Target


def check(target: Target, request: protocol.CheckRequest) -> protocol.CheckResponse:
    """Name and namespace filled in, and every fault of the inputs."""
    olds, news = read(request.olds), read(request.news)
    failures = [*types.check(RELEASE_TYPE, news), *helm.check(news)]
    checked = helm.with_defaults(news, olds, request.urn, request.randomSeed, target.settings.namespace)
    return protocol.CheckResponse(inputs=encode(checked), failures=check_failures(failures))


def diff(_: Target, request: protocol.DiffRequest) -> protocol.DiffResponse:
    """What differs between the inputs."""
    changes = compare(plain(read(request.old_inputs)), plain(read(request.news)))
    listed = [(change.property_path, change.kind, change.path[0] in helm.REPLACING) for change in changes]
    return diff_response(listed, delete_first=False, of_inputs=True)


def create(target: Target, request: protocol.CreateRequest, inputs: Properties) -> protocol.CreateResponse:
    """Installs what the simulation has of the chart."""
    if request.preview:
        return protocol.CreateResponse(properties=request.properties)
    count = helm.install(
        target.reached(), inputs, lambda line: target.diagnostics.status(request.urn, line), target.cancelled
    )
    brought = (
        f"its {count} custom resource definitions are there from now on"
        if count
        else "it brings no custom resource definition"
    )
    target.diagnostics.info(
        request.urn, f"simulated: chart {_chart(inputs)} is not installed and nothing of it runs; {brought}"
    )
    return protocol.CreateResponse(id=helm.release_id(inputs), properties=encode(helm.outputs(inputs, revision=1)))


def update(target: Target, request: protocol.UpdateRequest, inputs: Properties) -> protocol.UpdateResponse:
    """The next revision."""
    if request.preview:
        return protocol.UpdateResponse(properties=request.news)
    target.reached()
    revision = int((plain(read(request.olds)).get("status") or {}).get("revision", 0)) + 1
    target.diagnostics.info(
        request.urn, f"simulated: chart {_chart(inputs)} is revision {revision} of the release; nothing of it runs"
    )
    return protocol.UpdateResponse(properties=encode(helm.outputs(inputs, revision)))


def find(_: Target, request: protocol.ReadRequest, __: Properties) -> protocol.ReadResponse:
    """What the state says: nothing of a simulated release is on the server."""
    return protocol.ReadResponse(id=request.id, properties=request.properties, inputs=request.inputs)


def delete(_: Target, request: protocol.DeleteRequest, __: Properties) -> None:
    """Nothing: as with Helm, custom resource definitions and a namespace that was created outlive the release."""


def _chart(inputs: Properties) -> str:
    return f"{helm.chart_name(inputs)} {plain(inputs['version'])}"
