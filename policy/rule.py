"""What a rule is, and how it becomes a policy of the pack."""

import fnmatch
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pulumi_policy import (
    EnforcementLevel,
    Policy,
    PolicyConfigSchema,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)

from policy.exceptions import EXCEPTIONS, Except
from policy.planned_resource import Resource, of_stack, of_validation

Schema = Mapping[str, Mapping[str, Any]]

Findings = Iterable[str]
"""What is wrong with a resource, a sentence each."""

StackFindings = Iterable[tuple[Resource, str]]
"""The same for a stack, each with the resource that it is about."""


@dataclass(frozen=True)
class Rule:
    """What resources must be like, why, and what to do where they are not."""

    name: str
    says: str
    why: str
    fix: str
    types: Sequence[str]
    """Type tokens that it looks at, with `*` for any characters."""

    level: EnforcementLevel = EnforcementLevel.MANDATORY
    config: Schema = field(default_factory=dict)
    """JSON schema of each key of its configuration, with a default."""

    check: Callable[[Resource], Findings] = lambda _resource: ()
    check_stack: Callable[[Sequence[Resource]], StackFindings] | None = None
    """In its place, for what no resource shows by itself; asked when the whole plan, or the whole update, is done."""

    def concerns(self, resource_type: str) -> bool:
        """Whether it looks at resources of a type."""
        return any(fnmatch.fnmatchcase(resource_type, pattern) for pattern in self.types)

    @property
    def defaults(self) -> dict[str, Any]:
        """Its configuration where nobody gives another, as the engine makes it of the schema."""
        return {key: schema["default"] for key, schema in self.config.items()}

    def excepted(self, resource: Resource, exceptions: Sequence[Except] = EXCEPTIONS) -> str:
        """The reason for which a resource may break it; empty where it may not."""
        own = (each for each in exceptions if each.rule == self.name and each.concerns(resource.type, resource.name))
        return next((each.reason for each in own), "")

    def message(self, finding: str) -> str:
        """What is reported beside the rule's name, the resource and `says`, which the engine prints."""
        return f"{finding}\nWhy: {self.why}\nFix: {self.fix}"

    def policy(self, exceptions: Sequence[Except] = EXCEPTIONS) -> Policy:
        """The policy that the SDK serves."""
        schema = PolicyConfigSchema({key: dict(value) for key, value in self.config.items()}) if self.config else None
        if self.check_stack:
            return StackValidationPolicy(
                self.name,
                self.says,
                self._of_stack(self.check_stack, exceptions),
                self.level,
                schema,
                remediation_steps=self.fix,
            )
        return ResourceValidationPolicy(
            self.name, self.says, self._of_resource(exceptions), self.level, schema, remediation_steps=self.fix
        )

    def _of_resource(self, exceptions: Sequence[Except]) -> Callable[[ResourceValidationArgs, ReportViolation], None]:
        def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
            if not self.concerns(args.resource_type):
                args.not_applicable(f"{self.name} does not look at {args.resource_type}")
            resource = of_validation(args)
            findings = list(self.check(resource))
            excepted = self.excepted(resource, exceptions)
            if findings and excepted:
                args.not_applicable(f"excepted: {excepted}")
            for finding in findings:
                report(self.message(finding), None)
            if resource.incomplete and not findings:
                args.not_applicable("some of it is known when the resource is made; looked at again then")

        return validate

    def _of_stack(
        self, check: Callable[[Sequence[Resource]], StackFindings], exceptions: Sequence[Except]
    ) -> Callable[[StackValidationArgs, ReportViolation], None]:
        def validate(args: StackValidationArgs, report: ReportViolation) -> None:
            config = args.get_config()
            chosen = [of_stack(each, config) for each in args.resources if self.concerns(each.resource_type)]
            if not chosen:
                args.not_applicable(f"{self.name} does not look at anything of this stack")
            for resource, finding in check(chosen):
                if not self.excepted(resource, exceptions):
                    report(self.message(finding), resource.urn)

        return validate


GUARDED: Schema = {
    "guarded_stacks": {
        "type": "array",
        "items": {"type": "string"},
        "default": ["prod", "account"],
        "description": "Stacks whose data must survive: those of these names, and those that begin with one and a hyphen.",
    }
}


def many(value: Any) -> list[Any]:
    """One or several, as AWS takes both; nothing is none."""
    return value if isinstance(value, list) else [] if value is None else [value]


def switched_off(it: Resource, *paths: str) -> Iterator[str]:
    """A finding for each switch that is not on."""
    for path in paths:
        if it.is_off(path):
            yield f"{path} is not true."
