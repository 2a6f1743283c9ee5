"""Who goes first when nodes are full."""

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import Output, ResourceOptions

from infra.naming import PLATFORM_LABELS, PROJECT

APPLICATION = "application"
WORKLOAD = "workload"

VALUES = {APPLICATION: 100_000, WORKLOAD: 10_000}
"""Above what names no class (0), far below the cluster's own (2,000,000,000)."""


class Priorities(pulumi.ComponentResource):
    """The platform's two PriorityClasses. Type token: `marlinspike:priority:Priorities`.

    Where no node has room for the application, pods of lower priority leave one; other workloads wait instead.
    """

    names: dict[str, Output[str]]
    """Of the classes, by whom they are for: `application` and `workload`."""

    def __init__(self, name: str, opts: ResourceOptions | None = None) -> None:
        super().__init__("marlinspike:priority:Priorities", name, {}, opts)
        self.names = {}
        for of, value in VALUES.items():
            made = kubernetes.scheduling.v1.PriorityClass(
                f"{name}-priority-{of}",
                metadata={
                    "name": f"{PROJECT}-{of}",
                    "labels": PLATFORM_LABELS,
                },
                value=value,
                preemption_policy="PreemptLowerPriority" if of == APPLICATION else "Never",
                description=f"Of {PROJECT}'s {of}",
                opts=ResourceOptions(parent=self),
            )
            self.names[of] = made.metadata.name.apply(str)
        self.register_outputs({})
