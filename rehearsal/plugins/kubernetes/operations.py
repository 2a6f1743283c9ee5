"""What the engine asks of a Kubernetes object, turned into operations on the API server (`lifecycle`), and the answers."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from pulumi.runtime.proto import provider_pb2 as protocol

from rehearsal.plugins.answers import check_failures, diff_response
from rehearsal.plugins.inputs import Problem
from rehearsal.plugins.kubernetes import lifecycle, naming, readiness, types
from rehearsal.plugins.kubernetes.answering import PartiallyDoneError, RefusedError
from rehearsal.plugins.kubernetes.api import ApiError, ApiServer, NoSuchKindError, UnreachableError
from rehearsal.plugins.kubernetes.difference import compare, is_within, parse_path, real_changes
from rehearsal.plugins.kubernetes.lifecycle import FieldConflictError, Task
from rehearsal.plugins.kubernetes.objects import (
    WAIT_FOR,
    Kind,
    UnsupportedTypeError,
    annotation,
    field_manager,
    from_live,
    id_of,
    kind_of,
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
from rehearsal.plugins.kubernetes.target import Target
from rehearsal.urn import type_of

_SECRET_KIND = Kind("v1", "Secret")


def check(target: Target, request: protocol.CheckRequest) -> protocol.CheckResponse:
    """Names and kinds filled in, and every fault of the inputs."""
    urn, type_token = request.urn, type_of(request.urn)
    olds, news = read(request.olds), read(request.news)
    failures = types.check(type_token, news)
    try:
        kind = kind_of(news, type_token)
    except UnsupportedTypeError as error:
        return protocol.CheckResponse(inputs=request.news, failures=check_failures([Problem("", str(error))]))
    checked = {**news, "apiVersion": kind.api_version, "kind": kind.kind}
    if not any(failure.path == "metadata" for failure in failures):
        named = naming.named(checked, olds, urn, request)
        failures += named.failures
        checked = naming.in_namespace(named.inputs, kind, target.settings.namespace, target.server)
    return protocol.CheckResponse(inputs=encode(_with_kinds_secrets(kind, checked)), failures=check_failures(failures))


def diff(target: Target, request: protocol.DiffRequest) -> protocol.DiffResponse:
    """What an update would change, judged by a dry run where the inputs alone could be wrong."""
    state, old, new = read(request.olds), plain(read(request.old_inputs)), plain(read(request.news))
    kind = kind_of(new, type_of(request.urn))
    server = None if has_unknown(new) else target.server
    dry_run = _dry_run(server, to_manifest(new), field_manager(request.urn, new, state))
    changes = real_changes(compare(old, new), to_manifest(state), dry_run)
    ignored = [parse_path(path) for path in request.ignoreChanges]
    paths = replacing_properties(kind, new, target.settings)
    listed = [
        (change.property_path, change.kind, replaces(change, paths))
        for change in changes
        if not any(is_within(change.path, path) for path in ignored)
    ]
    replacing = any(replaced for _, _, replaced in listed)
    return diff_response(listed, delete_first=replacing and must_delete_first(new, plain(state)), of_inputs=True)


def _dry_run(
    server: ApiServer | None, manifest: dict[str, Any], manager: str
) -> Callable[[], Mapping[str, Any] | None]:
    def ask() -> Mapping[str, Any] | None:
        try:
            return server.apply(manifest, manager, dry_run=True, force=True) if server else None
        except (ApiError, NoSuchKindError, UnreachableError):
            return None  # the inputs decide; what the server refuses is reported when the update is previewed

    return ask


def create(target: Target, request: protocol.CreateRequest, inputs: Properties) -> protocol.CreateResponse:
    """Makes the object and waits until it is ready; in a preview only asks the server what it would make of it."""
    if request.preview:
        return _previewed_creation(target, request, inputs)
    kind = kind_of(inputs, type_of(request.urn))
    task = _task(target, request.urn, inputs, {}, request.timeout)
    try:
        live = lifecycle.create(task)
    except NoSuchKindError as error:
        raise RefusedError(
            f'creation of resource "{request.urn}" with kind {kind} failed because the Kubernetes API server '
            f"reported that the apiVersion for this resource does not exist. Verify that any required CRDs have been "
            f"created: {error}"
        ) from error
    except (ApiError, FieldConflictError) as error:
        raise _not_created(request.urn, error) from error
    except NotReadyError as error:
        message = (
            f'resource "{request.urn}" was successfully created, but the Kubernetes API server reported that it '
            f"failed to fully initialize or become live: {error.message}"
        )
        raise PartiallyDoneError(
            message, id_of(error.live), _outputs(error.live, inputs, task.manager), error.reasons
        ) from error
    if awaited := annotation(task.manifest, WAIT_FOR):
        target.diagnostics.info(
            request.urn,
            f"simulated: the real provider waits for {awaited} of this {kind.kind}; nothing that brings it about runs here",
        )
    return protocol.CreateResponse(id=id_of(live), properties=encode(_outputs(live, inputs, task.manager)))


def _previewed_creation(target: Target, request: protocol.CreateRequest, inputs: Properties) -> protocol.CreateResponse:
    if not _can_be_asked(target, request.urn, inputs):
        return protocol.CreateResponse(properties=request.properties)
    task = _task(target, request.urn, inputs, {})
    try:
        outcome = lifecycle.preview_create(task)
    except ApiError as error:
        # What a preview can't know: the namespace comes with the same update, the old object goes with it, or the right
        # to ask is missing.
        if error.is_missing_namespace or error.code in (403, 409):
            return protocol.CreateResponse(properties=request.properties)
        raise _not_created(request.urn, error) from error
    outcome.pop("status", None)
    return protocol.CreateResponse(properties=encode(_outputs(outcome, inputs, task.manager)))


def _can_be_asked(target: Target, urn: str, inputs: Properties) -> bool:
    """Whether the server can say what it would make of the inputs."""
    known = target.server is not None and not has_unknown(inputs)
    return known and target.reached().knows(kind_of(inputs, type_of(urn)))


def _not_created(urn: str, error: Exception) -> RefusedError:
    return RefusedError(f'resource "{urn}" was not successfully created by the Kubernetes API server: {error}')


def update(target: Target, request: protocol.UpdateRequest, inputs: Properties) -> protocol.UpdateResponse:
    """Applies the new inputs over the live object and waits until it is ready."""
    if request.preview and not _can_be_asked(target, request.urn, inputs):
        return protocol.UpdateResponse(properties=request.news)
    kind, state = kind_of(inputs, type_of(request.urn)), read(request.olds)
    task = _task(target, request.urn, inputs, state, request.timeout)
    ignored = [parse_path(path) for path in request.ignoreChanges]
    namespace, name = parse_id(request.id)
    live = task.server.get(kind, namespace, name)
    if live is None:
        raise RefusedError(
            f'update of resource "{request.urn}" failed: {kind} {request.id!r} not found on the API server; '
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
            f'the Kubernetes API server reported that "{request.id}" failed to fully initialize or become live: {error}'
        )
        raise PartiallyDoneError(
            message, request.id, _outputs(current, inputs, task.manager, initial_version), reasons
        ) from error
    return protocol.UpdateResponse(properties=encode(_outputs(changed, inputs, task.manager, initial_version)))


def find(target: Target, request: protocol.ReadRequest, inputs: Properties) -> protocol.ReadResponse:
    """The object as it is now, for a refresh or an import; an empty answer when it is gone."""
    state = read(request.properties)
    if target.server is None and target.settings.delete_unreachable:
        return protocol.ReadResponse()
    server = target.reached()
    kind = kind_of(inputs or state, type_of(request.urn))
    namespace, name = parse_id(request.id)
    try:
        live = server.get(kind, namespace, name)
    except NoSuchKindError:
        live = None  # its definition is gone, and it with that
    if live is None:
        return protocol.ReadResponse()
    manager = field_manager(request.urn, plain(inputs), state)
    if inputs:
        found = lifecycle.as_inputs(from_live(live), from_live(to_manifest(state)), plain(inputs))
    else:
        found = lifecycle.imported_inputs(from_live(live))
    known_inputs: Properties = _with_kinds_secrets(kind, with_secrecy_of(found, inputs))
    outputs = _outputs(live, inputs, manager, plain(state.get("__initialApiVersion")))
    verdict = readiness.judge(server, live, plain(inputs)) if inputs else None
    if verdict is not None and not verdict.ready:
        raise PartiallyDoneError(f'"{request.id}" is not ready', request.id, outputs, verdict.reasons(), known_inputs)
    return protocol.ReadResponse(id=request.id, properties=encode(outputs), inputs=encode(known_inputs))


def delete(target: Target, request: protocol.DeleteRequest, inputs: Properties) -> None:
    """Deletes the object and waits until it is gone."""
    if target.server is None and target.settings.delete_unreachable:
        return
    state = read(request.properties)
    kind = kind_of(state, type_of(request.urn))
    manifest = {**to_manifest(inputs or state), "apiVersion": kind.api_version, "kind": kind.kind}
    namespace, name = parse_id(request.id)
    task = replace(_task(target, request.urn, inputs, state, request.timeout), manifest=manifest)
    try:
        lifecycle.delete(task, name, namespace)
    except NotReadyError as error:
        raise RefusedError("; ".join([error.message, *error.reasons])) from error


def _task(target: Target, urn: str, inputs: Properties, state: Properties, timeout: float = 0) -> Task:
    return Task(
        target.reached(),
        target.settings,
        to_manifest(inputs),
        field_manager(urn, inputs, state),
        timeout,
        lambda line: target.diagnostics.status(urn, line),
        target.cancelled,
    )


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
