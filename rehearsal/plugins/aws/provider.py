# ruff: noqa: N802, ARG002, D102 - the protocol decides what its methods are called and what they are given.
"""The provider protocol of the `aws` plugin: from requests of the engine to the simulated account and back."""

import functools
import json
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeVar

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from rehearsal.plugins import inputs as checker
from rehearsal.plugins.answers import abort_half_made, check_failures, diff_response
from rehearsal.plugins.aws import (
    PLUGIN_VERSION,
    configuration,
    creation,
    deletion,
    difference,
    functions,
    naming,
    nodes,
    outputs,
)
from rehearsal.plugins.aws.account import Account, Record, restored
from rehearsal.plugins.aws.configuration import Configuration, ConfigurationError
from rehearsal.plugins.aws.errors import AwsError, UnsupportedError
from rehearsal.plugins.aws.subject import Subject
from rehearsal.plugins.aws.types import ResourceType, resource_type
from rehearsal.plugins.faults import Faults, InjectedFault
from rehearsal.plugins.sdk import UnknownTypeError
from rehearsal.plugins.wire import Secret, decode, encode, has_secret, plain
from rehearsal.urn import name_of, type_of

Answer = TypeVar("Answer")

_EXPECTED = (AwsError, UnsupportedError, UnknownTypeError, ConfigurationError, InjectedFault, naming.NameTooLongError)
_VERBS = {
    "Create": "creating",
    "Read": "reading",
    "Update": "updating",
    "Delete": "deleting",
    "Check": "checking",
    "Diff": "comparing",
}

NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"


class InitializationError(Exception):
    """A resource exists but did not come up; the engine keeps it in the state and tries to update it next time."""

    def __init__(self, identifier: str, properties: Mapping[str, Any], given: Mapping[str, Any], reason: str) -> None:
        super().__init__(reason)
        self.made = provider_pb2.ErrorResourceInitFailed(
            id=identifier, properties=encode(properties), reasons=[reason], inputs=encode(given)
        )


def _answering(method: Callable[..., Answer]) -> Callable[..., Answer]:
    """Turns what a method raises into the status that the engine shows."""

    @functools.wraps(method)
    def answer(self: "AwsProvider", request: Any, context: grpc.ServicerContext) -> Answer:
        try:
            return method(self, request, context)
        except InitializationError as error:
            abort_half_made(context, str(error), error.made)
        except _EXPECTED as error:
            context.abort(grpc.StatusCode.UNKNOWN, _said(method.__name__, request, error))
        except Exception as error:  # a fault of the plugin itself: say so, with the place
            traceback.print_exc(file=sys.stderr)
            context.abort(
                grpc.StatusCode.INTERNAL, f"the rehearsal's aws plugin failed itself: {type(error).__name__}: {error}"
            )
        raise AssertionError("abort always raises")

    return answer


def _said(method: str, request: Any, error: Exception) -> str:
    """The error with what was being done to what."""
    if method not in _VERBS or not getattr(request, "urn", ""):
        return str(error)
    name = getattr(request, "id", "") or name_of(request.urn)
    return f"{_VERBS[method]} {type_of(request.urn)} ({name}): {error}"


class AwsProvider(provider_pb2_grpc.ResourceProviderServicer):
    """One configured provider. The engine starts a process for each and asks for many operations at once."""

    def __init__(self, account: Account, faults: Faults) -> None:
        self._account = account
        self._faults = faults
        self._configuration = Configuration()

    # Start and end.

    def Handshake(self, request: Any, context: Any) -> Any:
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True)

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version=PLUGIN_VERSION)

    def Cancel(self, request: Any, context: Any) -> Any:
        self._faults.cancelled.set()
        return empty_pb2.Empty()

    # The provider's own configuration.

    @_answering
    def CheckConfig(self, request: Any, context: Any) -> Any:
        found = configuration.problems(decode(request.news))
        return provider_pb2.CheckResponse(inputs=request.news, failures=check_failures(found))

    @_answering
    def DiffConfig(self, request: Any, context: Any) -> Any:
        before, after = (configuration.parsed(decode(each)) for each in (request.olds, request.news))
        changed = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
        kind = provider_pb2.DiffResponse.DIFF_SOME if changed else provider_pb2.DiffResponse.DIFF_NONE
        return provider_pb2.DiffResponse(changes=kind, diffs=changed)

    @_answering
    def Configure(self, request: Any, context: Any) -> Any:
        self._configuration = Configuration.of(decode(request.args))
        return provider_pb2.ConfigureResponse(
            acceptSecrets=True, supportsPreview=True, acceptResources=False, acceptOutputs=False
        )

    # Resources.

    @_answering
    def Check(self, request: Any, context: Any) -> Any:
        token, name = type_of(request.urn), name_of(request.urn)
        with self._faults.around(token, name, "check"):
            kind = resource_type(token)
            news, olds = decode(request.news), decode(request.olds)
            found = checker.check(kind.arguments, news, token)
            if not found:
                news = naming.named(token, name, kind.inputs, _json_where_text(kind, news), olds, request.randomSeed)
            return provider_pb2.CheckResponse(inputs=encode(news), failures=check_failures(found))

    @_answering
    def Diff(self, request: Any, context: Any) -> Any:
        token = type_of(request.urn)
        with self._faults.around(token, name_of(request.urn), "diff"):
            kind = resource_type(token)
            news, old_inputs, old_outputs = decode(request.news), decode(request.old_inputs), decode(request.olds)
            found = difference.changes(
                kind, news, old_inputs or old_outputs, old_outputs, self._configuration, request.ignoreChanges
            )
            if (
                "region" in kind.outputs
                and "region" not in news
                and plain(old_outputs.get("region")) not in (None, self._configuration.region)
            ):
                found.append(difference.Change("region", "region", "update", True))
            # A name that the program chose cannot be taken twice: the old resource goes first, unless the name changes too.
            rule = naming.rule(kind.token, kind.inputs)
            renamed = rule is not None and any(change.names == rule.property for change in found)
            return diff_response(
                [(change.path, change.kind, change.replaces) for change in found],
                delete_first=any(change.replaces for change in found)
                and not renamed
                and not naming.is_automatic(news, kind.token, kind.inputs),
            )

    @_answering
    def Create(self, request: Any, context: Any) -> Any:
        token, name = type_of(request.urn), name_of(request.urn)
        kind, news = resource_type(token), decode(request.properties)
        if request.preview:
            return provider_pb2.CreateResponse(
                properties=encode(outputs.planned(kind, news, self._configuration, self._region(news)))
            )
        with self._faults.around(token, name, "create"):
            identifier, made = self._create(kind, request.urn, news)
        return provider_pb2.CreateResponse(id=identifier, properties=encode(made))

    def _create(self, kind: ResourceType, urn: str, news: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        with self._account.locked():
            creation.check_references(self._account, plain(news))
            creation.refuse_log_group_of_a_service(self._account, kind.token, plain(news).get("name"))
            subject = Subject(
                type=kind.token,
                name=name_of(urn),
                seed=self._account.next_seed(urn),
                inputs=plain(news),
                region=self._region(news),
                created_at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
                account=self._account,
            )
            identifier, made = outputs.of(kind, subject, news, self._configuration)
            if self._account.get(kind.token, identifier) is not None:
                raise AwsError("ResourceAlreadyExists", f"{kind.kind} {identifier} already exists")
            self._account.put(
                Record(kind.token, identifier, urn, subject.seed, subject.region, subject.created_at, news, made)
            )
        self._bring_up(kind, identifier, made, news)
        return identifier, made

    @_answering
    def Update(self, request: Any, context: Any) -> Any:
        token, name = type_of(request.urn), name_of(request.urn)
        kind, news = resource_type(token), decode(request.news)
        old_outputs = decode(request.olds)
        if request.preview:
            planned = outputs.planned_update(
                kind, news, decode(request.old_inputs), old_outputs, self._configuration, self._region(news)
            )
            return provider_pb2.UpdateResponse(properties=encode(planned))
        with self._faults.around(token, name, "update"):
            made = self._update(kind, request.id, news, old_outputs)
        return provider_pb2.UpdateResponse(properties=encode(made))

    def _update(
        self, kind: ResourceType, identifier: str, news: dict[str, Any], old_outputs: Mapping[str, Any]
    ) -> dict[str, Any]:
        with self._account.locked():
            record = self._account.get(kind.token, identifier)
            if record is None:
                raise AwsError("ResourceNotFoundException", f"{kind.kind} {identifier} does not exist")
            creation.check_references(self._account, plain(news))
            subject = Subject(
                type=kind.token,
                name=name_of(record.urn),
                seed=record.seed,
                inputs=plain(news),
                region=record.region,
                created_at=record.created_at,
                account=self._account,
                previous=plain(old_outputs),
                previous_inputs=record.inputs,
            )
            _, made = outputs.of(kind, subject, news, self._configuration)
            self._account.put(replace(record, inputs=news, outputs=made))
        self._bring_up(kind, identifier, made, news)
        return made

    def _bring_up(self, kind: ResourceType, identifier: str, made: Mapping[str, Any], given: Mapping[str, Any]) -> None:
        """What takes its time after the account has the resource: a node group's nodes."""
        if kind.token == NODE_GROUP:
            try:
                nodes.reconcile(self._account, plain(made))
            except AwsError as error:
                raise InitializationError(
                    identifier, made, given, f"waiting for EKS Node Group ({identifier}): {error}"
                ) from error

    @_answering
    def Delete(self, request: Any, context: Any) -> Any:
        token, name = type_of(request.urn), name_of(request.urn)
        with self._faults.around(token, name, "delete"):
            with self._account.locked():
                record = self._account.get(token, request.id)
                if record is not None:
                    deletion.check_deletion(self._account, record)
                    if token != NODE_GROUP:
                        self._account.remove(token, request.id)
            if record is not None and token == NODE_GROUP:
                nodes.remove(record.outputs)
                self._account.remove(token, request.id)
        return empty_pb2.Empty()

    @_answering
    def Read(self, request: Any, context: Any) -> Any:
        token, name = type_of(request.urn), name_of(request.urn)
        with self._faults.around(token, name, "read"):
            kind = resource_type(token)
            record = self._find(kind, request.id)
            if record is None:
                return provider_pb2.ReadResponse()
            known, given = decode(request.properties), decode(request.inputs)
            found = {key: restored(value, known.get(key)) for key, value in record.outputs.items()}
            if given:
                said = {key: _as_now(value, found.get(key)) for key, value in given.items()}
            else:  # an import: the program knows nothing yet
                said = {key: restored(value, known.get(key)) for key, value in record.inputs.items()}
            return provider_pb2.ReadResponse(id=record.id, properties=encode(found), inputs=encode(said))

    def _find(self, kind: ResourceType, identifier: str) -> Record | None:
        """By id, or for an import by the physical name (a database instance is imported by its identifier)."""
        record = self._account.get(kind.token, identifier)
        rule = naming.rule(kind.token, kind.inputs)
        if record is None and rule is not None:
            return next(
                (each for each in self._account.all(kind.token) if each.value(rule.property) == identifier), None
            )
        return record

    @_answering
    def Invoke(self, request: Any, context: Any) -> Any:
        arguments = decode(request.args)
        found = functions.problems(request.tok, arguments)
        if found:
            return provider_pb2.InvokeResponse(failures=check_failures(found))
        result = functions.call(request.tok, plain(arguments), self._configuration, self._account)
        if has_secret(arguments):
            result = {name: Secret(value) for name, value in result.items()}
        response = provider_pb2.InvokeResponse()
        getattr(response, "return").CopyFrom(encode(result))  # a word of Python's own
        return response

    def _region(self, news: Mapping[str, Any]) -> str:
        region = plain(news.get("region"))
        return region if isinstance(region, str) else self._configuration.region


def _json_where_text(kind: ResourceType, news: Mapping[str, Any]) -> dict[str, Any]:
    """Policies may be given as objects; AWS has them as JSON text (the real provider converts them in Check, too)."""
    converted = dict(news)
    for name, value in news.items():
        inner = value.value if isinstance(value, Secret) else value
        output = kind.outputs.get(name)
        if isinstance(inner, Mapping) and output is not None and checker.alternatives(output.hint) == (str,):
            text = json.dumps(plain(inner), separators=(",", ":"))
            converted[name] = Secret(text) if isinstance(value, Secret) or has_secret(inner) else text
    return converted


def _as_now(given: Any, found: Any) -> Any:
    """An input as a refresh leaves it: changed where the account differs from it, else exactly as it was."""
    if found is None or plain(difference.project(plain(found), plain(given))) == plain(given):
        return given
    now = difference.project(plain(found), plain(given))
    return Secret(now) if has_secret(given) else now
