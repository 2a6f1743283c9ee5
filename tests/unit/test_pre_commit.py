"""What runs before a commit is what CI runs after it."""

import re

import yaml

from tests.unit.plan import PROJECT_FOLDER


def test_the_hooks_are_the_checks_and_the_unit_tests_of_ci_from_the_projects_own_environment() -> None:
    [own] = yaml.safe_load((PROJECT_FOLDER / ".pre-commit-config.yaml").read_text())["repos"]
    assert own["repo"] == "local", "another repository's hooks would be other versions than those of the lock file"
    entries = {hook["id"]: hook["entry"] for hook in own["hooks"]}
    assert all(entry.startswith(".venv/bin/") for entry in entries.values())
    script = (PROJECT_FOLDER / "scripts" / "test.sh").read_text()
    [checks] = re.findall(r"layer_check\(\) \{(.*?)\n\}", script, re.DOTALL)
    run_by_ci = set(re.findall(r"\$BIN/((?:ruff )?[a-z-]+)", checks)) - {"python"}
    run_before = {re.match(r"\.venv/bin/((?:ruff )?[a-z-]+)", entry)[1] for entry in entries.values()} - {"python"}  # type: ignore[index]
    assert run_before == run_by_ci
    assert entries["unit"].endswith("tests/unit")
