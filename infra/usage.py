"""How much an environment is used, as far as AWS bills it: what no plan can know."""

from pydantic import Field

from infra.settings import Section


class UsageSettings(Section):
    """Section `usage` of an AWS stack file: assumptions for `make cost`, for one month. They change no resource.

    The defaults are a small environment's, guessed and not measured: put in what the bill of a real month says.
    """

    nat_gb: float = Field(50, ge=0)
    """Through the NAT gateways, both ways together, in GB: images that are pulled, calls of services outside."""

    endpoint_gb: float = Field(20, ge=0)
    """Through the interface endpoints, in GB; counts only where there are any."""

    internet_gb: float = Field(20, ge=0)
    """Out to the internet, in GB: answers to clients."""

    requests_millions: float = Field(5, ge=0)
    """Requests that the load balancer and the firewall see, in millions."""

    load_balancer_units: float = Field(1, ge=0)
    """Mean of the load balancer's capacity units (LCU): the largest of 25 new connections a second, 3000 active ones, 1 GB an
    hour (AWS, "Application Load Balancer pricing")."""

    logs_gb: float = Field(10, ge=0)
    """Written to CloudWatch Logs by control plane, containers, database and cache, in GB."""

    logs_stored_gb: float = Field(10, ge=0)
    """Kept there, compressed, in GB."""

    flow_logs_gb: float = Field(5, ge=0)
    """Of the VPC's flow logs, in GB; counts only where they are written."""

    files_gb: float = Field(10, ge=0)
    """In the stack's buckets, in GB; a second region's copy counts as much again."""

    backups_gb: float = Field(20, ge=0)
    """Recovery points in AWS Backup and the database's backups beyond its free share (which is as large as its disk), in GB;
    a second region's copy counts as much again."""

    copied_gb: float = Field(30, ge=0)
    """Sent to the second region, in GB; counts only where there are copies."""

    images_gb: float = Field(5, ge=0)
    """In the registry, in GB; counts in the account's stack only."""

    cdn_gb: float = Field(50, ge=0)
    """Out of CloudFront, in GB; counts only where there is one."""

    cache_gb: float = Field(1, ge=0)
    """Kept in a serverless cache, in GB; counts only there."""

    spot_share: float = Field(0.4, gt=0, le=1)
    """Part of the on-demand price that a spot node costs. Spot prices change by the hour and by zone: this is a guess to be
    held against the account's own spot price history."""
