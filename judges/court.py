"""Has one stack judged: rehearses it, hands what it leaves to each judge, and leaves things as they were found."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import yaml

from judges import (
    checkov,
    cyclonus,
    gitleaks,
    hadolint,
    kube_score,
    kubeconform,
    network_policies,
    prometheus,
    workflows,
)
from judges.findings import JudgeError, Opinion
from judges.tools import Judges
from rehearsal.control_plane.api import Api
from rehearsal.manifests import write_manifests
from rehearsal.places import repository
from rehearsal.run import Rehearsal, Say
from rehearsal.terraform import is_known, write_terraform


def opinions(stack: str, judges: Judges, say: Say) -> tuple[list[Opinion], Path]:
    """What the judges say of the stack as its program is now, and the folder with what they were shown.

    A rehearsal that was up stays up; one that was not is forgotten afterwards. Raises JudgeError, and what a rehearsal
    raises.
    """
    rehearsal = Rehearsal(stack, say=say)
    was_up = rehearsal.state_file.exists()
    result = rehearsal.up()
    try:
        if not result.succeeded:
            raise JudgeError(
                f"{stack} does not come up, so there is nothing to judge:\n  " + "\n  ".join(result.errors)
            )
        with Api(rehearsal.kubeconfig) as api:
            return judged(rehearsal.state(), rehearsal.out, judges, api, say), rehearsal.out
    finally:
        if not was_up:
            rehearsal.remove()


def judged(state: dict[str, Any], folder: Path, judges: Judges, api: Api, say: Say) -> list[Opinion]:
    """What the judges say of an exported stack, of which the files are written to `folder`. Raises JudgeError.

    Writes `network-policies.json` too: who reaches whom.
    """
    written = write_terraform(state, folder / "terraform")
    unknown = sorted({each.token for each in written if not is_known(each.token)})
    if unknown:
        raise JudgeError(
            f"Terraform's name of {', '.join(unknown)} is not known, so no check would be sure to read it: "
            "look it up and add it to rehearsal/terraform/types.py."
        )
    manifests = sorted(write_manifests(state, folder / "manifests"))
    objects = [yaml.safe_load(file.read_text()) for file in manifests]
    places = {each.address: each.place for each in written}
    version = api.get("/version")
    say(f"judging {len(written)} AWS resources and {len(manifests)} Kubernetes objects")
    with ThreadPoolExecutor(max_workers=2) as pool:
        asked = [
            pool.submit(checkov.ask, judges, "terraform", folder / "terraform", places),
            pool.submit(checkov.ask, judges, "kubernetes", folder / "manifests", {}),
            pool.submit(kube_score.ask, judges, manifests, f"{version['major']}.{version['minor']}"),
            pool.submit(kubeconform.ask, judges, manifests, api, folder / "schemas"),
            pool.submit(gitleaks.ask, judges.gitleaks, folder, "manifests", "terraform"),
            pool.submit(prometheus.ask_about_rules, judges, objects, folder),
            pool.submit(prometheus.ask_about_routes, judges, state, folder),
        ]
        reached = pool.submit(_reached, state, objects, judges, folder)
    network_policies.write_json(reached.result(), folder / "network-policies.json")
    return [each.result() for each in asked]


def opinions_of_repository(judges: Judges, say: Say) -> list[Opinion]:
    """What the judges say of what belongs to no stack: image, workflows, and every file for a secret. Raises JudgeError."""
    return [
        hadolint.ask(judges, repository() / "app" / "Dockerfile"),
        *workflows.opinions(repository(), say),
        gitleaks.ask_about_sources(judges.gitleaks, repository()),
    ]


def _reached(
    state: Mapping[str, Any], objects: Sequence[Mapping[str, Any]], judges: Judges, folder: Path
) -> cyclonus.Verdicts:
    """Who reaches whom; what should be is known to tests/judges/test_network_policies.py."""
    networks = {
        resource["urn"].rpartition("::")[2]: resource["inputs"]["cidrBlock"]
        for resource in state["deployment"]["resources"]
        if resource["type"] == "aws:ec2/subnet:Subnet"
    }
    everybody = network_policies.peers(objects, networks)
    policies = network_policies.policies(objects)
    return cyclonus.ask(judges.cyclonus, policies, everybody, network_policies.PORTS, folder / "network-policies")
