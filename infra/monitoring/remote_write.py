"""A second home for what Prometheus knows: Amazon Managed Service for Prometheus, which outlives the cluster."""

from typing import Annotated, Any

from pydantic import Field

from infra.identity import Permission
from infra.settings import Section


class RemoteWriteSettings(Section):
    """An existing workspace of Amazon Managed Service for Prometheus. One may serve many environments."""

    workspace_arn: Annotated[
        str, Field(pattern=r"^arn:aws:aps:[a-z]{2}-[a-z]+-[0-9]:[0-9]{12}:workspace/ws-[0-9a-f-]{36}$")
    ]
    """In any region of this account; requests are signed for the region that it names."""

    metrics: Annotated[str, Field(min_length=1)] = "namespace_job:.+|ALERTS|up"
    """Regular expression of the names that are sent. Samples are paid for: the default is what dashboards over years need, some
    hundred series; all that a cluster of ten nodes has, 100,000, would be 8 thousand million samples a month."""

    @property
    def region(self) -> str:
        """Such as `eu-west-3`."""
        return self.workspace_arn.split(":")[3]

    @property
    def account_id(self) -> str:
        """Twelve digits."""
        return self.workspace_arn.split(":")[4]

    @property
    def permissions(self) -> dict[str, Permission]:
        """What Prometheus may do with it: write, and nothing else."""
        return {"RemoteWrite": Permission(["aps:RemoteWrite"], [self.workspace_arn])}

    def value(self) -> dict[str, Any]:
        """The element of the Prometheus object's `remoteWrite`; requests are signed with the pod's own role."""
        workspace = self.workspace_arn.rsplit("/", 1)[1]
        return {
            "url": f"https://aps-workspaces.{self.region}.amazonaws.com/workspaces/{workspace}/api/v1/remote_write",
            "sigv4": {"region": self.region},
            "writeRelabelConfigs": [
                {"sourceLabels": ["__name__"], "regex": self.metrics, "action": "keep"},
            ],
        }
