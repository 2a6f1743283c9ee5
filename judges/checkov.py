"""checkov: policies for AWS resources, read from Terraform's language, and for Kubernetes objects."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from judges.asking import json_report
from judges.findings import Finding, JudgeError, Opinion
from judges.tools import Judges

FRAMEWORKS = ("terraform", "kubernetes")

_START = "import sys, runpy; sys.path.insert(0, sys.argv.pop(1)); runpy.run_module('checkov.main', run_name='__main__')"


def ask(judges: Judges, framework: str, folder: Path, places: Mapping[str, str]) -> Opinion:
    """What checkov says of the files in `folder`: a framework `terraform` or `kubernetes`.

    `places` maps a resource's address to the line that declares it. Raises JudgeError when it read less than everything.
    """
    name = f"checkov ({framework})"
    # -I and -S: with its own packages only, and none of this environment.
    command = [sys.executable, "-I", "-S", "-c", _START, str(judges.checkov)]
    command += ["--directory", str(folder), "--framework", framework, "--output", "json", "--soft-fail"]
    command += ["--skip-download"]  # what its makers' service knows of each check is not for a rehearsal
    report = json_report(name, command, environment={"LOG_LEVEL": "ERROR"})
    return opinion(name, report, sum(file.is_file() for file in folder.iterdir()), places)


def opinion(name: str, report: Mapping[str, Any], files: int, places: Mapping[str, str]) -> Opinion:
    """The opinion in checkov's JSON report on so many files. Raises JudgeError when it could not read one of them."""
    version = report.get("checkov_version") or report.get("summary", {}).get("checkov_version", "")
    if "results" not in report:  # its report when there was nothing to check
        if files:
            raise JudgeError(f"{name} found nothing to check in {files} files: {json.dumps(report)[:500]}")
        return Opinion(name, version, 0)
    results = report["results"]
    if results["parsing_errors"]:
        raise JudgeError(
            f"{name} can't read {', '.join(results['parsing_errors'])}: the emitter wrote what is not valid."
        )
    passed = {(check["check_id"], check["resource"]) for check in results["passed_checks"]}
    failed = {
        (check["check_id"], check["resource"]): Finding(
            check["check_id"],
            check["resource"],
            check["check_name"],
            places.get(check["resource"]) or Path(check["file_path"]).name,
        )
        for check in results["failed_checks"]
    }
    return Opinion(name, version, len(passed - failed.keys()), tuple(failed[key] for key in sorted(failed)))
