"""Central logs: every container's lines, without secrets, to CloudWatch Logs or OpenSearch."""

from typing import Annotated, Any

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions
from pydantic import Field, model_validator

from infra import versions
from infra.charts import WITHOUT_PRIVILEGES, Chart
from infra.identity import Permission
from infra.monitoring.fluent_bit import (
    CONTAINERS,
    FILTERS,
    SCRIPT,
    SERVICE,
    joined,
    mask_script,
    to_cloudwatch,
    to_opensearch,
)
from infra.monitoring.fluent_bit import (
    Section as Part,
)
from infra.settings import LogDays, Section

NAME = "fluent-bit"
"""Of release, chart and service account."""

NAMESPACE = "logging"

CHART = Chart(NAME, versions.FLUENT_BIT, "https://fluent.github.io/helm-charts")


class OpenSearchSettings(Section):
    """A domain of Amazon OpenSearch Service that exists. It says how long it keeps what it gets (Index State Management)."""

    host: Annotated[str, Field(pattern=r"^[a-z0-9.-]+$", examples=["vpc-logs-abc123.eu-west-3.es.amazonaws.com"])]

    domain_arn: Annotated[str, Field(pattern=r"^arn:aws:es:[a-z0-9-]+:[0-9]{12}:domain/[a-z][a-z0-9-]{2,27}$")]
    """Nodes may write to this domain and no other."""

    index_prefix: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")] = "marlinspike"
    """Indices are `<prefix>-2026.11.21`."""


class LogSettings(Section):
    """Section `logs` of a stack file: logs of all containers in one place."""

    retention_days: LogDays = 30
    """How long CloudWatch Logs keeps them (REQUIREMENTS, M7)."""

    opensearch: OpenSearchSettings | None = None
    """In place of CloudWatch Logs."""

    @model_validator(mode="after")
    def _one_keeper(self) -> "LogSettings":
        if self.opensearch and "retention_days" in self.model_fields_set:
            raise ValueError(
                "retention_days is CloudWatch's, and logs go to opensearch, which keeps them by its own policy; remove it"
            )
        return self


class LogDestination(pulumi.ComponentResource):
    """Where logs go, and the right to write there and nowhere else.

    Type token: `marlinspike:monitoring:LogDestination`. Makes the log group with its retention and key, unless they go to
    OpenSearch.
    """

    permissions: dict[str, Permission]
    output: Part

    def __init__(
        self,
        name: str,
        settings: LogSettings,
        region: str,
        key_arn: Input[str],
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("marlinspike:monitoring:LogDestination", name, {}, opts)
        if settings.opensearch:
            domain = settings.opensearch
            self.permissions = {"WriteLogs": Permission(["es:ESHttpPost"], [f"{domain.domain_arn}/*"])}
            self.output = to_opensearch(region, domain.host, domain.index_prefix)
        else:
            group = aws.cloudwatch.LogGroup(
                f"{name}-group",
                retention_in_days=settings.retention_days,
                kms_key_id=key_arn,
                opts=ResourceOptions(parent=self),
            )
            self.permissions = {
                "WriteLogs": Permission(
                    ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
                    [group.arn, Output.concat(group.arn, ":*")],
                )
            }
            self.output = to_cloudwatch(region, group.name)
        self.register_outputs({})


def fluent_bit_values(output: Part) -> dict[str, Any]:
    """Values of the chart: a pod on every node, whatever its taints, that sees /var/log and nothing else of the host."""
    return {
        "kind": "DaemonSet",
        "fullnameOverride": NAME,
        "serviceAccount": {"name": NAME},
        "testFramework": {"enabled": False},
        "tolerations": [{"operator": "Exists"}],
        "priorityClassName": "system-node-critical",
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%"}},
        "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}},
        # Root, since the runtime's files are root's; with no capability beyond that.
        "securityContext": {**WITHOUT_PRIVILEGES, "seccompProfile": {"type": "RuntimeDefault"}},
        "daemonSetVolumes": [{"name": "varlog", "hostPath": {"path": "/var/log"}}],
        "daemonSetVolumeMounts": [{"name": "varlog", "mountPath": "/var/log"}],
        "luaScripts": {SCRIPT: mask_script()},
        "config": {
            "service": joined([SERVICE]),
            "inputs": joined([CONTAINERS]),
            "filters": joined(FILTERS),
            "outputs": joined([output]),
            "customParsers": "",
        },
    }
