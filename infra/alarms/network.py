"""Alarms of NAT gateways and of subnets that run out of addresses."""

from collections.abc import Mapping
from typing import Annotated

from pulumi import Input
from pydantic import Field

from infra.alarms.alarm import DAY, Alarm, Formula, Metric
from infra.settings import Section

NAMESPACE = "AWS/NATGateway"


class NetworkThresholds(Section):
    """Section `alarms.network`: from where on the network is in trouble."""

    dropped_packets_percent: float = Field(0.01, gt=0, le=100)
    """Of a NAT gateway's packets (CloudWatch, "Recommended alarms")."""

    subnet_addresses_percent: int = Field(80, ge=10, le=99)
    """Of a private subnet's addresses in use. Needs `ipam_scope_id`."""

    ipam_scope_id: Annotated[str, Field(pattern=r"^ipam-scope-[0-9a-f]{8,17}$")] | None = None
    """Private scope of the account's IP Address Manager, without which no subnet has an alarm.

    AWS publishes how full a subnet is in one metric only, `SubnetIPUsage` of an IPAM in this region (IPAM user guide, "IPAM
    resource utilization metrics"). `NetworkAddressUsage` counts units against the VPC's quota, not against a subnet's size,
    and a prefix as one (VPC user guide, "CloudWatch metrics for your VPCs"). An IPAM is one for an account and region, hence
    none of a stack's, and private addresses need its advanced tier: 0.00027 USD an hour for each address in use, some 20 USD
    a month for 100 (Amazon VPC pricing, November 2026).
    """


def nat_gateway_alarms(thresholds: NetworkThresholds, gateways: Mapping[str, Input[str]]) -> list[Alarm]:
    """The alarms of NAT gateways, given by the letter of their zone."""
    return [alarm for zone, gateway in gateways.items() for alarm in _nat_gateway(thresholds, zone, gateway)]


def _nat_gateway(thresholds: NetworkThresholds, zone: str, gateway: Input[str]) -> list[Alarm]:
    def metric(name: str) -> Metric:
        return Metric(NAMESPACE, name, {"NatGatewayId": gateway}, "Sum")

    return [
        Alarm(
            "NatPortsExhausted",
            metric("ErrorPortAllocation"),
            "GreaterThanThreshold",
            0,
            f"The NAT gateway of zone {zone} has no free port to a destination: new connections out of the zone fail.",
            subject=zone,
        ),
        Alarm(
            "NatPacketsDropped",
            Formula(
                "100 * dropped / (outbound + inbound)",
                {
                    "dropped": metric("PacketsDropCount"),
                    "outbound": metric("PacketsInFromSource"),
                    "inbound": metric("PacketsInFromDestination"),
                },
            ),
            "GreaterThanThreshold",
            thresholds.dropped_packets_percent,
            f"The NAT gateway of zone {zone} drops packets; AWS itself may have trouble there.",
            subject=zone,
            missing_data="notBreaching",  # no traffic divides by nothing
        ),
    ]


def subnet_alarms(
    thresholds: NetworkThresholds, account_id: str, region: str, vpc_id: Input[str], subnets: Mapping[str, Input[str]]
) -> list[Alarm]:
    """The alarms of subnets that fill up (name to id); none without an IPAM."""
    if thresholds.ipam_scope_id is None:
        return []
    place = {
        "AddressFamily": "IPv4",
        "OwnerID": account_id,
        "Region": region,
        "ScopeID": thresholds.ipam_scope_id,
        "VpcID": vpc_id,
    }
    return [
        Alarm(
            "SubnetAddressesLow",
            Metric("AWS/IPAM", "SubnetIPUsage", {**place, "SubnetID": subnet}, "Maximum"),
            "GreaterThanThreshold",
            thresholds.subnet_addresses_percent,
            f"More than {thresholds.subnet_addresses_percent} % of subnet {name}'s addresses are in use: soon pods find none.",
            subject=name,
            period=DAY,
            periods=1,
        )
        for name, subnet in subnets.items()
    ]
