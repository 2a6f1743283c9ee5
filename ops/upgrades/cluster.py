"""`cluster upgrade`: to the Kubernetes that the program is pinned for, after everything that would stop it was looked at."""

import re
import time
from typing import Annotated, Any

import typer

from infra import versions
from ops import budgets
from ops.command import Result, Session
from ops.draining import nodes, schedulable
from ops.errors import OpsError
from ops.readiness import look
from ops.stack import Stack
from ops.upgrades.apis import Deprecated, ask_for_the_programs, requested
from ops.upgrades.eks import Eks, running_version

KUBELET_SKEW = 3
"""Minor versions by which a kubelet may be older than the API server (kubernetes.io, "Version Skew Policy")."""

WAIT_SECONDS = 1800
"""For pods and nodes after the update, which itself has waited for EKS."""


def cluster_upgrade(
    session: Session,
    version: Annotated[str, typer.Argument(help="Minor version, such as 1.36; else the program's own.")] = "",
) -> Result:
    """Upgrade EKS and its node groups to the program's Kubernetes version, with `pulumi up`; checks everything first.

    Examples: `python -m ops cluster upgrade --stack dev --dry-run`, `python -m ops cluster upgrade --stack prod --confirm prod`
    """
    stack, say = session.stack, session.report.say
    stack.aws  # noqa: B018 - refuses stacks without EKS
    target = version or versions.KUBERNETES
    running = running_version(stack)
    behind = [] if stack.rehearsed else _nodes_behind(stack, target)
    if running == target == versions.KUBERNETES and not behind:
        say(f"{stack.name} runs Kubernetes {target} already, and so do its nodes")
        return {"running": running, "target": target, "upgraded": False}
    faults, notes = _looked_at(stack, running, target)
    for note in notes:
        say(f"to know: {note}")
    if faults:
        raise OpsError(f"no upgrade from {running} to {target} now:\n" + "\n".join(f"- {each}" for each in faults))
    document: dict[str, Any] = {"running": running, "target": target, "notes": notes}
    deed = f"upgrade Kubernetes {running} to {target}, which can't be undone"
    if session.would(deed):
        return document
    session.confirm(deed)
    stack.engine.up()
    _wait(session, target)
    say(f"{stack.name} runs Kubernetes {target}")
    return {**document, "upgraded": True}


def _looked_at(stack: Stack, running: str, target: str) -> tuple[list[str], list[str]]:
    """What stands against it, and what to know of."""
    faults = [*version_faults(running, target), *versions.mismatches()]
    kubelets = {node.metadata.name: node.status.node_info.kubelet_version for node in nodes(stack)}
    faults += skew_faults(kubelets, target)
    faults += [f"node {each.metadata.name} is not ready, or closed" for each in nodes(stack) if not schedulable(each)]
    faults += [f"not well: {each}" for each in look(stack).short]
    faults += budgets.blocking(stack)
    faults += ask_for_the_programs(stack)
    gone, going = api_faults(requested(stack), target)
    faults, notes = [*faults, *gone], going
    if stack.rehearsed:
        notes.append(
            "EKS is played here: its insights, add-on versions and free addresses are asked for on the real stack only"
        )
    else:
        eks = Eks(stack)
        errors, warnings = eks.insights(target)
        faults += [*eks.faults(target, versions.ADD_ONS), *errors]
        notes += warnings
    return faults, notes


def version_faults(running: str, target: str) -> list[str]:
    """What is wrong with the step itself."""
    if not re.fullmatch(r"\d+\.\d+", target):
        return [f"{target} is no minor version, such as {versions.KUBERNETES}"]
    faults = []
    if target != versions.KUBERNETES:
        faults.append(
            f"this program is pinned for Kubernetes {versions.KUBERNETES}. An upgrade to {target} begins with infra/versions.py: "
            "KUBERNETES, kube-proxy and the other ADD_ONS, CLUSTER_AUTOSCALER_IMAGE, OLDEST_VPC_CNI, "
            "KUBERNETES_SUPPORTED_UNTIL; `python -m infra.versions` says whether they fit (docs/procedures/upgrade-cluster.md)"
        )
    if _minor(target) < _minor(running):
        faults.append(f"the cluster runs {running}: EKS knows no way back to {target}")
    elif _minor(target) > _minor(running) + 1:
        following = f"{running.partition('.')[0]}.{_minor(running) + 1}"
        faults.append(f"the cluster runs {running}: EKS goes one minor version at a time, so to {following} first")
    return faults


def skew_faults(kubelets: dict[str, str], target: str) -> list[str]:
    """Nodes that an API server of `target` no longer serves; `kubelets` by node, as `v1.35.2-eks-...`."""
    found = []
    for name, version in kubelets.items():
        behind = _minor(target) - _minor(version.removeprefix("v"))
        if behind > KUBELET_SKEW:
            found.append(
                f"node {name}: kubelet {version} is {behind} minor versions behind {target}; {KUBELET_SKEW} are allowed. "
                "Upgrade the nodes first (nodes upgrade)"
            )
    return found


def api_faults(deprecated: list[Deprecated], target: str) -> tuple[list[str], list[str]]:
    """APIs that `target` no longer has, and those that a later version takes away."""
    gone, going = [], []
    for each in deprecated:
        if each.removed_in and _minor(each.removed_in) <= _minor(target):
            gone.append(
                f"somebody asks for {each.name}, which Kubernetes {each.removed_in} removed; find out who (procedure)"
            )
        else:
            when = f"goes in {each.removed_in}" if each.removed_in else "is deprecated"
            going.append(f"somebody asks for {each.name}, which {when}")
    return gone, going


def _minor(version: str) -> int:
    return int(version.split(".")[1])


def _nodes_behind(stack: Stack, target: str) -> list[str]:
    return [
        f"node {node.metadata.name} has {node.status.node_info.kubelet_version}"
        for node in nodes(stack)
        if not node.status.node_info.kubelet_version.startswith(f"v{target}.")
    ]


def _wait(session: Session, target: str) -> None:
    """Until control plane, nodes and pods are what they should be. Raises OpsError with what is missing."""
    stack = session.stack
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        running = running_version(stack)
        missing = [] if running == target else [f"the control plane runs {running}"]
        missing += [] if stack.rehearsed else _nodes_behind(stack, target)
        missing += look(stack).short
        if not missing:
            return
        if time.monotonic() > deadline:
            raise OpsError(f"upgraded, but after {WAIT_SECONDS} s not all is well: {', '.join(missing)}")
        session.report.say(f"waiting for {len(missing)}: {missing[0]}")
        time.sleep(5)
