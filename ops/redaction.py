"""Takes out of text and of objects what nobody may read in an archive that is passed on.

The patterns are those of the logs' own filter (infra/monitoring/mask.lua); secrets that are known are taken out wherever they
stand.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

MASKED = "***"

SECRET = re.compile(
    r"authorization|cookie|password|passwd|passphrase|secret|token|api_?key|access_?key|private_?key|credential|dsn",
    re.I,
)
"""In the name of a header, a field or a variable: its value is a secret."""

REFERENCE = re.compile(r"(name|ref|arn|file|path|kind|seconds)$", re.I)
"""At the end of such a name: it tells where a secret is, as `secretName` does, or for how long, and not what it is."""

SHORTEST = 6
"""Characters of a known secret that is taken out wherever it stands: shorter ones are words of ordinary text."""

_NAMED = r"(?:password|passwd|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credential|dsn)"

PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    # A key in PEM, on lines of its own or with escaped ends of line.
    (re.compile(r"(-----BEGIN [A-Z ]*PRIVATE KEY-----).*?(-----END [A-Z ]*PRIVATE KEY-----)", re.S), rf"\1{MASKED}\2"),
    (re.compile(r"""(authorization["']?\s*[:=]\s*["']?[a-z]+\s+)[^\s"',;]+""", re.I), rf"\1{MASKED}"),
    (re.compile(r"\b(bearer\s+)[\w.~+/-]{6,}=*", re.I), rf"\1{MASKED}"),
    (re.compile(r"""(cookie["']?\s*:\s*["']?)[^\r\n"']+""", re.I), rf"\1{MASKED}"),
    (re.compile(r"([a-z][\w+.-]*://[^\s:/@]*:)[^\s@/]+@", re.I), rf"\1{MASKED}@"),
    # JSON Web Tokens and the ids of AWS's keys are known by their form.
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"), MASKED),
    (re.compile(r"\b(AKIA|ASIA)[A-Z0-9]{16}\b"), MASKED),
    (
        re.compile(rf"""({_NAMED}[\w-]*["']?\s*[:=]\s*)("(?:[^"\\]|\\.)*"|'[^']*'|[^\s"'&,;}}\]]+)""", re.I),
        rf"\1{MASKED}",
    ),
)


def is_secret(name: str) -> bool:
    """Whether what has this name is a secret."""
    return bool(SECRET.search(name)) and not REFERENCE.search(name)


class Redaction:
    """Takes secrets out; `known` are those whose values somebody looked up."""

    def __init__(self, known: Iterable[str] = ()) -> None:
        values = {line.strip() for value in known for line in (value, *value.splitlines())}
        # The longest first: a secret may contain another one.
        self._known = sorted((value for value in values if len(value) >= SHORTEST), key=len, reverse=True)

    def text(self, text: str) -> str:
        """Running text without secrets."""
        for value in self._known:
            text = text.replace(value, MASKED)
        for pattern, replacement in PATTERNS:
            text = pattern.sub(replacement, text)
        return text

    def document(self, content: Any) -> Any:
        """An object of the Kubernetes API, or a part of it, without secrets.

        What is named like a secret loses its value, and so does a variable (`name`, `value`) with such a name; that a Secret is
        named, or a token is mounted, stays readable.
        """
        if isinstance(content, Mapping):
            named = is_secret(str(content.get("name", "")))
            return {
                key: MASKED
                if isinstance(value, str) and (is_secret(str(key)) or (named and key == "value"))
                else self.document(value)
                for key, value in content.items()
            }
        if isinstance(content, list):
            return [self.document(each) for each in content]
        return self.text(content) if isinstance(content, str) else content
