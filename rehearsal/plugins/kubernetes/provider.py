# ruff: noqa: N802, ARG002 - the protocol decides what its methods are called and what they are given.
"""The provider protocol: what the engine asks, turned into operations on one API server, and the answers."""

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, NoReturn

import grpc
from google.protobuf import empty_pb2
from google.rpc import status_pb2  # type: ignore[import-untyped]
from pulumi.runtime.proto import plugin_pb2
from pulumi.runtime.proto import provider_pb2 as protocol
from pulumi.runtime.proto.provider_pb2_grpc import ResourceProviderServicer

from rehearsal import kubeconfig
from rehearsal.plugins.faults import Faults, InjectedFault
from rehearsal.plugins.kubernetes import VERSION, helm, lifecycle, naming, readiness, settings, types
from rehearsal.plugins.kubernetes.api import ApiError, ApiServer, NoSuchKindError, UnreachableError
from rehearsal.plugins.kubernetes.diagnostics import Diagnostics
from rehearsal.plugins.kubernetes.difference import Change, compare, is_within, parse_path, real_changes
from rehearsal.plugins.kubernetes.lifecycle import FieldConflictError, Task
from rehearsal.plugins.kubernetes.objects import (
    RELEASE_TYPE,
    WAIT_FOR,
    Kind,
    UnsupportedTypeError,
    annotation,
    field_manager,
    from_live,
    id_of,
    kind_of,
    logical_name,
    parse_id,
    to_manifest,
)
from rehearsal.plugins.kubernetes.properties import (
    Properties,
    Secret,
    encode,
    has_unknown,
    plain,
    read,
    with_secrecy_of,
)
from rehearsal.plugins.kubernetes.readiness import NotReadyError
from rehearsal.plugins.kubernetes.replacement import must_delete_first, replaces, replacing_properties
from rehearsal.plugins.kubernetes.settings import Failure, ProviderSettings

_SECRET_KIND = Kind("v1", "Secret")
_SHORTEST_HIDDEN = 4  # shorter secrets are too likely to be part of an ordinary word

_FAULTS = (ApiError, NoSuchKindError, UnreachableError, FieldConflictError, UnsupportedTypeError, InjectedFault)


class RefusedError(Exception):
    """An operation that failed with nothing changed; the text is for people."""


class PartiallyDoneError(Exception):
    """An object that exists but is not as it should be.

    The engine keeps it in the state and comes back to it in the next update.
    """

    def __init__(
        self, message: str, resource_id: str, outputs: Properties, reasons: list[str], inputs: Properties | None = None
    ) -> None:
        super().__init__(message)
        self.detail = protocol.ErrorResourceInitFailed(
            id=resource_id,
            properties=encode(outputs),
            reasons=[message, *reasons],
            inputs=None if inputs is None else encode(inputs),
        )


class KubernetesProvider(ResourceProviderServicer):
    """Plays pulumi-resource-kubernetes for one provider resource of a program."""

    def __init__(self, engine_address: str = "", faults: Faults | None = None) -> None:
        self._diagnostics = Diagnostics(engine_address)
        self._faults = faults or Faults()
        self._cancelled = threading.Event()
        self._settings = ProviderSettings()
        self._server: ApiServer | None = None
        self._unreachable = "the provider was not configured"

    # What the plugin is.

    def GetPluginInfo(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> plugin_pb2.PluginInfo:
        """The version that the program's SDK expects."""
        return plugin_pb2.PluginInfo(version=VERSION)

    def Handshake(
        self, request: protocol.ProviderHandshakeRequest, context: grpc.ServicerContext
    ) -> protocol.ProviderHandshakeResponse:
        """What the plugin understands; the engine gives its address."""
        self._diagnostics = Diagnostics(request.engine_address)
        return protocol.ProviderHandshakeResponse(
            accept_secrets=True, accept_resources=False, accept_outputs=False, supports_autonaming_configuration=True
        )

    def Attach(self, request: plugin_pb2.PluginAttach, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """The address of the engine, for a plugin that was started before it."""
        self._diagnostics = Diagnostics(request.address)
        return empty_pb2.Empty()

    def Cancel(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """Ends all waits; what was made stays, and is reported as not ready."""
        self._cancelled.set()
        self._faults.cancelled.set()
        return empty_pb2.Empty()

    # Its configuration.

    def CheckConfig(self, request: protocol.CheckRequest, context: grpc.ServicerContext) -> protocol.CheckResponse:
        """Refuses unknown keys and wrong types."""
        return protocol.CheckResponse(inputs=request.news, failures=_check_failures(settings.check(read(request.news))))

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
        self._settings = settings.read(config)
        self._server, self._unreachable = None, ""
        if self._settings.kubeconfig is None:
            self._unreachable = "its kubeconfig is not known before the cluster exists"
        else:
            try:
                parsed = kubeconfig.parse(self._settings.kubeconfig or kubeconfig.ambient())
                connection = kubeconfig.connection(parsed, self._settings.context, self._settings.cluster)
                self._settings = replace(self._settings, namespace=self._settings.namespace or connection.namespace)
                server = ApiServer(connection)
                server.check()
                self._server = server
            except (kubeconfig.KubeconfigError, UnreachableError) as error:
                self._unreachable = str(error)
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
        with self._answering(context, request, "check"):
            return self._check(request)

    def _check(self, request: protocol.CheckRequest) -> protocol.CheckResponse:
        urn, type_token = request.urn, _type_of(request.urn)
        olds, news = read(request.olds), read(request.news)
        failures = types.check(type_token, news)
        if type_token == RELEASE_TYPE:
            failures += helm.check(news)
            checked = helm.with_defaults(news, olds, urn, request.randomSeed, self._settings.namespace)
            return protocol.CheckResponse(inputs=encode(checked), failures=_check_failures(failures))
        try:
            kind = kind_of(news, type_token)
        except UnsupportedTypeError as error:
            return protocol.CheckResponse(inputs=request.news, failures=_check_failures([Failure("", str(error))]))
        checked = {**news, "apiVersion": kind.api_version, "kind": kind.kind}
        if not any(failure.path == "metadata" for failure in failures):
            named = naming.named(checked, olds, urn, request)
            failures += named.failures
            checked = naming.in_namespace(named.inputs, kind, self._settings.namespace, self._server)
        return protocol.CheckResponse(
            inputs=encode(_with_kinds_secrets(kind, checked)), failures=_check_failures(failures)
        )

    def Diff(self, request: protocol.DiffRequest, context: grpc.ServicerContext) -> protocol.DiffResponse:
        """What an update would change, judged by a dry run where the inputs alone could be wrong."""
        with self._answering(context, request, "diff"):
            return self._diff(request)

    def _diff(self, request: protocol.DiffRequest) -> protocol.DiffResponse:
        state, old, new = read(request.olds), plain(read(request.old_inputs)), plain(read(request.news))
        changes = compare(old, new)
        if _type_of(request.urn) == RELEASE_TYPE:
            replacing = [change for change in changes if change.path[0] in helm.replacing_keys()]
            return _diff_response(changes, replacing, delete_first=False)
        kind = kind_of(new, _type_of(request.urn))
        if has_unknown(new) or self._server is None:
            dry_run: Callable[[], Mapping[str, Any] | None] = lambda: None  # noqa: E731
        else:
            dry_run = _dry_run(self._server, to_manifest(new), field_manager(request.urn, new, state))
        changes = real_changes(changes, to_manifest(state), dry_run)
        ignored = [parse_path(path) for path in request.ignoreChanges]
        changes = [change for change in changes if not any(is_within(change.path, path) for path in ignored)]
        paths = replacing_properties(kind, new, self._settings)
        replacing = [change for change in changes if replaces(change, paths)]
        return _diff_response(changes, replacing, delete_first=bool(replacing) and must_delete_first(new, plain(state)))

    def Create(self, request: protocol.CreateRequest, context: grpc.ServicerContext) -> protocol.CreateResponse:
        """Makes the object and waits until it is ready; in a preview only asks the server what it would make of it."""
        inputs = read(request.properties)
        with self._answering(context, request, "create", inputs, preview=request.preview):
            if _type_of(request.urn) == RELEASE_TYPE:
                return self._create_release(request, inputs)
            return self._create(request, inputs)

    def _create(self, request: protocol.CreateRequest, inputs: Properties) -> protocol.CreateResponse:
        kind = kind_of(inputs, _type_of(request.urn))
        if request.preview:
            if self._server is None or has_unknown(inputs) or not self._server.knows(kind):
                return protocol.CreateResponse(properties=request.properties)
            task = self._task(self._server, request.urn, inputs, {})
            try:
                outcome = lifecycle.preview_create(task)
            except ApiError as error:
                # What a preview can't know: the namespace comes with the same update, the old object goes with it, or
                # the right to ask is missing.
                if error.is_missing_namespace or error.code in (403, 409):
                    return protocol.CreateResponse(properties=request.properties)
                raise RefusedError(
                    f"resource {_quoted(request.urn)} was not successfully created by the Kubernetes API server: {error}"
                ) from error
            outcome.pop("status", None)
            return protocol.CreateResponse(properties=encode(_outputs(outcome, inputs, task.manager)))
        task = self._task(self._reached(), request.urn, inputs, {}, request.timeout)
        try:
            live = lifecycle.create(task)
        except NoSuchKindError as error:
            raise RefusedError(
                f"creation of resource {_quoted(request.urn)} with kind {kind} failed because the Kubernetes API server "
                f"reported that the apiVersion for this resource does not exist. Verify that any required CRDs have been "
                f"created: {error}"
            ) from error
        except (ApiError, FieldConflictError) as error:
            raise RefusedError(
                f"resource {_quoted(request.urn)} was not successfully created by the Kubernetes API server: {error}"
            ) from error
        except NotReadyError as error:
            message = (
                f"resource {_quoted(request.urn)} was successfully created, but the Kubernetes API server reported that it "
                f"failed to fully initialize or become live: {error.message}"
            )
            raise PartiallyDoneError(
                message, id_of(error.live), _outputs(error.live, inputs, task.manager), error.reasons
            ) from error
        if awaited := annotation(task.manifest, WAIT_FOR):
            self._diagnostics.info(
                request.urn,
                f"simulated: the real provider waits for {awaited} of this {kind.kind}; nothing that brings it about runs here",
            )
        return protocol.CreateResponse(id=id_of(live), properties=encode(_outputs(live, inputs, task.manager)))

    def Update(self, request: protocol.UpdateRequest, context: grpc.ServicerContext) -> protocol.UpdateResponse:
        """Applies the new inputs over the live object and waits until it is ready."""
        inputs = read(request.news)
        with self._answering(context, request, "update", inputs, preview=request.preview):
            if _type_of(request.urn) == RELEASE_TYPE:
                return self._update_release(request, inputs)
            return self._update(request, inputs)

    def _update(self, request: protocol.UpdateRequest, inputs: Properties) -> protocol.UpdateResponse:
        kind, state = kind_of(inputs, _type_of(request.urn)), read(request.olds)
        if request.preview and (self._server is None or has_unknown(inputs) or not self._server.knows(kind)):
            return protocol.UpdateResponse(properties=request.news)
        task = self._task(self._reached(), request.urn, inputs, state, request.timeout)
        ignored = [parse_path(path) for path in request.ignoreChanges]
        namespace, name = parse_id(request.id)
        live = task.server.get(kind, namespace, name)
        if live is None:
            raise RefusedError(
                f"update of resource {_quoted(request.urn)} failed: {kind} {request.id!r} not found on the API server; "
                "run `pulumi refresh` first"
            )
        initial_version = plain(state.get("__initialApiVersion"))
        try:
            changed = (lifecycle.preview_update if request.preview else lifecycle.update)(task, live, ignored)
        except (ApiError, FieldConflictError, NotReadyError) as error:
            if request.preview and isinstance(error, ApiError) and error.code == 403:
                return protocol.UpdateResponse(properties=request.news)
            if request.preview:
                raise RefusedError(str(error)) from error
            # As in the real provider the object stays in the state with its new inputs, marked so that the next update
            # tries again.
            current = error.live if isinstance(error, NotReadyError) else live
            reasons = error.reasons if isinstance(error, NotReadyError) else []
            message = (
                f"the Kubernetes API server reported that {_quoted(request.id)} failed to fully initialize or become "
                f"live: {error}"
            )
            raise PartiallyDoneError(
                message, request.id, _outputs(current, inputs, task.manager, initial_version), reasons
            ) from error
        return protocol.UpdateResponse(properties=encode(_outputs(changed, inputs, task.manager, initial_version)))

    def Read(self, request: protocol.ReadRequest, context: grpc.ServicerContext) -> protocol.ReadResponse:
        """The object as it is now, for a refresh or an import; an empty answer when it is gone."""
        inputs = read(request.inputs)
        with self._answering(context, request, "read", inputs):
            if _type_of(request.urn) == RELEASE_TYPE:
                # Nothing of a simulated release is on the server: it is what the state says.
                return protocol.ReadResponse(id=request.id, properties=request.properties, inputs=request.inputs)
            return self._read(request, inputs)

    def _read(self, request: protocol.ReadRequest, inputs: Properties) -> protocol.ReadResponse:
        state = read(request.properties)
        if self._server is None and self._settings.delete_unreachable:
            return protocol.ReadResponse()
        server = self._reached()
        kind = kind_of(inputs or state, _type_of(request.urn))
        namespace, name = parse_id(request.id)
        try:
            live = server.get(kind, namespace, name)
        except NoSuchKindError:
            live = None  # its definition is gone, and it with that
        if live is None:
            return protocol.ReadResponse()
        manager = field_manager(request.urn, plain(inputs), state)
        if inputs:
            recorded = to_manifest(state)
            found = lifecycle.as_inputs(from_live(live), from_live(recorded), plain(inputs))
        else:
            found = lifecycle.imported_inputs(from_live(live))
        known_inputs: Properties = _with_kinds_secrets(kind, with_secrecy_of(found, inputs))
        outputs = _outputs(live, inputs, manager, plain(state.get("__initialApiVersion")))
        verdict = readiness.judge(server, live, plain(inputs)) if inputs else None
        if verdict is not None and not verdict.ready:
            raise PartiallyDoneError(
                f"{_quoted(request.id)} is not ready", request.id, outputs, verdict.reasons(), known_inputs
            )
        return protocol.ReadResponse(id=request.id, properties=encode(outputs), inputs=encode(known_inputs))

    def Delete(self, request: protocol.DeleteRequest, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """Deletes the object and waits until it is gone."""
        state, inputs = read(request.properties), read(request.old_inputs)
        with self._answering(context, request, "delete", inputs):
            if _type_of(request.urn) == RELEASE_TYPE:
                # As with Helm, custom resource definitions and a namespace that was created outlive the release.
                return empty_pb2.Empty()
            if self._server is None and self._settings.delete_unreachable:
                return empty_pb2.Empty()
            kind = kind_of(state, _type_of(request.urn))
            manifest = {**to_manifest(inputs or state), "apiVersion": kind.api_version, "kind": kind.kind}
            namespace, name = parse_id(request.id)
            task = replace(self._task(self._reached(), request.urn, inputs, state, request.timeout), manifest=manifest)
            try:
                lifecycle.delete(task, name, namespace)
            except NotReadyError as error:
                raise RefusedError("; ".join([error.message, *error.reasons])) from error
            return empty_pb2.Empty()

    # Simulated Helm releases.

    def _create_release(self, request: protocol.CreateRequest, inputs: Properties) -> protocol.CreateResponse:
        if request.preview:
            return protocol.CreateResponse(properties=request.properties)
        count = helm.install(
            self._reached(), inputs, lambda line: self._diagnostics.status(request.urn, line), self._cancelled
        )
        chart = f"{helm.chart_name(inputs)} {plain(inputs['version'])}"
        brought = (
            f"its {count} custom resource definitions are there from now on"
            if count
            else "it brings no custom resource definition"
        )
        self._diagnostics.info(
            request.urn, f"simulated: chart {chart} is not installed and nothing of it runs; {brought}"
        )
        return protocol.CreateResponse(id=helm.release_id(inputs), properties=encode(helm.outputs(inputs, revision=1)))

    def _update_release(self, request: protocol.UpdateRequest, inputs: Properties) -> protocol.UpdateResponse:
        if request.preview:
            return protocol.UpdateResponse(properties=request.news)
        self._reached()
        revision = int((plain(read(request.olds)).get("status") or {}).get("revision", 0)) + 1
        chart = f"{helm.chart_name(inputs)} {plain(inputs['version'])}"
        self._diagnostics.info(
            request.urn, f"simulated: chart {chart} is revision {revision} of the release; nothing of it runs"
        )
        return protocol.UpdateResponse(properties=encode(helm.outputs(inputs, revision)))

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

    # Helpers.

    def _reached(self) -> ApiServer:
        if self._server is None:
            raise RefusedError(f"configured Kubernetes cluster is unreachable: {self._unreachable}")
        return self._server

    def _task(self, server: ApiServer, urn: str, inputs: Properties, state: Properties, timeout: float = 0) -> Task:
        manager = field_manager(urn, inputs, state)
        return Task(
            server,
            self._settings,
            to_manifest(inputs),
            manager,
            timeout,
            lambda line: self._diagnostics.status(urn, line),
            self._cancelled,
        )

    def _answering(
        self,
        context: grpc.ServicerContext,
        request: Any,
        operation: str,
        inputs: Properties | None = None,
        *,
        preview: bool = False,
    ) -> "_Answering":
        return _Answering(self._faults, context, request.urn, "" if preview else operation, inputs or {})


class _Answering:
    """Around one operation.

    Injects the faults that a test asked for, and turns errors into the protocol's, with secrets taken out.
    """

    def __init__(
        self, faults: Faults, context: grpc.ServicerContext, urn: str, operation: str, inputs: Properties
    ) -> None:
        self._context, self._inputs = context, inputs
        self._fault = faults.around(_type_of(urn), logical_name(urn), operation) if operation else None

    def __enter__(self) -> None:
        if self._fault is not None:
            try:
                self._fault.__enter__()
            except InjectedFault as error:
                self._abort(error)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: Any) -> None:
        if error is None and self._fault is not None:
            try:
                self._fault.__exit__(None, None, None)
            except InjectedFault as injected:
                self._abort(injected)
        if isinstance(error, (RefusedError, PartiallyDoneError, *_FAULTS)):
            self._abort(error)

    def _abort(self, error: Exception) -> NoReturn:
        message = _without_secrets(str(error), self._inputs)
        if isinstance(error, PartiallyDoneError):
            error.detail.reasons[:] = [_without_secrets(reason, self._inputs) for reason in error.detail.reasons]
            status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=message)
            status.details.add().Pack(error.detail)
            self._context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
        self._context.abort(grpc.StatusCode.UNKNOWN, message)


def _dry_run(server: ApiServer, manifest: dict[str, Any], manager: str) -> Callable[[], Mapping[str, Any] | None]:
    def ask() -> Mapping[str, Any] | None:
        try:
            return server.apply(manifest, manager, dry_run=True, force=True)
        except (ApiError, NoSuchKindError, UnreachableError):
            return None  # the inputs decide; what the server refuses is reported when the update is previewed

    return ask


def _type_of(urn: str) -> str:
    """The resource's own type token, without its parents'."""
    return urn.split("::")[2].rpartition("$")[2]


def _outputs(live: dict[str, Any], inputs: Properties, manager: str, initial_version: str | None = None) -> Properties:
    """What goes into the state: the live object, secret where the inputs are, and who applied it."""
    values = with_secrecy_of(from_live(live), inputs)
    values = _with_kinds_secrets(Kind(live["apiVersion"], live["kind"]), values)
    return {**values, "__initialApiVersion": initial_version or live["apiVersion"], "__fieldManager": manager}


def _with_kinds_secrets(kind: Kind, values: Properties) -> Properties:
    """All data of a Secret is secret, whatever the program said."""
    if kind != _SECRET_KIND:
        return values
    return {key: Secret(plain(value)) if key in ("data", "stringData") else value for key, value in values.items()}


def _diff_response(changes: list[Change], replacing: list[Change], *, delete_first: bool) -> protocol.DiffResponse:
    kinds = {
        "add": (protocol.PropertyDiff.ADD, protocol.PropertyDiff.ADD_REPLACE),
        "update": (protocol.PropertyDiff.UPDATE, protocol.PropertyDiff.UPDATE_REPLACE),
        "delete": (protocol.PropertyDiff.DELETE, protocol.PropertyDiff.DELETE_REPLACE),
    }
    detailed = {
        change.property_path: protocol.PropertyDiff(kind=kinds[change.kind][change in replacing], inputDiff=True)
        for change in changes
    }
    return protocol.DiffResponse(
        changes=protocol.DiffResponse.DIFF_SOME if changes else protocol.DiffResponse.DIFF_NONE,
        diffs=sorted({str(change.path[0]) for change in changes}),
        replaces=[change.property_path for change in replacing],
        deleteBeforeReplace=delete_first,
        detailedDiff=detailed,
        hasDetailedDiff=True,
    )


def _check_failures(failures: Iterable[Failure]) -> list[protocol.CheckFailure]:
    return [protocol.CheckFailure(property=failure.path, reason=failure.reason) for failure in failures]


def _without_secrets(message: str, inputs: Properties) -> str:
    """A message of the API server without the secret values that it may quote."""
    for value in sorted(_secret_texts(inputs), key=len, reverse=True):
        message = message.replace(value, "[secret]")
    return message


def _secret_texts(value: Any, *, secret: bool = False) -> set[str]:
    if isinstance(value, Secret):
        return _secret_texts(value.value, secret=True)
    if isinstance(value, Mapping):
        return set().union(*(_secret_texts(item, secret=secret) for item in value.values()))
    if isinstance(value, list):
        return set().union(*(_secret_texts(item, secret=secret) for item in value))
    return {value} if secret and isinstance(value, str) and len(value) >= _SHORTEST_HIDDEN else set()


def _quoted(text: str) -> str:
    return f'"{text}"'
