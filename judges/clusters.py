"""Kubescape and hardeneks: what they think of the objects on an API server, that of a rehearsal which is up.

python -m judges.clusters STACK, or `make audit-cluster`; for hosted workflows: Kubescape gets its controls from the internet.
It is the rehearsal's API server instead of kind's: a real one too, with this stack's objects, and nothing else to be judged.
"""

import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from judges import report
from judges.findings import Finding, JudgeError, Opinion
from judges.skips import read, stale, verdict
from rehearsal import places
from rehearsal.say import Say
from rehearsal.toolchain import ToolchainError, download, machine
from rehearsal.toolchain.errors import NotAvailable
from rehearsal.toolchain.store import obtain

HARDENEKS = "1.1.1"
KUBESCAPE = "4.0.1"

RULES = Path(__file__).with_name("hardeneks.yaml")

NOT_OURS = ("default", "kube-system", "kube-public", "kube-node-lease")
"""Namespaces that every cluster has."""

FRAMEWORKS = ("nsa", "mitre")

TIMEOUT_SECONDS = 600.0


def ask_hardeneks(kubeconfig: Path, folder: Path) -> Opinion:
    """What hardeneks says by those of its rules that ask Kubernetes alone; its report is left in `folder`. Raises JudgeError."""
    context = yaml.safe_load(kubeconfig.read_text())["current-context"]
    written = folder / "hardeneks.json"
    written.unlink(missing_ok=True)
    command = [str(Path(sys.executable).parent / "uv"), "tool", "run", "--quiet", "--python", sys.executable]
    command += [f"hardeneks=={HARDENEKS}", "--context", context, "--cluster", context, "--region", "none"]
    run = subprocess.run(
        [*command, "--config", str(RULES), "--export-json", str(written)],
        env={**os.environ, "KUBECONFIG": str(kubeconfig.absolute())},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    if run.returncode != 0 or not written.exists():
        raise JudgeError(f"hardeneks gave no report (exit code {run.returncode}):\n{(run.stdout + run.stderr)[-2000:]}")
    return opinion(json.loads(written.read_text()))


def opinion(told: Mapping[str, Any]) -> Opinion:
    """The opinion in hardeneks' JSON report: one check for each rule and namespace."""
    passed, failed = 0, []
    for rule, result in _results(told):
        if result["status"]:
            passed += 1
        for name in () if result["status"] else result["resources"]:
            # A pod's own name is a new one each time; its owner's is what stays.
            stable = name.rsplit("-", 2)[0] if result["resource_type"] == "Pod" else name
            resource = ".".join(filter(None, [result["resource_type"], result["namespace"], stable]))
            failed.append(Finding(re.sub(r"[^a-z]+", "-", rule.lower()).strip("-"), resource, rule))
    return Opinion("hardeneks", HARDENEKS, passed, tuple(dict.fromkeys(failed)))


def _results(told: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each rule's words with each of its results: the report has them by scope, pillar and section."""
    for pillars in told.values():
        for sections in pillars.values():
            for rules in sections.values():
                yield from ((rule, result) for rule, results in rules.items() for result in results)


def ask_kubescape(program: Path, kubeconfig: Path, folder: Path) -> int:
    """Kubescape's own exit status: 1 where a control of severity high or above failed. Its report is left in `folder`."""
    command = [str(program), "scan", "framework", ",".join(FRAMEWORKS), f"--kubeconfig={kubeconfig}"]
    command += [f"--exclude-namespaces={','.join(NOT_OURS)}", "--severity-threshold=high", "--format=json"]
    command += [f"--output={folder / 'kubescape.json'}"]
    return subprocess.run(command, timeout=TIMEOUT_SECONDS, check=False).returncode


def ensure_kubescape(say: Say) -> Path:
    """Kubescape's official release, from the cache or the internet; there is no other way. Raises ToolchainError."""
    name = f"kubescape_{KUBESCAPE}_{machine.operating_system()}_{machine.architecture()}.tar.gz"
    site = f"https://github.com/kubescape/kubescape/releases/download/v{KUBESCAPE}"

    def fetch(folder: Path) -> None:
        download.fetch_release(site, name, "checksums.sha256", "kubescape", folder, say)

    places.cache().mkdir(parents=True, exist_ok=True)
    try:
        folder = obtain(places.cache() / f"kubescape-{KUBESCAPE}-{platform.machine()}", fetch, say)
    except NotAvailable as reason:
        raise ToolchainError(f"Kubescape {KUBESCAPE} can't be had: {reason}", "connect to the internet") from None
    return folder / "kubescape"


def main(stack: str) -> int:
    """Status 1 where one of them objects to what has no reason in skips.yaml, or could not be asked."""
    folder = places.outputs() / "audit-cluster"
    folder.mkdir(parents=True, exist_ok=True)
    kubeconfig, skips = places.out(stack) / "kubeconfig", read()
    if not kubeconfig.exists():
        print(f"error: no rehearsal of {stack} is up; `make rehearse STACK={stack}` starts one")
        return 1
    try:
        verdicts = [verdict(ask_hardeneks(kubeconfig, folder), stack, skips)]
        print("\n".join([*report.table(stack, verdicts), *report.failures(verdicts)]))
        useless = stale(skips, {stack: verdicts})
        for _, skip in useless:
            print(f"  {skip.judge} {skip.check} is skipped for {', '.join(skip.resources)}, where nothing needs it")
        kubescape = ask_kubescape(ensure_kubescape(print), kubeconfig, folder)
    except (JudgeError, ToolchainError) as reason:
        print(f"error: {reason}")
        return 1
    return 1 if verdicts[0].failed or useless or kubescape else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
