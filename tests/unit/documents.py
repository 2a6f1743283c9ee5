"""The project's documents, and what in them can be wrong: links, headings, commands."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.unit.plan import PROJECT_FOLDER

DOCUMENTS = sorted(
    [*PROJECT_FOLDER.glob("*.md"), *PROJECT_FOLDER.glob("docs/**/*.md"), *PROJECT_FOLDER.glob("app/*.md")]
)

FENCED = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", flags=re.DOTALL | re.MULTILINE)
IN_LINE = re.compile(r"(?<!`)`([^`]+)`(?!`)")

SEPARATORS = {"|", "||", "&", "&&", ";", "do", "done"}
"""Between which a line of shell has commands of their own."""


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    language: str
    text: str


def named(document: Path) -> str:
    """A document's path within the project, as pytest shows it."""
    return str(document.relative_to(PROJECT_FOLDER))


def blocks(document: Path) -> list[Block]:
    """The fenced blocks of a page, without their indentation."""
    return blocks_of(document.read_text())


def blocks_of(page: str) -> list[Block]:
    """The fenced blocks of a text."""
    found = []
    for indentation, language, text in FENCED.findall(page):
        lines = (line.removeprefix(indentation) for line in text.splitlines())
        found.append(Block(language, "\n".join(lines)))
    return found


def prose(document: Path) -> str:
    """A page without its code."""
    return IN_LINE.sub("", FENCED.sub("", document.read_text()))


def links(document: Path) -> list[str]:
    """Where the links and pictures of a page lead, as written."""
    return re.findall(r"\]\(([^)\s]+)\)", prose(document))


def anchors(document: Path) -> set[str]:
    """The names by which GitHub links to the headings of a page: small letters, hyphens for blanks, no punctuation."""
    found: set[str] = set()
    for heading in re.findall(r"^#+ +(.+?) *$", FENCED.sub("", document.read_text()), flags=re.MULTILINE):
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        name = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
        again = sum(1 for each in found if each == name or re.fullmatch(rf"{re.escape(name)}-\d+", each))
        found.add(f"{name}-{again}" if again else name)
    return found


def shell(document: Path) -> Iterator[list[str]]:
    """The words of each command in the shell blocks of a page."""
    for block in blocks(document):
        if block.language == "sh":
            for line in block.text.replace("\\\n", " ").splitlines():
                yield from commands(line)


def mentioned(document: Path, *programs: str) -> Iterator[list[str]]:
    """The words of each command of these programs that stands within a sentence."""
    for text in IN_LINE.findall(FENCED.sub("", document.read_text())):
        if text.split()[0] in programs and len(text.split()) > 1:
            yield from commands(" ".join(text.split()))


def commands(line: str) -> Iterator[list[str]]:
    """The words of each command of a line of shell, those within `$(...)` among them; assignments before it left out."""
    for inner in re.findall(r"\$\(([^()]+)\)", line):
        yield from commands(inner)
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;")
    lexer.whitespace_split = True
    words: list[str] = []
    for word in [*lexer, ";"]:
        if word not in SEPARATORS:
            words.append(word)
            continue
        while words and re.match(r"^[A-Za-z_]+=", words[0]):
            del words[0]
        if words and words[0] != "for":
            yield words
        words = []
