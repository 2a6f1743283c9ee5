"""Property bags as this plugin works on them.

`rehearsal.plugins.wire` without nulls, and secrecy copied from inputs to outputs.
"""

from collections.abc import Mapping
from typing import Any

from google.protobuf import struct_pb2

from rehearsal.plugins.wire import UNKNOWN, Secret, decode, encode, has_secret, has_unknown, plain

__all__ = ["UNKNOWN", "Properties", "Secret", "encode", "has_secret", "has_unknown", "plain", "read", "with_secrecy_of"]

Properties = dict[str, Any]


def read(struct: struct_pb2.Struct) -> Properties:
    """What the engine sent; a key whose value is null counts as absent, at every depth, as in the real provider."""
    values = decode(struct)
    return {key: _without_nulls(value) for key, value in values.items() if value is not None}


def _without_nulls(value: Any) -> Any:
    if isinstance(value, Secret):
        return Secret(_without_nulls(value.value))
    if isinstance(value, Mapping):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value


def with_secrecy_of(values: Any, source: Any) -> Any:
    """`values` with everything secret that is secret at the same place in `source`.

    Objects are compared key by key; a list with one secret is secret as a whole, since its order on the server may
    differ (as `annotateSecrets` of the real provider does).
    """
    if isinstance(source, Secret):
        return values if isinstance(values, Secret) else Secret(plain(values))
    if isinstance(values, Mapping) and isinstance(source, Mapping):
        return {key: with_secrecy_of(value, source[key]) if key in source else value for key, value in values.items()}
    if not isinstance(values, Secret) and has_secret(source):
        return Secret(plain(values))
    return values
