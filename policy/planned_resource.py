"""A resource as the rules see it: plain data, with a mark where a preview can't know a value yet.

Not called `resource`: the engine starts Python in this folder, where a module of that name would hide the standard library's.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pulumi_policy import PolicyProviderResource, PolicyResource, ResourceValidationArgs
from pulumi_policy.proxy import UnknownValueError


class Unknown:
    """The value of a property that is known only when its resource is made: shows no items, and is said to lack none."""

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __contains__(self, _item: object) -> bool:
        return True

    def __repr__(self) -> str:
        return "not known yet"


UNKNOWN = Unknown()


def plain(value: Any) -> Any:
    """The SDK's wrapped properties as dictionaries and lists; whole numbers as integers, what is not known as UNKNOWN.

    The SDK raises when an unknown value is read, which would end a rule in the middle of a resource.
    """
    if isinstance(value, Mapping):
        return {key: _read(value, key) for key in value}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_read(value, index) for index in range(len(value))]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _read(container: Any, key: Any) -> Any:
    try:
        return plain(container[key])
    except UnknownValueError:
        return UNKNOWN


@dataclass(frozen=True)
class Provider:
    """The provider that makes a resource."""

    name: str
    props: Mapping[str, Any]


@dataclass
class Resource:
    """One resource of a plan, with the configuration of the rule that looks at it."""

    type: str
    name: str
    urn: str
    props: Mapping[str, Any]
    protect: bool = False
    provider: Provider | None = None
    refers: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """URNs of the resources that each property comes from; filled for rules on whole stacks only."""

    config: Mapping[str, Any] = field(default_factory=dict)
    incomplete: bool = False
    """Whether the rule has met a value that is not known yet."""

    @property
    def stack(self) -> str:
        """The stack's name, out of the URN."""
        return self.urn.split("::")[0].rsplit(":", 1)[-1]

    @property
    def is_guarded(self) -> bool:
        """Whether the stack is one of those whose data must survive."""
        return self.stack_is_one_of("guarded_stacks")

    def stack_is_one_of(self, key: str) -> bool:
        """Whether the stack has one of the names at a key of the rule's configuration, or begins with one and a hyphen."""
        return any(self.stack == word or self.stack.startswith(f"{word}-") for word in self.config[key])

    def __getitem__(self, path: str) -> Any:
        """The property at a path with dots (`vpcConfig.publicAccessCidrs`); None where there is none, or UNKNOWN."""
        value: Any = self.props
        for key in path.split("."):
            if value is UNKNOWN:
                break
            value = value.get(key) if isinstance(value, Mapping) else None
        return self.seen(value)

    def seen(self, value: Any) -> Any:
        """The value itself; where it is UNKNOWN, that is remembered."""
        if value is UNKNOWN:
            self.incomplete = True
        return value

    def each(self, path: str) -> Iterator[Mapping[str, Any]]:
        """The objects of a list, or the one object that stands in its place; those that are known."""
        value = self[path]
        for item in value if isinstance(value, list) else [value]:
            if isinstance(self.seen(item), Mapping):
                yield item

    def lacks(self, path: str) -> bool:
        """Whether nothing stands at a path, or something empty; a value that will be known later is no lack."""
        return self[path] in (None, "", [], {})

    def is_off(self, path: str) -> bool:
        """Whether a switch is not on: false, or left out."""
        value = self[path]
        return value is not UNKNOWN and not on(value)

    def is_on(self, path: str) -> bool:
        """Whether a switch is known to be on."""
        return on(self[path])


def on(value: Any) -> bool:
    """Whether a value is true; providers and launch templates write it as a string."""
    return value is True or value == "true"


def of_validation(args: ResourceValidationArgs) -> Resource:
    """The resource that the engine asks about."""
    return Resource(
        type=args.resource_type,
        name=args.name,
        urn=args.urn,
        props=plain(args.props),
        protect=args.opts.protect,
        provider=_provider(args.provider),
        config=args.get_config(),
    )


def of_stack(resource: PolicyResource, config: Mapping[str, Any]) -> Resource:
    """One of the resources of a whole stack."""
    return Resource(
        type=resource.resource_type,
        name=resource.name,
        urn=resource.urn,
        props=plain(resource.props),
        protect=resource.opts.protect,
        provider=_provider(resource.provider),
        refers={key: [other.urn for other in others] for key, others in resource.property_dependencies.items()},
        config=config,
    )


def _provider(provider: PolicyProviderResource | None) -> Provider | None:
    return Provider(provider.name, plain(provider.props)) if provider else None
