"""promtool and amtool: whether Prometheus and Alertmanager take what a stack gives them."""

import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from judges.findings import Finding, JudgeError, Opinion
from judges.tools import Judges

TIMEOUT_SECONDS = 60.0

RULES = "PrometheusRule"
RELEASE = "kubernetes:helm.sh/v3:Release"


def ask_about_rules(judges: Judges, objects: Sequence[Mapping[str, Any]], folder: Path) -> Opinion:
    """What promtool says of the rules among the objects, each of which is a check; writes them to `folder`. Raises JudgeError."""
    groups = [group for each in objects if each.get("kind") == RULES for group in each["spec"]["groups"]]
    name, version = "promtool", judges.versions["promtool"]
    if not groups:
        return Opinion(name, version, 0)
    file = folder / "rules.yaml"
    file.write_text(yaml.safe_dump({"groups": groups}, sort_keys=False))
    said = _ask([str(judges.promtool), "check", "rules", "--lint=all", "--lint-fatal", str(file)])
    found = re.search(r"SUCCESS: (\d+) rules found", said)
    wanted = sum(len(group["rules"]) for group in groups)
    if found and int(found[1]) != wanted:
        raise JudgeError(f"promtool read {found[1]} of {wanted} rules in {file}")
    return (
        Opinion(name, version, wanted) if found else Opinion(name, version, 0, (_finding("check rules", file, said),))
    )


def ask_about_routes(judges: Judges, state: Mapping[str, Any], folder: Path) -> Opinion:
    """What amtool says of the configuration that the chart gets for Alertmanager; writes it to `folder`."""
    name, version = "amtool", judges.versions["amtool"]
    given = [
        resource["inputs"].get("values", {}).get("alertmanager", {})
        for resource in state["deployment"].get("resources", ())
        if resource["type"] == RELEASE
    ]
    configured = [values for values in given if values.get("config")]
    if not configured:
        return Opinion(name, version, 0)
    passed, failed = 0, []
    for number, values in enumerate(configured):
        home = folder / f"alertmanager-{number}"
        home.mkdir(parents=True, exist_ok=True)
        for template, text in values.get("templateFiles", {}).items():
            (home / template).write_text(text)
        config = {**values["config"], "templates": [str(home / each) for each in values.get("templateFiles", {})]}
        file = home / "alertmanager.yaml"
        file.write_text(yaml.safe_dump(config, sort_keys=False))
        said = _ask([str(judges.amtool), "check-config", str(file)])
        if "SUCCESS" in said and "FAILED" not in said:
            passed += 1
        else:
            failed.append(_finding("check-config", file, said))
    return Opinion(name, version, passed, tuple(failed))


def _ask(command: Sequence[str]) -> str:
    run = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False)
    return run.stdout + run.stderr


def _finding(check: str, file: Path, said: str) -> Finding:
    return Finding(check, file.name, " ".join(said.split())[-500:], str(file))
