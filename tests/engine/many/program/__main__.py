"""Fifty workloads of ten pods each, made of the platform's own components, in a namespace as the platform's."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[4]))

import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions

from infra.namespace import Namespace
from infra.pods import Runtime
from infra.policies import Access, NetworkPolicies
from infra.scaling import DisruptionBudgetSettings
from infra.workload import Workload, WorkloadSettings

WORKLOADS = 50

settings = WorkloadSettings(
    image="example.invalid/app:1", replicas=10, disruption_budget=DisruptionBudgetSettings(max_unavailable=1)
)
here = ResourceOptions(providers=[kubernetes.Provider("kubernetes", enable_server_side_apply=True)])
namespace = Namespace("many", opts=here)
names = [f"workload-{number:02}" for number in range(WORKLOADS)]
NetworkPolicies("many", namespace.name, dict.fromkeys(names, Access()), opts=here)
for name in names:
    Workload(name, settings, namespace.name, Runtime({}), depends_on=[], opts=here)
