"""Who may talk to whom, judged by cyclonus over all pairs and ports: what is written here is allowed, and nothing else.

The tables are written by hand, not computed from the program's own description, so that a mistake there shows here.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from judges.cyclonus import Verdicts, ask
from judges.findings import JudgeError
from judges.network_policies import PORTS, peers, policies, write_json
from judges.tools import Judges
from tests.unit.plan import STACKS, Plan, planned, planned_with

ALL = "all ports"
EVERY_PORT = frozenset(f"{number}/{protocol}" for number, protocol in PORTS)

GROUPS = {
    "load balancer": ["public-a", "public-b", "public-c"],
    "data subnets": ["data-a", "data-b", "data-c"],
    "control plane": ["control-plane-a", "control-plane-b", "control-plane-c"],
    "nodes": ["private-a", "private-b", "private-c"],
    "monitoring": ["prometheus", "grafana"],
    "other namespaces": [
        "kube-dns",
        "stranger in kube-system",
        "stranger in default",
        "false prometheus in default",
    ],
    "beyond": ["internet", "other private network", "shared address space"],
    "link local": ["pod identity agent", "metadata service"],
}

AROUND_ON_AWS = ["load balancer", "data subnets", "control plane", "nodes", "beyond", "link local"]

ON_AWS = """
load balancer      -> app                : 5000/TCP
app                -> kube-dns           : 53/TCP 53/UDP
app                -> data subnets       : 5432/TCP 6379/TCP
app                -> pod identity agent : 80/TCP
database-migrate   -> kube-dns           : 53/TCP 53/UDP
database-migrate   -> data subnets       : 5432/TCP
database-migrate   -> pod identity agent : 80/TCP
database-bootstrap -> kube-dns           : 53/TCP 53/UDP
database-bootstrap -> data subnets       : 5432/TCP
database-bootstrap -> pod identity agent : 80/TCP
"""

COPIES = """
database-dump      -> kube-dns           : 53/TCP 53/UDP
database-dump      -> data subnets       : 5432/TCP
database-dump      -> pod identity agent : 80/TCP
database-dump      -> internet           : 443/TCP
database-restore   -> kube-dns           : 53/TCP 53/UDP
database-restore   -> data subnets       : 5432/TCP
database-restore   -> pod identity agent : 80/TCP
database-restore   -> internet           : 443/TCP
objects-export     -> kube-dns           : 53/TCP 53/UDP
objects-export     -> control plane      : 443/TCP
objects-export     -> pod identity agent : 80/TCP
objects-export     -> internet           : 443/TCP
"""
"""S3 has public addresses, behind its gateway endpoint; the API server's are in the control plane's subnets."""

MASTER_BY_ENDPOINT = "\ndatabase-restore -> control plane : 443/TCP"

SECRETS_BY_INTERNET = "database-bootstrap -> internet      : 443/TCP"
SECRETS_BY_ENDPOINT = "database-bootstrap -> control plane : 443/TCP"

WATCHED = """
prometheus    -> app        : 8080/TCP
control plane -> monitoring : 10250/TCP
monitoring    -> monitoring : all ports
app           -> otel-collector : 4318/TCP
"""

LOCAL = """
other namespaces -> app                 : 5000/TCP
monitoring       -> app                 : 5000/TCP
otel-collector   -> app                 : 5000/TCP
beyond           -> app                 : 5000/TCP
link local       -> app                 : 5000/TCP
app              -> kube-dns            : 53/TCP 53/UDP
app              -> postgresql          : 5432/TCP
app              -> valkey              : 6379/TCP
database-migrate -> kube-dns            : 53/TCP 53/UDP
database-migrate -> postgresql          : 5432/TCP
credentials      -> kube-dns            : 53/TCP 53/UDP 443/TCP 6443/TCP
credentials      -> stranger in kube-system     : 443/TCP 6443/TCP
credentials      -> stranger in default         : 443/TCP 6443/TCP
credentials      -> false prometheus in default : 443/TCP 6443/TCP
credentials      -> monitoring          : 443/TCP 6443/TCP
credentials      -> otel-collector      : 443/TCP 6443/TCP
credentials      -> beyond              : 443/TCP 6443/TCP
"""
"""On a laptop: the callers are an unknown ingress controller, and the API server's address is not known either."""

INTENDED = {
    "dev": ON_AWS + SECRETS_BY_INTERNET,
    "staging": ON_AWS + WATCHED + COPIES + SECRETS_BY_INTERNET,
    "prod": ON_AWS + WATCHED + COPIES + SECRETS_BY_ENDPOINT + MASTER_BY_ENDPOINT,
    "local": LOCAL,
}

UNFENCED_CALLED = {
    "dev": ["other namespaces", "monitoring", "otel-collector"],
    "staging": ["other namespaces"],
    "prod": ["other namespaces"],
    "local": ["other namespaces", "monitoring", "otel-collector"],
}
"""Pods on which no policy acts when they are called. Nothing of ours acts on what these and monitoring call."""


def table(lines: str) -> dict[tuple[str, str], frozenset[str]]:
    """Each pair of a text of `caller -> called : ports`, groups taken apart."""
    found: dict[tuple[str, str], frozenset[str]] = {}
    for line in filter(None, map(str.strip, lines.splitlines())):
        pair, _, ports = line.rpartition(" : ")
        source, _, to = (each.strip() for each in pair.partition("->"))
        opened = EVERY_PORT if ports.strip() == ALL else frozenset(ports.split())
        assert opened <= EVERY_PORT, line
        for caller in GROUPS.get(source, [source]):
            for called in GROUPS.get(to, [to]):
                if caller != called:
                    assert (caller, called) not in found, line
                    found[caller, called] = opened
    return found


def intended(stack: str) -> dict[tuple[str, str], frozenset[str]]:
    """The table of a stack, and what no policy of the platform is about: pods of others among themselves and outwards."""
    around = ["beyond", "link local"] if stack == "local" else AROUND_ON_AWS
    pods, free = ["other namespaces", "monitoring", "otel-collector"], UNFENCED_CALLED[stack]
    others = [f"{source} -> {to} : {ALL}" for source in pods for to in (*free, *around)]
    others += [f"{source} -> {to} : {ALL}" for source in around for to in free]
    return table(INTENDED[stack]) | table("\n".join(others))


def objects(plan: Plan) -> list[Mapping[str, Any]]:
    return [resource.inputs for resource in plan.kubernetes()]


def networks(stack: str, plan: Plan) -> dict[str, str]:
    subnets = plan.of("aws:ec2/subnet:Subnet")
    return {each.name.removeprefix(f"marlinspike-{stack}-"): each.inputs["cidrBlock"] for each in subnets}


def judged(judges: Judges, stack: str, plan: Plan, folder: Path) -> Verdicts:
    found = objects(plan)
    return ask(judges.cyclonus, policies(found), peers(found, networks(stack, plan)), PORTS, folder)


def differences(found: Verdicts, wanted: Verdicts) -> list[str]:
    """What is allowed and should not be, and the other way round."""
    return [
        f"{source} -> {to}: {word} {' '.join(sorted(ports))}"
        for (source, to) in sorted(found.keys() | wanted.keys())
        for word, ports in (
            ("may, and should not:", found.get((source, to), frozenset()) - wanted.get((source, to), frozenset())),
            ("may not, and should:", wanted.get((source, to), frozenset()) - found.get((source, to), frozenset())),
        )
        if ports
    ]


@pytest.mark.parametrize("stack", STACKS)
def test_exactly_the_intended_traffic_is_allowed(judges: Judges, tmp_path: Path, stack: str) -> None:
    assert differences(judged(judges, stack, planned(stack), tmp_path), intended(stack)) == []


SECOND_WORKLOAD = """
app        -> echo       : 9000/TCP
echo       -> cache      : 6379/TCP
echo       -> kube-dns   : 53/TCP 53/UDP
prometheus -> echo       : 9090/TCP
echo-check -> echo       : 9000/TCP
echo-check -> kube-dns   : 53/TCP 53/UDP
"""


def test_a_second_workload_opens_what_it_declares_and_nothing_else(judges: Judges, tmp_path: Path) -> None:
    echo = {"image": "echo:1.0", "port": 9000, "metrics_port": 9090, "allowed_callers": ["app"], "calls": ["cache"]}
    plan = planned_with(
        "prod", {"workloads": {"echo": echo | {"release": {"strategy": "blue-green", "check": ["-m", "check"]}}}}
    )
    wanted = intended("prod") | table(SECOND_WORKLOAD.replace("cache ", "data subnets"))
    assert differences(judged(judges, "prod", plan, tmp_path), wanted) == []


def test_files_let_the_application_out_to_public_addresses_and_to_nothing_else(judges: Judges, tmp_path: Path) -> None:
    plan = planned_with("prod", {"storage.application_access": True})
    wanted = intended("prod") | table("app -> internet : 443/TCP")
    assert differences(judged(judges, "prod", plan, tmp_path), wanted) == []


def test_nobody_reaches_the_application_where_nothing_publishes_it(judges: Judges, tmp_path: Path) -> None:
    plan = planned_with("dev", {"edge": None})
    assert not [pair for pair in judged(judges, "dev", plan, tmp_path) if pair[1] == "app"]


@pytest.mark.parametrize(
    ("spec", "opened"),
    [
        ({"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{}]}, ("internet", "app", EVERY_PORT)),
        (
            {
                "podSelector": {"matchLabels": {"app.kubernetes.io/name": "app"}},
                "policyTypes": ["Ingress"],
                "ingress": [{"from": [{"namespaceSelector": {}}], "ports": [{"port": 22, "protocol": "TCP"}]}],
            },
            ("stranger in default", "app", frozenset({"22/TCP"})),
        ),
        (
            {
                "podSelector": {},
                "policyTypes": ["Egress"],
                "egress": [{"to": [{"ipBlock": {"cidr": "169.254.169.254/32"}}]}],
            },
            ("stranger in marlinspike", "metadata service", EVERY_PORT),
        ),
    ],
)
def test_a_policy_too_many_is_seen(
    judges: Judges, tmp_path: Path, spec: Mapping[str, Any], opened: tuple[str, str, frozenset[str]]
) -> None:
    more = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "more", "namespace": "marlinspike"},
        "spec": spec,
    }
    source, to, ports = opened
    registered = objects(planned("prod"))
    pair = [peer for peer in peers(registered, {}) if peer.name in (source, to)]
    for added, expected in (([], frozenset()), ([more], ports)):
        found = ask(judges.cyclonus, [*policies(registered), *added], pair, PORTS, tmp_path)
        assert found.get((source, to), frozenset()) == expected


def test_what_cyclonus_can_not_read_is_an_error_and_no_verdict(judges: Judges, tmp_path: Path) -> None:
    with pytest.raises(JudgeError, match="answered 0 of"):
        ask(judges.cyclonus, [{"kind": "NetworkPolicy", "spec": {"podSelectr": {}}}], peers([], {}), PORTS, tmp_path)


def test_the_table_is_written_for_other_programs(tmp_path: Path) -> None:
    write_json({("app", "valkey"): frozenset({"6379/TCP"})}, tmp_path / "table.json")
    assert '"to": "valkey"' in (tmp_path / "table.json").read_text()
