"""cert-manager: certificates for what ends TLS inside the cluster."""

from infra import versions
from infra.add_ons import CertManagerSettings
from infra.add_ons.controller import Controller
from infra.charts import Chart
from infra.identity import Permission, zone_arns
from infra.placement import Placement

NAME = "cert-manager"
REPOSITORY = "https://charts.jetstack.io"


def cert_manager(settings: CertManagerSettings, placement: Placement) -> Controller:
    """The controller, its webhook and its injector; with hosted zones, also the rights that DNS01 needs there.

    After cert-manager's "Route53" page, narrowed to the zones and to TXT records.
    """
    placed = placement.values()
    permissions = {
        "AnswerChallenges": Permission(
            actions=["route53:ChangeResourceRecordSets"],
            resources=zone_arns(settings.zone_ids),
            conditions={"ForAllValues:StringEquals": {"route53:ChangeResourceRecordSetsRecordTypes": ["TXT"]}},
        ),
        "SeeRecords": Permission(actions=["route53:ListResourceRecordSets"], resources=zone_arns(settings.zone_ids)),
        "SeeChanges": Permission(actions=["route53:GetChange"], resources=["arn:aws:route53:::change/*"]),
    }
    return Controller(
        Chart(NAME, versions.CERT_MANAGER, REPOSITORY),
        namespace=NAME,
        values={
            # Kept when the release goes: with its definition every certificate would go too.
            "crds": {"enabled": True, "keep": True},
            "serviceAccount": {"name": NAME},
            "replicaCount": 2,
            "podDisruptionBudget": {"enabled": True, "maxUnavailable": 1},
            "webhook": {"replicaCount": 2, "podDisruptionBudget": {"enabled": True, "maxUnavailable": 1}, **placed},
            "cainjector": dict(placed),
            "startupapicheck": dict(placed),
            **placed,
        },
        permissions=permissions if settings.zone_ids else {},
    )
