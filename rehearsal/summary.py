"""The closing words of a rehearsal: what was made, how long it took, what of it was simulated, and what to do next."""

import shlex
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from rehearsal.events import STACK_TYPE, Step
from rehearsal.policy_result import MANDATORY
from rehearsal.run import Result

EXTERNAL_SECRET = "kubernetes:external-secrets.io/v1:ExternalSecret"  # noqa: S105 - a type

HELM_RELEASE = "kubernetes:helm.sh/v3:Release"

SIMULATED_BY_A_PLUGIN = {
    "aws": "AWS, played by rehearsal.plugins.aws: inputs are checked against the SDK's types, nothing is asked of Amazon",
    "eks": "the EKS component, played by rehearsal.plugins.eks: it makes the resources that pulumi-eks makes",
}


def package(resource_type: str) -> str:
    """The package of a type token: `aws` of `aws:ec2/vpc:Vpc`; the provider `pulumi:providers:aws` counts to its own package."""
    parts = resource_type.split(":")
    return parts[2] if parts[:2] == ["pulumi", "providers"] else parts[0]


def by_type(steps: Iterable[Step]) -> Counter[str]:
    """How many resources of each type exist after the steps, the stack itself not counted."""
    left = {step.urn: step.type for step in steps if step.new is not None and step.type != STACK_TYPE}
    return Counter(left.values())


def resources_by_package(types: Counter[str]) -> list[str]:
    """One line for each package: how many resources, and of which types (named without their module, most first)."""
    lines = []
    for name in sorted({package(kind) for kind in types} - {"pulumi"}):
        own: Counter[str] = Counter()
        for kind, count in types.items():
            if package(kind) == name:
                own["provider" if kind.startswith("pulumi:providers:") else kind.split(":")[-1]] += count
        ordered = sorted(own.items(), key=lambda item: (-item[1], item[0]))
        listed = ", ".join(f"{kind} {count}" if count > 1 else kind for kind, count in ordered)
        lines.append(f"  {own.total():4d}  {name}: {listed}")
    return lines


def simulated(steps: Iterable[Step], types: Counter[str], real_node: tuple[str, ...] = ()) -> list[str]:
    """What of the stack was simulated, one line each."""
    lines = []
    for name, text in SIMULATED_BY_A_PLUGIN.items():
        kinds = [kind for kind in types if package(kind) == name]
        if kinds:
            lines.append(f"  {text} ({sum(types[kind] for kind in kinds)} resources of {len(kinds)} types)")
    releases = sorted({step.name for step in steps if step.type == HELM_RELEASE and step.new is not None})
    if releases:
        lines.append(
            f"  Helm releases: {', '.join(releases)}. "
            "Values checked, custom resource definitions installed, no chart rendered or deployed"
        )
    secrets = sorted({step.name for step in steps if step.type == EXTERNAL_SECRET and step.new is not None})
    if secrets:
        lines.append(
            f"  External Secrets: {', '.join(secrets)}. Accepted by the operator's own definitions, no value fetched: "
            "their Kubernetes Secrets are not there, and simulated pods start without"
        )
    if real_node:
        lines += [f"  {line}" for line in real_node]
    elif any(package(kind) == "kubernetes" for kind in types):
        lines.append(
            "  nodes, and the running of pods, by KWOK: "
            "pods are scheduled and counted by the real controllers, no container starts"
        )
    return lines


def closing(stack: str, result: Result, report: Path | None = None) -> list[str]:
    """The lines that end a successful `up`."""
    steps = [f"  {command}      {what}".rstrip() for command, what in next_steps(stack, result, report)]
    return [*told(stack, result), "", "What to do next:", *steps]


def next_steps(stack: str, result: Result, report: Path | None = None) -> list[tuple[str, str]]:
    """What there is to look at, and the commands that go on from here: each with what it is for."""
    found = [(report.as_uri(), "the report of this rehearsal, in a browser")] if report else []
    found.append((f"make preview STACK={stack}", "what would change"))
    if result.kubeconfig is not None:
        found.append((f"export KUBECONFIG={shlex.quote(str(result.kubeconfig))}", "then kubectl get pods -A -o wide"))
    return [*found, (f"make destroy STACK={stack}", "take it down again")]


def told(stack: str, result: Result) -> list[str]:
    """What was made, how long it took, what of it was simulated."""
    steps = result.events.steps
    types = by_type(steps)
    phases = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in result.phases.items())
    changes = ", ".join(f"{count} {operation}" for operation, count in sorted(result.changes.items()))
    return [
        f"The rehearsal of {stack} is up: {sum(types.values())} resources ({changes})"
        f" in {sum(result.phases.values()):.0f} s ({phases}).",
        *resources_by_package(types),
        *(result.policies.lines() if result.policies else []),
        "",
        "Simulated:" if not result.real_node else "On a real node; to know of it:",
        *simulated(steps, types, result.real_node),
        "Real: the Pulumi engine and the program"
        + (", and the Kubernetes API server with its scheduler and controllers" if result.kubeconfig else "")
        + (", and the node: containerd, kubelet, kube-proxy, CoreDNS, the running pods." if result.real_node else "."),
    ]


def after_a_refusal(stack: str, result: Result) -> list[str]:
    """What helps where policies refused something: an update stops at the first of it."""
    if not (result.policies and result.policies.count(MANDATORY)):
        return []
    return [f"`make preview STACK={stack}` lists everything that the policies refuse, before anything is made."]


def difference(result: Result) -> list[str]:
    """What a preview found, one line for each resource that would change."""
    changed = [step for step in result.events.changed if step.type != STACK_TYPE]
    signs = {
        "create": "+",
        "update": "~",
        "delete": "-",
        "replace": "+-",
        "create-replacement": "++",
        "delete-replaced": "--",
    }
    lines = [
        f"  {signs.get(step.operation, '?'):2} {step.type} {step.name}"
        + (f"  [{', '.join(step.differing)}]" if step.differing else "")
        for step in changed
    ]
    counts = ", ".join(f"{count} {operation}" for operation, count in sorted(result.changes.items()))
    policies = result.policies.lines() if result.policies else []
    return (
        [*lines, *policies, f"{len({step.urn for step in changed})} resources would change ({counts})."]
        if lines
        else [*policies, f"No changes ({counts})."]
    )
