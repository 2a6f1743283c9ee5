"""cyclonus: what network policies let through, computed from the policies alone, without a cluster."""

import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import yaml

from judges.findings import JudgeError

TIMEOUT_SECONDS = 300.0

_ANSWER = re.compile(r"IS ALLOWED\?\s*\|\s*(TRUE|FALSE)")


@dataclass(frozen=True)
class Peer:
    """Whoever calls or is called: a pod, or an address outside of the cluster where there is no namespace."""

    name: str
    address: str
    namespace: str | None = None
    namespace_labels: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)

    def as_cyclonus_reads_it(self) -> dict[str, Any]:
        """The peer in cyclonus' JSON."""
        if self.namespace is None:
            return {"IP": self.address}
        pod = {"Namespace": self.namespace, "NamespaceLabels": self.namespace_labels, "PodLabels": self.labels}
        return {"IP": self.address, "Internal": pod}


Port = tuple[int, str]
"""Number and protocol, `TCP` or `UDP`."""

Verdicts = Mapping[tuple[str, str], frozenset[str]]
"""By caller and called one: the ports that are open, as `53/UDP`. A pair without any is left out."""


def ask(
    program: Path, policies: Sequence[Mapping[str, Any]], peers: Sequence[Peer], ports: Sequence[Port], folder: Path
) -> Verdicts:
    """Which peer reaches which on what port, of all pairs with a pod on one side; `folder` takes what cyclonus reads.

    Raises JudgeError when it did not answer for all of them.
    """
    pairs = [
        (source, to) for source, to in product(peers, peers) if source != to and (source.namespace or to.namespace)
    ]
    asked = [(source, to, port) for source, to in pairs for port in ports]
    traffic = [
        {
            "Source": source.as_cyclonus_reads_it(),
            "Destination": to.as_cyclonus_reads_it(),
            "ResolvedPort": number,
            "ResolvedPortName": "",
            "Protocol": protocol,
        }
        for source, to, (number, protocol) in asked
    ]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "policies.yaml").write_text(
        yaml.safe_dump({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicyList", "items": list(policies)})
    )
    (folder / "traffic.json").write_text(json.dumps(traffic))
    command = [str(program), "analyze", "--mode", "query-traffic"]
    command += ["--policy-path", str(folder / "policies.yaml"), "--traffic-path", str(folder / "traffic.json")]
    run = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False)
    answers = _ANSWER.findall(run.stdout)
    if run.returncode != 0 or len(answers) != len(asked):
        raise JudgeError(
            f"cyclonus answered {len(answers)} of {len(asked)} questions (exit code {run.returncode}):\n{run.stderr[-2000:]}"
        )
    found: dict[tuple[str, str], frozenset[str]] = {}
    for (source, to, (number, protocol)), answer in zip(asked, answers, strict=True):
        if answer == "TRUE":
            pair = (source.name, to.name)
            found[pair] = found.get(pair, frozenset()) | {f"{number}/{protocol}"}
    return found
