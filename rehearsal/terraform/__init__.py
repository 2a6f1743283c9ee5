"""Writes the AWS resources of a stack in Terraform's language, since scanners read that and none reads Pulumi.

The text is for readers, not for `terraform apply`: names are those of this stack, what Pulumi's engine decides
(protection, order of replacement) is left out, and so is every secret.
"""

import json
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rehearsal.manifests import OUTPUT_VALUE, SPECIAL
from rehearsal.plugins.aws.types import resource_type
from rehearsal.plugins.inputs import alternatives, shape
from rehearsal.terraform.hcl import Block, Document, Reference
from rehearsal.terraform.references import References
from rehearsal.terraform.types import argument_name, block_name, is_known, snake, terraform_type
from rehearsal.urn import name_of

__all__ = ["Written", "is_known", "terraform_type", "write_terraform"]

PROVIDER = "pulumi:providers:aws"
PROVIDER_SETTINGS = ("region", "allowedAccountIds", "defaultTags")
"""What the text tells of the provider: what decides where resources are and which tags they have."""

COMPONENT = "marlinspike:"

HIDDEN = object()
"""Stands for a secret, which is left out."""


@dataclass(frozen=True)
class Written:
    """One resource in the text."""

    address: str
    """`type.name`, as scanners name it."""

    token: str
    """The type as Pulumi names it, such as `aws:ec2/vpc:Vpc`."""

    place: str
    """Where the program declares it, such as `infra/network.py:120`; empty if unknown."""


def write_terraform(state: Mapping[str, Any], folder: Path) -> list[Written]:
    """Writes the AWS resources of an exported stack to `<component>.tf` in `folder`, which is emptied first.

    `state` is what `pulumi stack export` prints. Returns what was written.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    resources = [
        resource for resource in state.get("deployment", {}).get("resources") or [] if not resource.get("delete")
    ]
    by_urn = {resource["urn"]: resource for resource in resources}
    addresses = _addresses(resources)
    references = References(resources, addresses)
    providers = _providers(resources)
    files = {"providers": [block for block, _alias in providers.values()]} if providers else {}
    written = []
    for urn, address in sorted(addresses.items(), key=lambda item: item[1]):  # the engine's order is never the same
        resource, place = by_urn[urn], _place(by_urn[urn])
        alias = providers.get(resource.get("provider", "").rpartition("::")[0], (None, ""))[1]
        files.setdefault(_component(resource, by_urn), []).append(_block(resource, address, references, alias, place))
        written.append(Written(address, resource["type"], place))
    for name, blocks in files.items():
        (folder / f"{name}.tf").write_text("\n".join(block.render() for block in blocks))
    return written


def _addresses(resources: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """For each AWS resource's URN its address; of two with one name the second gets a number."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    for resource in resources:
        if resource["type"].startswith("aws:") and resource.get("custom"):
            name = re.sub(r"\W", "_", name_of(resource["urn"]))
            address = wanted = f"{terraform_type(resource['type'])}.{name}"
            number = 2
            while address in taken:
                address, number = f"{wanted}_{number}", number + 1
            taken.add(address)
            found[resource["urn"]] = address
    return found


def _providers(resources: Sequence[Mapping[str, Any]]) -> dict[str, tuple[Block, str]]:
    """For each provider's URN: its block, and the alias of all but the first."""
    found: dict[str, tuple[Block, str]] = {}
    for resource in resources:
        if resource["type"] == PROVIDER:
            alias = re.sub(r"\W", "_", name_of(resource["urn"])) if found else ""
            given = {name: resource["inputs"][name] for name in PROVIDER_SETTINGS if name in resource.get("inputs", {})}
            tags = json.loads(given.pop("defaultTags", "{}"))
            arguments = {snake(name): _parsed(value) for name, value in given.items()}
            block = Block(
                "provider",
                ("aws",),
                {**({"alias": alias} if alias else {}), **arguments},
                [Block("default_tags", (), tags)] if tags else [],
            )
            found[resource["urn"]] = (block, alias)
    return found


def _parsed(value: str) -> Any:
    """A provider's setting: the engine keeps all but text as JSON."""
    return json.loads(value) if value.startswith(("[", "{")) else value


def _component(resource: Mapping[str, Any], by_urn: Mapping[str, Mapping[str, Any]]) -> str:
    """The outermost component of this project that a resource belongs to, such as `network`."""
    name, parent = "stack", resource.get("parent", "")
    while parent in by_urn:
        if by_urn[parent]["type"].startswith(COMPONENT):
            name = by_urn[parent]["type"].split(":")[1]
        parent = by_urn[parent].get("parent", "")
    return name


def _place(resource: Mapping[str, Any]) -> str:
    """The line of the program that declares a resource: the innermost one of `infra/` or `stacks/`."""
    for frame in resource.get("stackTrace") or []:
        found = re.fullmatch(r"project:///((?:infra|stacks)/\S+)#(\d+)", frame.get("sourcePosition", ""))
        if found:
            return f"{found[1]}:{found[2]}"
    return ""


def _block(resource: Mapping[str, Any], address: str, references: References, alias: str, place: str) -> Block:
    kind, name = address.split(".")
    dependencies = resource.get("propertyDependencies") or {}
    inputs = {
        key: references.resolve(plain, dependencies.get(key) or ())
        for key, value in (resource.get("inputs") or {}).items()
        if not key.startswith("__") and (plain := _plain(value)) is not HIDDEN
    }
    arguments, blocks = _body(kind, resource_type(resource["type"]).inputs.types, inputs)
    if alias:
        arguments = {"provider": Reference(f"aws.{alias}"), **arguments}
    return Block("resource", (kind, name), arguments, blocks, (place,) if place else ())


def _plain(value: Any) -> Any:
    """The value without the engine's own marks; HIDDEN for a secret and for what is no text (assets)."""
    if isinstance(value, Mapping):
        if SPECIAL in value:
            return _plain(value["value"]) if value[SPECIAL] == OUTPUT_VALUE and "value" in value else HIDDEN
        inner = {key: _plain(item) for key, item in value.items() if not key.startswith("__")}
        return {key: item for key, item in inner.items() if item is not HIDDEN}
    if isinstance(value, list):
        return [item for item in map(_plain, value) if item is not HIDDEN]
    return value


def _body(kind: str, types: Mapping[str, Any], values: Mapping[str, Any]) -> tuple[dict[str, Any], list[Block]]:
    """The arguments and the blocks of a resource or a block.

    What the SDK declares as a class of its own is a block for Terraform, maps and plain values are arguments.
    """
    arguments: dict[str, Any] = {}
    blocks: list[Block] = []
    for name, value in values.items():
        inner = _block_types(types.get(name))
        objects = [item for item in (value if isinstance(value, list) else [value]) if isinstance(item, Mapping)]
        if inner is None or not (objects or value == []):  # a policy may be given as an object too, but is a text here
            arguments[argument_name(kind, name)] = _document(value)
        else:
            title = block_name(name, listed=isinstance(value, list))
            blocks += [Block(title, (), *_body("", inner, each)) for each in objects]
    return arguments, blocks


def _block_types(hint: Any) -> Mapping[str, Any] | None:
    """The properties of a block's class, of which a property holds one or a list; None for any other property."""
    for choice in alternatives(hint):
        for each in (choice, *_items(choice)):
            if isinstance(each, type) and getattr(each, "_pulumi_input_type", False):
                return shape(each).types
    return None


def _items(choice: Any) -> Iterator[Any]:
    """The types that a list's items may have."""
    origin = getattr(choice, "__origin__", None)
    if isinstance(origin, type) and issubclass(origin, Sequence):
        for item in choice.__args__:
            yield from alternatives(item)


def _document(value: Any) -> Any:
    """A text that is a JSON object, such as a policy, as an object; scanners read both, people this one."""
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            return Document(json.loads(value))
        except ValueError:
            return value
    return value
