"""kube-score: whether Kubernetes objects are reliable and safe as their authors think that they should be."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from judges.asking import json_report
from judges.findings import Finding, Opinion
from judges.tools import Judges

BEST = 10
"""kube-score's grades: 10 is a pass, 7 a remark, 5 a warning, 1 critical. Anything below the best counts as failed here."""


def ask(judges: Judges, manifests: Sequence[Path], kubernetes_minor: str) -> Opinion:
    """What kube-score says of the files, for a Kubernetes such as `1.36`. Raises JudgeError when it gave no report."""
    version = judges.versions["kube-score"]
    if not manifests:
        return Opinion("kube-score", version, 0)
    command = [str(judges.kube_score), "score", "--output-format=json", f"--kubernetes-version=v{kubernetes_minor}"]
    # What is right although it objects stands in skips.yaml, not in annotations of the objects.
    command += ["--disable-ignore-checks-annotations", *map(str, manifests)]
    return opinion(version, json_report("kube-score", command) or [])


def opinion(version: str, report: Sequence[dict[str, Any]]) -> Opinion:
    """The opinion in kube-score's JSON report."""
    passed, failed = 0, []
    for judged in report:
        for result in judged["checks"]:
            if result["skipped"]:
                continue
            if result["grade"] >= BEST:
                passed += 1
                continue
            comments = "; ".join(comment["summary"] for comment in result["comments"] or [])
            failed.append(
                Finding(
                    result["check"]["id"],
                    _name(judged),
                    comments or result["check"]["comment"],
                    Path(judged["file_name"]).name,
                )
            )
    return Opinion(
        "kube-score", version, passed, tuple(sorted(failed, key=lambda finding: (finding.check, finding.resource)))
    )


def _name(judged: dict[str, Any]) -> str:
    """`Deployment.namespace.name`, as checkov names objects."""
    metadata = judged["object_meta"]
    return ".".join([judged["type_meta"]["kind"], metadata.get("namespace") or "default", metadata["name"]])
