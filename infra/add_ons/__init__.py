"""What the cluster runs beside the workloads: EKS add-ons, and the controllers that come as charts."""

from pydantic import Field

from infra.settings import HostedZoneId, Section


class CertManagerSettings(Section):
    """cert-manager: certificates for what ends TLS inside the cluster. Load balancers have theirs from ACM."""

    zone_ids: tuple[HostedZoneId, ...] = ()
    """Hosted zones in which it may answer DNS01 challenges; none gives it no rights on AWS."""


class ExternalDnsSettings(Section):
    """external-dns: records for Services and Ingresses. The platform's own records are the program's."""

    zone_ids: tuple[HostedZoneId, ...] = Field(min_length=1)
    """Hosted zones in which it makes records, and removes those that it made."""


class AddOnsSettings(Section):
    """Section `add_ons` of a stack file. CoreDNS, metrics-server, EBS disks and the node monitoring agent are always there."""

    node_group: str | None = None
    """Runs controllers only on nodes of this group of section `nodes`; drivers and agents run on every node."""

    load_balancer_controller: bool = True
    """Registers pods as targets of the load balancer, and holds a rollout until they are healthy there."""

    cluster_autoscaler: bool = True
    """Moves the number of nodes of each group between its `minimum` and `maximum`."""

    external_secrets: bool = False
    """Copies secrets of AWS Secrets Manager named `marlinspike-<stack>/...` into the cluster where asked."""

    cert_manager: CertManagerSettings | None = None
    """`{}` installs it; left out, nothing of it is there."""

    external_dns: ExternalDnsSettings | None = None
    """Left out, nothing of it is there."""

    keda: bool = False
    """Lets workloads be scaled by what Prometheus knows of them (`autoscaling.requests_per_second`)."""


class LocalAddOnsSettings(Section):
    """Section `add_ons` of a stack without AWS: operators that are installed, where the cluster does not have them already."""

    cert_manager: bool = False
    """For `ingress.certificate`."""

    cloudnative_pg: bool = False
    """For `database.operator`."""
