"""Network policies, workloads and monitoring say the same: ports, labels and hosts come from one place."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from infra.policies import Flow, Peer
from tests.unit.plan import AWS_STACKS, STACKS, Plan, Registered, planned, planned_with

POLICY = "kubernetes:networking.k8s.io/v1:NetworkPolicy"
OWNERS = ("kubernetes:apps/v1:Deployment", "kubernetes:apps/v1:StatefulSet", "kubernetes:batch/v1:Job")
CRON_JOB = "kubernetes:batch/v1:CronJob"
NAME = "app.kubernetes.io/name"
DENY = "default-deny"

POD_IDENTITY_AGENT = "169.254.170.23/32"


def pods(plan: Plan) -> dict[str, Mapping[str, Any]]:
    """The pods' templates by the name in their labels."""
    templates = [owner.inputs["spec"]["template"] for kind in OWNERS for owner in plan.of(kind)]
    templates += [owner.inputs["spec"]["jobTemplate"]["spec"]["template"] for owner in plan.of(CRON_JOB)]
    return {template["metadata"]["labels"][NAME]: template for template in templates}


def policies(plan: Plan, namespace: str = "marlinspike") -> dict[str, Mapping[str, Any]]:
    """Specs by the policy's name."""
    found = [policy.inputs for policy in plan.of(POLICY)]
    return {each["metadata"]["name"]: each["spec"] for each in found if each["metadata"]["namespace"] == namespace}


def rules(plan: Plan, workload: str, direction: str) -> Iterator[tuple[list[Mapping[str, Any]], set[int]]]:
    """Peers and ports of each rule of a workload's policy."""
    for rule in policies(plan)[workload][direction]:
        yield rule["from" if direction == "ingress" else "to"], {port["port"] for port in rule["ports"]}


def environment(pod: Mapping[str, Any]) -> dict[str, str]:
    return {
        variable["name"]: variable["value"] for container in pod["spec"]["containers"] for variable in container["env"]
    }


@pytest.mark.parametrize("stack", STACKS)
def test_each_workload_has_one_policy_and_everybody_else_is_denied_both_ways(stack: str) -> None:
    plan = planned(stack)
    found = policies(plan)
    assert found.keys() == {DENY, *pods(plan)}
    assert found[DENY] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    for workload in pods(plan):
        assert found[workload]["policyTypes"] == ["Ingress", "Egress"]
        assert found[workload]["podSelector"] == {"matchLabels": {NAME: workload}}


@pytest.mark.parametrize("stack", STACKS)
def test_a_pod_is_called_on_ports_of_its_own_containers_only(stack: str) -> None:
    plan = planned(stack)
    for workload, pod in pods(plan).items():
        own = {port["containerPort"] for each in pod["spec"]["containers"] for port in each.get("ports", [])}
        for _, ports in rules(plan, workload, "ingress"):
            assert ports <= own, workload


@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.parametrize("store", ["DATABASE", "CACHE"])
def test_a_pod_gets_out_to_a_store_exactly_if_its_environment_names_that_host(stack: str, store: str) -> None:
    plan = planned(stack)
    port = {"DATABASE": 5432, "CACHE": 6379}[store]
    for workload, pod in pods(plan).items():
        names = environment(pod)
        reached = any(port in ports for _, ports in rules(plan, workload, "egress"))
        assert reached == (f"{store}_HOST" in names), workload
        assert names.get(f"{store}_PORT", str(port)) == str(port)


def test_in_a_cluster_of_its_own_a_store_is_the_workload_that_the_environment_names() -> None:
    plan = planned("local")
    for workload, pod in pods(plan).items():
        hosts = {value.partition(".")[0] for name, value in environment(pod).items() if name.endswith("_HOST")}
        peers = [
            peer for found, _ in rules(plan, workload, "egress") for peer in found if "namespaceSelector" not in peer
        ]
        assert {peer["podSelector"]["matchLabels"][NAME] for peer in peers if "podSelector" in peer} == hosts


@pytest.mark.parametrize("stack", STACKS)
def test_a_store_in_the_cluster_lets_in_those_who_are_let_out_to_it(stack: str) -> None:
    plan = planned(stack)
    out, into = (
        {
            pair
            for workload in pods(plan)
            for peers, _ in rules(plan, workload, direction)
            for peer in peers
            if peer.keys() == {"podSelector"}
            for other in [peer["podSelector"]["matchLabels"][NAME]]
            for pair in [(workload, other) if direction == "egress" else (other, workload)]
        }
        for direction in ("egress", "ingress")
    )
    assert out == into


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_whoever_signs_tokens_for_aws_reaches_the_pod_identity_agent_and_nobody_else_does(stack: str) -> None:
    plan = planned(stack)
    for workload, pod in pods(plan).items():
        reached = [
            peer["ipBlock"]["cidr"]
            for peers, _ in rules(plan, workload, "egress")
            for peer in peers
            if "ipBlock" in peer
        ]
        assert (POD_IDENTITY_AGENT in reached) == ("AWS_REGION" in environment(pod)), workload


@pytest.mark.parametrize("stack", STACKS)
def test_only_a_pod_with_a_token_for_the_kubernetes_api_gets_out_to_it(stack: str) -> None:
    plan = planned(stack)
    for workload, pod in pods(plan).items():
        # On EKS the API server has a port and networks of its own.
        reached = any(6443 in ports for _, ports in rules(plan, workload, "egress")) or workload == "objects-export"
        assert reached == pod["spec"]["automountServiceAccountToken"], workload


@pytest.mark.parametrize("stack", STACKS)
def test_a_pod_that_calls_nobody_asks_no_names_either(stack: str) -> None:
    plan = planned(stack)
    silent = {workload for workload in pods(plan) if not list(rules(plan, workload, "egress"))}
    assert silent == ({"postgresql", "valkey"} if stack == "local" else set())
    for workload in pods(plan).keys() - silent:
        [(peers, _), *others] = rules(plan, workload, "egress")
        assert peers[0]["podSelector"]["matchLabels"] == {"k8s-app": "kube-dns"}
        assert others, workload


@pytest.mark.parametrize("mode", ["off", "on", "full"])
def test_prometheus_is_let_in_where_it_is_told_to_look_and_only_if_it_is_there(mode: str) -> None:
    plan = planned_with("prod", {"monitoring.mode": mode})
    monitors: list[Registered] = plan.of("kubernetes:monitoring.coreos.com/v1:ServiceMonitor")
    let_in = [
        (
            peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"],
            peer["podSelector"]["matchLabels"],
            ports,
        )
        for peers, ports in rules(plan, "app", "ingress")
        for peer in peers
        if "namespaceSelector" in peer
    ]
    assert len(let_in) == len(monitors) == (mode != "off")
    for monitor, (namespace, labels, ports) in zip(monitors, let_in, strict=True):
        assert namespace == plan.only("kubernetes:helm.sh/v3:Release", "monitoring-release").inputs["namespace"]
        assert labels == {NAME: "prometheus"}
        [container] = pods(plan)["app"]["spec"]["containers"]
        numbers = {port["name"]: port["containerPort"] for port in container["ports"]}
        assert {numbers[endpoint["port"]] for endpoint in monitor.inputs["spec"]["endpoints"]} == ports


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_the_load_balancer_is_let_in_on_the_port_of_its_targets(stack: str) -> None:
    plan = planned(stack)
    subnets = [each.inputs["cidrBlock"] for each in plan.of("aws:ec2/subnet:Subnet") if "-public-" in each.name]
    [(peers, ports)] = [rule for rule in rules(plan, "app", "ingress") if "ipBlock" in rule[0][0]]
    assert {peer["ipBlock"]["cidr"] for peer in peers} == set(subnets)
    assert ports == {plan.only("aws:lb/targetGroup:TargetGroup").inputs["port"]}


@pytest.mark.parametrize("stack", AWS_STACKS)
def test_monitoring_is_called_by_itself_and_by_the_api_server_on_the_operators_port(stack: str) -> None:
    plan = planned(stack)
    fences = policies(plan, "monitoring")
    releases = [each for each in plan.of("kubernetes:helm.sh/v3:Release") if each.name == "monitoring-release"]
    assert len(fences) == len(releases) == (stack != "dev")
    for fence, release in zip(fences.values(), releases, strict=True):
        assert (fence["podSelector"], fence["policyTypes"]) == ({}, ["Ingress"])
        itself, api_server = fence["ingress"]
        assert itself == {"from": [{"podSelector": {}}]}
        subnets = [
            each.inputs["cidrBlock"] for each in plan.of("aws:ec2/subnet:Subnet") if "-control-plane-" in each.name
        ]
        assert {peer["ipBlock"]["cidr"] for peer in api_server["from"]} == set(subnets)
        port = release.inputs["values"]["prometheusOperator"]["tls"]["internalPort"]
        assert api_server["ports"] == [{"port": port, "protocol": "TCP"}]


@pytest.mark.parametrize(
    "peer",
    [
        {},  # an empty list of peers means everybody
        {"cidrs": []},
        {"workload": "app", "namespace": "default"},
        {"cidrs": ["10.0.0.0/8"], "namespace": "default"},
        {"workload": "app", "pod_labels": {"a": "b"}},
        {"workload": "app", "except_cidrs": ["10.0.0.0/8"]},
    ],
)
def test_a_peer_that_is_nobody_or_several_is_refused(peer: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"no single peer|narrows what it does not name"):
        Peer(**peer)


@pytest.mark.parametrize("flow", [{"ports": ()}, {"ports": (80,), "protocols": ()}])
def test_a_flow_without_a_port_is_refused(flow: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="names no port"):
        Flow(Peer(workload="app"), **flow)
