"""What the engine did, read from its event log: one JSON object a line, secrets already masked by the engine."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rehearsal.urn import name_of, type_of

Event = dict[str, Any]

STACK_TYPE = "pulumi:pulumi:Stack"

CHANGES = frozenset(
    {
        "create",
        "update",
        "delete",
        "replace",
        "create-replacement",
        "delete-replaced",
        "discard",
        "discard-replaced",
        "import",
        "import-replacement",
    }
)
"""The operations that change something; the others (`same`, `read`, `refresh` ...) don't."""


@dataclass(frozen=True)
class Step:
    """One operation on one resource."""

    operation: str
    """`create`, `update`, `delete`, `same`, `replace`, `create-replacement`, `delete-replaced`, `read` ..."""

    urn: str
    type: str
    old: Mapping[str, Any] | None
    """The resource's state before, with `inputs` and `outputs`; None when it is new."""

    new: Mapping[str, Any] | None
    """The resource's state afterwards; None when it goes."""

    differing: tuple[str, ...] = ()
    """The properties that differ."""

    failed: bool = False

    @property
    def name(self) -> str:
        """The resource's name in the program."""
        return name_of(self.urn)

    @property
    def key(self) -> str:
        """`Type/name`: unlike the name alone, no other resource has it."""
        return f"{self.type.rsplit(':', 1)[1]}/{self.name}"

    @property
    def changes_something(self) -> bool:
        """Whether the operation makes, alters or removes a resource."""
        return self.operation in CHANGES


_COLOUR = re.compile(r"<\{%[^%]*%\}>")


@dataclass(frozen=True)
class Violation:
    """A rule of a policy pack that a resource breaks."""

    rule: str
    level: str
    """`mandatory`, or `advisory`, which refuses nothing."""

    urn: str
    message: str
    """What the rule says, what was found, why that matters and how to mend it, a line each."""

    @property
    def name(self) -> str:
        """The resource's name in the program."""
        return name_of(self.urn)

    @property
    def type(self) -> str:
        """The resource's type token."""
        return type_of(self.urn)

    @property
    def text(self) -> str:
        """All of it for people."""
        return f"{self.name} ({self.type}) breaks the rule {self.rule}. {self.message}"


@dataclass(frozen=True)
class Events:
    """The events of one run of the engine, in order."""

    all: Sequence[Event] = field(repr=False)

    @classmethod
    def read(cls, file: Path) -> "Events":
        """Reads an event log; a last line that was cut off, as a killed engine leaves it, is left out."""
        events: list[Event] = []
        for line in file.read_text().splitlines() if file.exists() else []:
            try:
                events.append(json.loads(line))
            except json.JSONDecodeError:
                break
        return cls(events)

    @property
    def steps(self) -> list[Step]:
        """The operations that the engine planned (preview) or began (update), in the order in which it did."""
        failed = {_key(event["resOpFailedEvent"]["metadata"]) for event in self.all if "resOpFailedEvent" in event}
        found = []
        for event in self.all:
            if "resourcePreEvent" in event:
                metadata = event["resourcePreEvent"]["metadata"]
                differing = metadata.get("detailedDiff") or dict.fromkeys(metadata.get("diffs") or ())
                found.append(
                    Step(
                        operation=metadata["op"],
                        urn=metadata["urn"],
                        type=metadata["type"],
                        old=metadata.get("old"),
                        new=metadata.get("new"),
                        differing=tuple(differing),
                        failed=_key(metadata) in failed,
                    )
                )
        return found

    @property
    def changed(self) -> list[Step]:
        """The steps that change a resource."""
        return [step for step in self.steps if step.changes_something]

    @property
    def counts(self) -> dict[str, int]:
        """The engine's own count of resources for each operation; empty when it did not come to an end."""
        for event in reversed(self.all):
            if "summaryEvent" in event:
                return dict(event["summaryEvent"].get("resourceChanges") or {})
        return {}

    @property
    def errors(self) -> list[str]:
        """The errors that a person was shown, each with the resource that it is about; what policies refuse before others."""
        found = [violation.text for violation in self.violations if violation.level == "mandatory"]
        for diagnostic in self._diagnostics("error"):
            name = name_of(diagnostic.get("urn", ""))
            text = f"{name}: {diagnostic['message'].strip()}" if name else diagnostic["message"].strip()
            if text not in found:
                found.append(text)
        return found

    @property
    def violations(self) -> list[Violation]:
        """What policy packs found, each once: the engine asks about a resource again when it replaces it."""
        found = [
            Violation(
                event["policyEvent"]["policyName"],
                event["policyEvent"]["enforcementLevel"],
                event["policyEvent"].get("resourceUrn", ""),
                _COLOUR.sub("", event["policyEvent"]["message"]).strip(),
            )
            for event in self.all
            if "policyEvent" in event
        ]
        return list(dict.fromkeys(found))

    @property
    def warnings(self) -> list[str]:
        """The warnings of the program and the plugins.

        That a plugin was found on PATH is no news here, and left out.
        """
        texts = [diagnostic["message"].strip() for diagnostic in self._diagnostics("warning")]
        return [text for text in dict.fromkeys(texts) if not is_expected_warning(text)]

    def _diagnostics(self, severity: str) -> list[Event]:
        return [
            event["diagnosticEvent"]
            for event in self.all
            if event.get("diagnosticEvent", {}).get("severity") == severity
        ]


def _key(metadata: Mapping[str, Any]) -> tuple[str, str]:
    return metadata["urn"], metadata["op"]


def is_expected_warning(text: str) -> bool:
    """Whether this is the engine's remark that it takes a plugin from PATH: in a rehearsal that is the point."""
    return "using pulumi-" in text and "from $PATH" in text
