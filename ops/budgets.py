"""Disruption budgets that let no pod go: what stops a drain, and with it every upgrade."""

from typing import Any

from ops.stack import Stack


def blocking(stack: Stack) -> list[str]:
    """One fault for each budget of the cluster that allows no eviction now. Raises what the Kubernetes client raises."""
    found = stack.cluster.policy.list_pod_disruption_budget_for_all_namespaces().items
    return [
        f"PodDisruptionBudget {each.metadata.namespace}/{each.metadata.name} lets no pod go: {each.status.current_healthy} "
        f"healthy, {each.status.desired_healthy} wanted. Wait until its pods are ready, or raise their number"
        for each in found
        if _blocks(each)
    ]


def _blocks(budget: Any) -> bool:
    status = budget.status
    if (status.observed_generation or 0) < (budget.metadata.generation or 0):
        return True  # its controller has not seen it yet: nobody may go
    return bool(status.expected_pods) and not status.disruptions_allowed
