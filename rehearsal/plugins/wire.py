"""Property values as the engine sends them, and back: Pulumi's gRPC encoding of a `Struct`.

A `Struct` carries JSON only, so Pulumi marks everything else by an object with a signature key or by a reserved string
(`pulumi.runtime.rpc` of the SDK). Here these become `Secret`, `UNKNOWN`, `ResourceReference` and `Asset`, so that the rest
of a plugin works on plain Python values and never touches a signature.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, final

from google.protobuf import struct_pb2
from pulumi.runtime import rpc

from rehearsal.urn import type_of

_SIGNATURE: Final = rpc._special_sig_key
_SECRET: Final = rpc._special_secret_sig
_OUTPUT: Final = rpc._special_output_value_sig
_RESOURCE: Final = rpc._special_resource_sig
_ASSETS: Final = (rpc._special_asset_sig, rpc._special_archive_sig)
_UNKNOWN_TEXT: Final = rpc.UNKNOWN


@final
class _Unknown:
    """The one value of `UNKNOWN`: an output that exists only after the update (previews)."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = _Unknown()


@dataclass(frozen=True)
class Secret:
    """A value that must stay encrypted in the state and never be shown."""

    value: Any

    def __repr__(self) -> str:  # an accidental log line must not show it
        return "Secret([secret])"


@dataclass(frozen=True)
class ResourceReference:
    """A resource given as a value. `id` is None for components, UNKNOWN before the resource exists."""

    urn: str
    id: Any
    package_version: str

    @property
    def type(self) -> str:
        """Type token, such as `aws:iam/role:Role`."""
        return type_of(self.urn)


@dataclass(frozen=True)
class Asset:
    """A file or an archive, kept in its wire form."""

    fields: Mapping[str, Any]

    @property
    def is_archive(self) -> bool:
        """Whether it is an archive, not a single file."""
        return bool(self.fields[_SIGNATURE] == rpc._special_archive_sig)


def decode(properties: struct_pb2.Struct) -> dict[str, Any]:
    """The properties of a request as Python values; numbers without a fraction are `int`."""
    return {name: _decoded(value) for name, value in properties.fields.items()}


def _decoded(value: struct_pb2.Value) -> Any:
    match value.WhichOneof("kind"):
        case "string_value":
            return UNKNOWN if value.string_value == _UNKNOWN_TEXT else value.string_value
        case "number_value":
            number = value.number_value
            return int(number) if number.is_integer() else number
        case "bool_value":
            return value.bool_value
        case "list_value":
            return [_decoded(item) for item in value.list_value.values]
        case "struct_value":
            return _decoded_object(value.struct_value)
    return None


def _decoded_object(value: struct_pb2.Struct) -> Any:
    if _SIGNATURE not in value.fields:
        return decode(value)
    signature = value.fields[_SIGNATURE].string_value
    fields = {name: _decoded(item) for name, item in value.fields.items()}
    if signature == _SECRET:
        return Secret(fields["value"])
    if signature == _OUTPUT:
        inner = fields.get("value", UNKNOWN)
        return Secret(inner) if fields.get("secret") else inner
    if signature == _RESOURCE:
        # An unknown id is sent as an empty string as well as by the reserved text.
        identifier = fields.get("id")
        return ResourceReference(
            fields["urn"], UNKNOWN if identifier == "" else identifier, fields.get("packageVersion", "")
        )
    if signature in _ASSETS:
        return Asset(fields)
    raise ValueError(f"the engine sent a value with the unknown signature {signature}")


def encode(properties: Mapping[str, Any]) -> struct_pb2.Struct:
    """Python values as a `Struct`. None is left out at the top level, as Pulumi does with absent properties."""
    struct = struct_pb2.Struct()
    for name, value in properties.items():
        if value is not None:
            struct.fields[name].CopyFrom(_encoded(value))
    return struct


def _encoded(value: Any) -> struct_pb2.Value:  # noqa: PLR0911 - one for each kind of value
    match value:
        case None:
            return struct_pb2.Value(null_value=struct_pb2.NULL_VALUE)
        case bool():
            return struct_pb2.Value(bool_value=value)
        case int() | float():
            return struct_pb2.Value(number_value=value)
        case str():
            return struct_pb2.Value(string_value=value)
        case _Unknown():
            return struct_pb2.Value(string_value=_UNKNOWN_TEXT)
        case Secret():
            return _encoded({_SIGNATURE: _SECRET, "value": value.value})
        case ResourceReference():
            fields = {_SIGNATURE: _RESOURCE, "urn": value.urn, "packageVersion": value.package_version}
            return _encoded(fields if value.id is None else {**fields, "id": value.id})
        case Asset():
            return _encoded(value.fields)
        case Mapping():
            return struct_pb2.Value(struct_value=_encoded_object(value))
        case list() | tuple():
            return struct_pb2.Value(list_value=struct_pb2.ListValue(values=[_encoded(item) for item in value]))
    raise TypeError(f"a {type(value).__name__} cannot be sent to the engine")


def _encoded_object(value: Mapping[str, Any]) -> struct_pb2.Struct:
    struct = struct_pb2.Struct()
    for name, item in value.items():
        struct.fields[name].CopyFrom(_encoded(item))
    return struct


def plain(value: Any) -> Any:
    """The value without any secret mark, at every depth."""
    match value:
        case Secret():
            return plain(value.value)
        case Mapping():
            return {name: plain(item) for name, item in value.items()}
        case list():
            return [plain(item) for item in value]
    return value


def has_secret(value: Any) -> bool:
    """Whether the value is a secret or holds one at any depth."""
    match value:
        case Secret():
            return True
        case Mapping():
            return any(has_secret(item) for item in value.values())
        case list():
            return any(has_secret(item) for item in value)
    return False


def has_unknown(value: Any) -> bool:
    """Whether the value is unknown or holds something unknown at any depth."""
    match value:
        case _Unknown():
            return True
        case Secret():
            return has_unknown(value.value)
        case Mapping():
            return any(has_unknown(item) for item in value.values())
        case list():
            return any(has_unknown(item) for item in value)
    return False
