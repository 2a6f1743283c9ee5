"""Terraform's language, as far as resources need it: blocks, arguments, references."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

INDENT = "  "


@dataclass(frozen=True)
class Reference:
    """An expression that names another resource's attribute, such as `aws_vpc.main.id`."""

    expression: str


@dataclass(frozen=True)
class Document:
    """A JSON document that an argument takes as text, such as a policy."""

    content: Any


@dataclass(frozen=True)
class Block:
    """A block: its type, its labels, its arguments, and the blocks in it. `comments` stand above it."""

    name: str
    labels: tuple[str, ...] = ()
    arguments: Mapping[str, Any] = field(default_factory=dict)
    blocks: Sequence["Block"] = ()
    comments: tuple[str, ...] = ()

    def render(self, depth: int = 0) -> str:
        """The block's text, which ends with a line break."""
        indent = INDENT * depth
        head = " ".join([self.name, *(json.dumps(label) for label in self.labels)])
        lines = [f"{indent}# {comment}\n" for comment in self.comments]
        lines.append(f"{indent}{head} {{\n")
        lines += [f"{indent}{INDENT}{name} = {_value(value, depth + 1)}\n" for name, value in self.arguments.items()]
        lines += [block.render(depth + 1) for block in self.blocks]
        return "".join([*lines, f"{indent}}}\n"])


def _value(value: Any, depth: int) -> str:
    match value:
        case Reference():
            return value.expression
        case Document():
            return f"jsonencode({_value(value.content, depth)})"
        case str():
            return _text(value)
        case Mapping():
            return _object(value, depth)
        case list():
            return f"[{', '.join(_value(item, depth) for item in value)}]"
    return json.dumps(value)  # numbers, true, false and null are JSON's


def _object(value: Mapping[str, Any], depth: int) -> str:
    if not value:
        return "{}"
    inner = INDENT * (depth + 1)
    lines = [f"{inner}{_key(key)} = {_value(item, depth + 1)}\n" for key, item in value.items()]
    return "".join(["{\n", *lines, INDENT * depth, "}"])


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z_]\w*", key) else _text(key)


def _text(value: str) -> str:
    """A quoted string. `${` and `%{` would begin an expression, so they are doubled; JSON's escapes are Terraform's too."""
    return re.sub(r"([$%])\{", r"\1\1{", json.dumps(value, ensure_ascii=False))
