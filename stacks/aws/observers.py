"""Those who watch and tell AWS, or read there: Grafana, the log shipper, the collector of traces."""

import pulumi

from infra.identity import Permission, WorkloadIdentity
from infra.monitoring import grafana, logs, tracing
from infra.monitoring import stack as monitoring
from infra.monitoring.agent import Agent
from infra.monitoring.fluent_bit import Section
from infra.policies import Flow, Peer
from stacks.aws.compute import Compute
from stacks.aws.context import Context
from stacks.aws.foundation import Foundation
from stacks.names import NAMESPACE


class Observers:
    """What they are on AWS, made before the nodes; `run` brings them into the cluster. What is not asked for is not made."""

    identities: dict[str, WorkloadIdentity]
    """By service account."""

    def __init__(self, context: Context, foundation: Foundation) -> None:
        self._context, self._foundation = context, foundation
        self.identities = {}
        self._log_output: Section | None = None
        settings = context.settings
        if settings.monitoring.has_grafana:
            self._identify(grafana.ACCOUNT, monitoring.NAMESPACE, grafana.reading_cloudwatch())
        if settings.logs:
            destination = logs.LogDestination(
                f"{context.name}-workload-logs", settings.logs, context.region, foundation.key.arn, opts=context.on_aws
            )
            self._log_output = destination.output
            self._identify(logs.NAME, logs.NAMESPACE, destination.permissions)
        if settings.tracing and settings.tracing.otlp_endpoint is None:
            self._identify(tracing.NAME, tracing.NAMESPACE, tracing.to_xray(context.region))

    def _identify(self, account: str, namespace: str, permissions: dict[str, Permission]) -> None:
        self.identities[account] = WorkloadIdentity(
            f"{self._context.name}-{account}",
            self._foundation.cluster.name,
            namespace,
            account,
            permissions,
            opts=self._context.on_aws,
        )

    def run(self, compute: Compute) -> None:
        """Brings the log shipper and the collector into the cluster."""
        before: list[pulumi.Resource] = [compute.add_ons, *compute.controllers.admitting]
        if self._log_output:
            Agent(
                logs.NAME,
                logs.CHART,
                logs.fluent_bit_values(self._log_output),
                logs.NAMESPACE,
                "privileged",  # it reads the node's files, which `baseline` forbids
                [],
                [*before, self.identities[logs.NAME]],
                opts=compute.on_kubernetes,
            )
        if settings := self._context.settings.tracing:
            own = [self.identities[tracing.NAME]] if tracing.NAME in self.identities else []
            Agent(
                tracing.NAME,
                tracing.CHART,
                tracing.collector_values(settings, self._context.region),
                tracing.NAMESPACE,
                "restricted",
                [Flow(Peer(namespace=NAMESPACE), ports=(tracing.OTLP_PORT,))],
                [*before, *own],
                opts=compute.on_kubernetes,
            )
