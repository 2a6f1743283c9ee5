"""Endpoints of a VPC: ways to AWS's services that stay inside (service `ec2`)."""

from rehearsal.plugins.aws import ACCOUNT_ID
from rehearsal.plugins.aws.errors import AwsError
from rehearsal.plugins.aws.subject import DNS_SUFFIX, Computed, Subject, makes

# Prefix lists of the gateway endpoints; any stable value of the right shape will do.
_PREFIX_LIST = "pl-"


@makes("aws:ec2/vpcEndpoint:VpcEndpoint")
def vpc_endpoint(subject: Subject) -> Computed:
    """A gateway or interface endpoint; within a VPC a service's own name leads to one interface endpoint only."""
    identifier = f"vpce-{subject.hex()}"
    service = subject.text("serviceName")
    interface = subject.text("vpcEndpointType") == "Interface"
    subnets = subject.inputs.get("subnetIds") or []
    if interface:
        _one_subnet_a_zone(subject, subnets)
    for other in subject.others():
        if (
            subject.inputs.get("privateDnsEnabled")
            and other.value("privateDnsEnabled")
            and (other.value("vpcId"), other.value("serviceName")) == (subject.text("vpcId"), service)
        ):
            raise AwsError(
                "InvalidParameter",
                "private-dns-enabled cannot be set because there is already a conflicting DNS domain for "
                f"{service.split('.', 3)[-1]}.{subject.region}.{DNS_SUFFIX} in the VPC {subject.text('vpcId')}",
            )
    entries = [
        {
            "dnsName": f"{identifier}-{subject.hex(8, 'dns')}.{service.split('.')[-1]}.{subject.region}.vpce.{DNS_SUFFIX}",
            "hostedZoneId": f"Z{subject.letters(13)}",
        }
    ]
    return Computed(
        identifier,
        {
            "arn": subject.arn("ec2", f"vpc-endpoint/{identifier}"),
            "ownerId": ACCOUNT_ID,
            "state": "available",
            "vpcEndpointType": "Gateway",
            "prefixListId": "" if interface else f"{_PREFIX_LIST}{subject.hex(8, service)}",
            "cidrBlocks": [],
            "dnsEntries": entries if interface else [],
            "networkInterfaceIds": [f"eni-{subject.hex(salt=each)}" for each in subnets],
            "ipAddressType": "ipv4",
            "requesterManaged": False,
            "routeTableIds": [],
            "securityGroupIds": [],
            "subnetIds": [],
            "privateDnsEnabled": False,
            "serviceRegion": subject.region,
            "policy": '{"Statement":[{"Action":"*","Effect":"Allow","Principal":"*","Resource":"*"}],"Version":"2008-10-17"}',
            "subnetConfigurations": [{"subnetId": each} for each in subnets],
            "dnsOptions": {"dnsRecordIpType": "ipv4" if interface else "service-defined"},
        },
    )


def _one_subnet_a_zone(subject: Subject, subnets: list[str]) -> None:
    """An interface endpoint takes one subnet of each zone."""
    in_zones = [place.value("availabilityZone") for place in subject.subnets(subnets)]
    if len(set(in_zones)) != len(in_zones):
        raise AwsError("DuplicateSubnetsInSameZone", "Found another VPC endpoint subnet in the same availability zone")
