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
    "amtool", "aws", "base64", "break", "cp", "curl", "date", "dig", "diff", "docker", "export", "git", "grep", "pip", "printf",
    "rm", "tail", "vault",
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


def refused(command: list[str]) -> str | None:
    """Why a command can't be run; None when it can, as far as one can tell without running it."""
    said = " ".join(command)
    match command:
        case ["make", target, *settings]:
            if not re.search(rf"^([a-z-]+ )*{re.escape(target)}( [a-z-]+)*:( |$)", MAKEFILE, flags=re.MULTILINE):
                return f"{said}: no such target"
            unread = [each for each in settings if "=" not in each or f"{each.partition('=')[0]}" not in MAKEFILE]
            return f"{said}: the Makefile knows no {unread}" if unread else None
        case ["python", "-m", module, *_] if module in ("pip", "pytest", "venv"):
            return None
        case ["python", "-m", module, *_]:
            path = PROJECT_FOLDER / module.replace(".", "/")
            there = path.with_suffix(".py").exists() or (path / "__main__.py").exists()
            return None if there else f"{said}: no such module"
        case ["python", script, *_]:
            return None if (PROJECT_FOLDER / script).exists() else f"{said}: no such file"
        case ["pytest", *words]:
            missing = [
                each
                for each in words
                if each.startswith("tests/") and not (PROJECT_FOLDER / each.partition("::")[0]).exists()
            ]
            return f"{said}: no {missing}" if missing else None
        case ["kubectl" | "pulumi" as program, *_]:
            words = verbs(command)
            if words[1] not in VERBS[program]:
                return f"{said}: {program} has no {words[1]}, or it is not on the list"
            known = VERBS.get(f"{program} {words[1]}")
            return f"{said}: not one of {sorted(known)}" if known and words[2] not in known else None
        case [program, *_]:
            return None if program in OTHERS else f"{said}: what is {program}?"
    return None


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
