"""external-dns: records in Route 53 for Services and Ingresses that ask for a name."""

from infra import versions
from infra.add_ons import ExternalDnsSettings
from infra.add_ons.controller import Controller, Platform
from infra.charts import Chart
from infra.identity import Permission, zone_arns
from infra.placement import Placement

NAME = "external-dns"
REPOSITORY = "https://kubernetes-sigs.github.io/external-dns/"


def external_dns(settings: ExternalDnsSettings, platform: Platform, placement: Placement) -> Controller:
    """The controller, bound to its hosted zones. A TXT record beside each of its own says which cluster made it.

    Its rights are those of the project's "AWS" tutorial, narrowed to the zones.
    """
    return Controller(
        Chart(NAME, versions.EXTERNAL_DNS, REPOSITORY),
        namespace=NAME,
        values={
            "provider": {"name": "aws"},
            "serviceAccount": {"name": NAME},
            "sources": ["service", "ingress"],
            "policy": "sync",  # removes records whose Service or Ingress is gone, if they carry its mark
            "registry": "txt",
            "txtOwnerId": platform.cluster,
            "extraArgs": [f"--zone-id-filter={zone}" for zone in settings.zone_ids],
            **placement.values(),
        },
        permissions={
            "RecordsOfItsZones": Permission(
                actions=[
                    "route53:ChangeResourceRecordSets",
                    "route53:ListResourceRecordSets",
                    "route53:ListTagsForResources",
                ],
                resources=zone_arns(settings.zone_ids),
            ),
            "FindZones": Permission(actions=["route53:ListHostedZones"], resources=["*"]),  # it has no resource level
        },
    )
