"""What the documents tell people to type exists. tests/ops reads those of `aws` and `ops`, which need their packages."""

import re
from pathlib import Path

import pytest

from tests.unit.documents import DOCUMENTS, blocks, commands, mentioned, named, shell
from tests.unit.plan import PROJECT_FOLDER

MAKEFILE = (PROJECT_FOLDER / "Makefile").read_text()

VERBS = {
    "kubectl": {
        "annotate", "apply", "config", "cordon", "delete", "describe", "drain", "exec", "get", "logs", "port-forward",
        "rollout", "scale", "top", "uncordon",
    },
    "kubectl rollout": {"history", "restart", "status", "undo"},
    "pulumi": {
        "cancel", "config", "destroy", "env", "import", "login", "new", "preview", "refresh", "stack", "state", "up",
    },
    "pulumi config": {"get", "set"},
    "pulumi stack": {"change-secrets-provider", "export", "history", "import", "init", "ls", "output", "select"},
    "pulumi state": {"unprotect"},
}  # fmt: skip
"""By what comes before it, the next word: as far as it is for people who operate the platform."""

WITH_A_VALUE = {"--namespace", "-n", "--stack", "--context"}
"""Options before a verb, with a value of their own."""

OTHERS = {
    "amtool", "aws", "base64", "break", "cp", "curl", "date", "dig", "diff", "docker", "echo", "export", "git", "grep", "pip",
    "printf", "rm", "tail", "vault",
}  # fmt: skip
"""Programs whose words nothing here reads."""


def verbs(command: list[str]) -> list[str]:
    """The words of a command that are neither options nor values of the options before the verb."""
    found = []
    words = iter(command)
    for word in words:
        if word in WITH_A_VALUE:
            next(words)
        elif not word.startswith("-"):
            found.append(word)
    return found


def _make(command: list[str]) -> str | None:
    target, settings = command[1], command[2:]
    if not re.search(rf"^([a-z-]+ )*{re.escape(target)}( [a-z-]+)*:( |$)", MAKEFILE, flags=re.MULTILINE):
        return "no such target"
    unread = [each for each in settings if "=" not in each or each.partition("=")[0] not in MAKEFILE]
    return f"the Makefile knows no {unread}" if unread else None


def _python(command: list[str]) -> str | None:
    if command[1] != "-m":
        return None if (PROJECT_FOLDER / command[1]).exists() else "no such file"
    path = PROJECT_FOLDER / command[2].replace(".", "/")
    there = path.with_suffix(".py").exists() or (path / "__main__.py").exists()
    return None if there or command[2] in ("pip", "pytest", "venv") else "no such module"


def _pytest(command: list[str]) -> str | None:
    files = [word.partition("::")[0] for word in command if word.startswith("tests")]
    missing = [name for name in files if not (PROJECT_FOLDER / name).exists()]
    return f"no {missing}" if missing else None


def _by_verbs(command: list[str]) -> str | None:
    words = verbs(command)
    for count in (1, 2):
        known = VERBS.get(" ".join(words[:count]))
        if known and (len(words) <= count or words[count] not in known):
            return f"not one of {sorted(known)}"
    return None


READERS = {"make": _make, "python": _python, "pytest": _pytest, "kubectl": _by_verbs, "pulumi": _by_verbs}


def refused(command: list[str]) -> str | None:
    """Why a command can't be run; None when it can, as far as one can tell without running it."""
    program = command[0]
    if program in OTHERS:
        return None
    why = READERS[program](command) if program in READERS else f"what is {program}?"
    return why and f"{' '.join(command)}: {why}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_every_command_of_a_shell_block_can_be_run(document: Path) -> None:
    assert [why for command in shell(document) if (why := refused(command))] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_every_command_within_a_sentence_can_be_run(document: Path) -> None:
    found = mentioned(document, "make", "pulumi", "kubectl", "python", "pytest")
    assert [why for command in found if (why := refused(command))] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_a_block_of_shell_says_that_it_is_one(document: Path) -> None:
    programs = {"make", "python", "pytest", "aws", "kubectl", "pulumi", "cp"}
    lines = [line for block in blocks(document) if not block.language for line in block.text.splitlines()]
    assert [line for line in lines if line.partition(" ")[0] in programs] == []


@pytest.mark.parametrize(
    "wrong",
    [
        "make rehearsal",
        "make rehearse STAK=prod",
        "python -m infra.version",
        "pytest tests/units",
        "kubectl --namespace marlinspike restart deployment/app",
        "kubectl rollout again deployment/app",
        "pulumi apply",
        "FULL=1 make benches && true",
        "echo $(kubectl fetch pods)",
        "terraform apply",
    ],
)
def test_a_command_that_does_not_exist_is_found_out(wrong: str) -> None:
    assert any(refused(command) for command in commands(wrong))
