"""Networks: VPC, subnets, gateways, routes, endpoints, security groups (service `ec2`)."""

import ipaddress

from rehearsal.plugins.aws import ACCOUNT_ID
from rehearsal.plugins.aws.errors import AwsError
from rehearsal.plugins.aws.regions import zones
from rehearsal.plugins.aws.subject import DNS_SUFFIX, SUBNET, Computed, Subject, makes

VPC = "aws:ec2/vpc:Vpc"


@makes(VPC)
def vpc(subject: Subject) -> Computed:
    """A VPC with the things that AWS makes along with it: main route table, default security group, network ACL."""
    identifier = f"vpc-{subject.hex()}"
    table = f"rtb-{subject.hex(salt='main')}"
    return Computed(
        identifier,
        {
            "arn": subject.arn("ec2", f"vpc/{identifier}"),
            "ownerId": ACCOUNT_ID,
            "mainRouteTableId": table,
            "defaultRouteTableId": table,
            "defaultSecurityGroupId": f"sg-{subject.hex(salt='default')}",
            "defaultNetworkAclId": f"acl-{subject.hex(salt='default')}",
            "dhcpOptionsId": f"dopt-{subject.hex(salt='dhcp')}",
            "enableDnsSupport": True,
            "enableDnsHostnames": False,
            "enableNetworkAddressUsageMetrics": False,
            "instanceTenancy": "default",
        },
    )


@makes(SUBNET)
def subnet(subject: Subject) -> Computed:
    """A subnet. Its CIDR block must lie inside the VPC's and overlap no other subnet's, as EC2 demands."""
    identifier = f"subnet-{subject.hex()}"
    _fits_into_vpc(subject)
    zone = subject.text("availabilityZone") or zones(subject.region)[0]
    return Computed(
        identifier,
        {
            "arn": subject.arn("ec2", f"subnet/{identifier}"),
            "ownerId": ACCOUNT_ID,
            "availabilityZone": zone,
            "availabilityZoneId": zone_id(zone),
            "mapPublicIpOnLaunch": False,
            "assignIpv6AddressOnCreation": False,
            "privateDnsHostnameTypeOnLaunch": "ip-name",
        },
    )


def zone_id(zone: str) -> str:
    """`eu-west-3a` as `euw3-az1`."""
    area, direction, rest = zone.split("-")[:3]
    return f"{area}{direction[0]}{rest[:-1]}-az{ord(rest[-1]) - ord('a') + 1}"


def _fits_into_vpc(subject: Subject) -> None:
    block = subject.text("cidrBlock")
    owner = subject.account.get(VPC, subject.text("vpcId"))
    if not block or owner is None:
        return
    network = _network(block)
    if not network.subnet_of(_network(str(owner.value("cidrBlock")))):
        raise AwsError("InvalidSubnet.Range", f"The CIDR '{block}' is invalid.")
    for other in subject.others():
        if other.value("vpcId") == owner.id and network.overlaps(_network(str(other.value("cidrBlock")))):
            raise AwsError("InvalidSubnet.Conflict", f"The CIDR '{block}' conflicts with another subnet")


def _network(block: str) -> ipaddress.IPv4Network:
    try:
        return ipaddress.IPv4Network(block)
    except ValueError as error:
        raise AwsError(
            "InvalidParameterValue", f"Value ({block}) for parameter cidrBlock is invalid. {error}"
        ) from error


@makes("aws:ec2/subnetCidrReservation:SubnetCidrReservation")
def subnet_cidr_reservation(subject: Subject) -> Computed:
    """A reservation of addresses within a subnet; it lies in the subnet's block and overlaps no other one there."""
    identifier = f"scr-{subject.hex()}"
    network, place = _network(subject.text("cidrBlock")), subject.account.get(SUBNET, subject.text("subnetId"))
    if place and not network.subnet_of(_network(str(place.value("cidrBlock")))):
        raise AwsError("InvalidParameterValue", f"The CIDR '{network}' is not within the subnet '{place.id}'")
    for other in subject.others():
        same_subnet = other.value("subnetId") == subject.text("subnetId")
        if same_subnet and network.overlaps(_network(str(other.value("cidrBlock")))):
            raise AwsError("InvalidCidr.Conflict", f"The CIDR '{network}' conflicts with the reservation '{other.id}'")
    return Computed(identifier, {"ownerId": ACCOUNT_ID})


@makes("aws:ec2/internetGateway:InternetGateway")
def internet_gateway(subject: Subject) -> Computed:
    """An internet gateway."""
    identifier = f"igw-{subject.hex()}"
    return Computed(identifier, {"arn": subject.arn("ec2", f"internet-gateway/{identifier}"), "ownerId": ACCOUNT_ID})


@makes("aws:ec2/eip:Eip")
def elastic_ip(subject: Subject) -> Computed:
    """A public address."""
    identifier = f"eipalloc-{subject.hex()}"
    public = subject.address()
    return Computed(
        identifier,
        {
            "allocationId": identifier,
            "arn": subject.arn("ec2", f"elastic-ip/{identifier}"),
            "domain": "vpc",
            "networkBorderGroup": subject.region,
            "publicIp": public,
            "publicDns": f"ec2-{public.replace('.', '-')}.{subject.region}.compute.{DNS_SUFFIX}",
            "publicIpv4Pool": "amazon",
        },
    )


@makes("aws:ec2/natGateway:NatGateway")
def nat_gateway(subject: Subject) -> Computed:
    """A NAT gateway with the public address of its allocation."""
    allocation = subject.account.get("aws:ec2/eip:Eip", subject.text("allocationId"))
    place = subject.account.get(SUBNET, subject.text("subnetId"))
    return Computed(
        f"nat-{subject.hex()}",
        {
            "associationId": f"eipassoc-{subject.hex(salt='association')}",
            "networkInterfaceId": f"eni-{subject.hex(salt='interface')}",
            "connectivityType": "public",
            "availabilityMode": "zonal",
            "privateIp": _host(str(place.value("cidrBlock")), subject) if place else "",
            "publicIp": str(allocation.value("publicIp")) if allocation else "",
            "vpcId": str(place.value("vpcId")) if place else subject.text("vpcId"),
        },
    )


def _host(block: str, subject: Subject) -> str:
    """An address of a subnet, past the five that AWS keeps."""
    network = ipaddress.IPv4Network(block)
    return str(network[5 + int(subject.hex(4, "host"), 16) % max(1, network.num_addresses - 6)])


@makes("aws:ec2/routeTable:RouteTable")
def route_table(subject: Subject) -> Computed:
    """A route table."""
    identifier = f"rtb-{subject.hex()}"
    return Computed(
        identifier,
        {
            "arn": subject.arn("ec2", f"route-table/{identifier}"),
            "ownerId": ACCOUNT_ID,
            "routes": [],
            "propagatingVgws": [],
        },
    )


@makes("aws:ec2/route:Route")
def route(subject: Subject) -> Computed:
    """A route; a table takes one for each destination."""
    table = subject.text("routeTableId")
    destination = (
        subject.text("destinationCidrBlock")
        or subject.text("destinationIpv6CidrBlock")
        or subject.text("destinationPrefixListId")
    )
    for other in subject.others():
        same_destination = destination in (
            other.value("destinationCidrBlock"),
            other.value("destinationIpv6CidrBlock"),
            other.value("destinationPrefixListId"),
        )
        if other.value("routeTableId") == table and same_destination:
            raise AwsError("RouteAlreadyExists", f"The route identified by {destination} already exists.")
    return Computed(f"r-{table}{int(subject.hex(8), 16) % 10**10}", {"origin": "CreateRoute", "state": "active"})


@makes("aws:ec2/routeTableAssociation:RouteTableAssociation")
def route_table_association(subject: Subject) -> Computed:
    """The association of a table with a subnet; a subnet takes one."""
    for other in subject.others():
        if subject.text("subnetId") and other.value("subnetId") == subject.text("subnetId"):
            raise AwsError(
                "Resource.AlreadyAssociated",
                f"the specified association for route table {other.value('routeTableId')} conflicts with an existing association",
            )
    return Computed(f"rtbassoc-{subject.hex()}", {})


@makes("aws:ec2/flowLog:FlowLog")
def flow_log(subject: Subject) -> Computed:
    """A flow log."""
    identifier = f"fl-{subject.hex()}"
    return Computed(
        identifier,
        {
            "arn": subject.arn("ec2", f"vpc-flow-log/{identifier}"),
            "logDestinationType": "cloud-watch-logs",
            "maxAggregationInterval": 600,
            "logFormat": "${version} ${account-id} ${interface-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} "
            "${protocol} ${packets} ${bytes} ${start} ${end} ${action} ${log-status}",
        },
    )


@makes("aws:ec2/securityGroup:SecurityGroup")
def security_group(subject: Subject) -> Computed:
    """A security group; its name is unique within its VPC."""
    wanted = (subject.inputs.get("vpcId"), subject.inputs.get("name"))
    if any((other.value("vpcId"), other.value("name")) == wanted for other in subject.others()):
        raise AwsError(
            "InvalidGroup.Duplicate",
            f"The security group '{subject.text('name')}' already exists for VPC '{subject.text('vpcId')}'",
        )
    identifier = f"sg-{subject.hex()}"
    return Computed(
        identifier,
        {
            "arn": subject.arn("ec2", f"security-group/{identifier}"),
            "ownerId": ACCOUNT_ID,
            "description": "Managed by Pulumi",
            "revokeRulesOnDelete": False,
            "ingress": [],
            "egress": [],
        },
    )


@makes("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup")
def default_security_group(subject: Subject) -> Computed:
    """The VPC's own default group, taken over: its id is the one that the VPC tells."""
    owner = subject.account.get(VPC, subject.text("vpcId"))
    identifier = str(owner.value("defaultSecurityGroupId")) if owner else f"sg-{subject.hex()}"
    return Computed(
        identifier,
        {
            "arn": subject.arn("ec2", f"security-group/{identifier}"),
            "ownerId": ACCOUNT_ID,
            "name": "default",
            "description": "default VPC security group",
            "ingress": [],
            "egress": [],
        },
    )


@makes(
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",
)
def security_group_rule(subject: Subject) -> Computed:
    """One rule of a group; the same rule twice is refused."""
    identifier = f"sgr-{subject.hex()}"
    told = (
        "securityGroupId",
        "ipProtocol",
        "fromPort",
        "toPort",
        "cidrIpv4",
        "cidrIpv6",
        "prefixListId",
        "referencedSecurityGroupId",
    )
    wanted = [subject.inputs.get(name) for name in told]
    if any([other.inputs.get(name) for name in told] == wanted for other in subject.others()):
        raise AwsError(
            "InvalidPermission.Duplicate",
            f"the specified rule already exists in security group {subject.text('securityGroupId')}",
        )
    return Computed(
        identifier, {"arn": subject.arn("ec2", f"security-group-rule/{identifier}"), "securityGroupRuleId": identifier}
    )


@makes("aws:ec2/securityGroupRule:SecurityGroupRule")
def old_security_group_rule(subject: Subject) -> Computed:
    """One rule in the older form, which pulumi-eks still uses."""
    return Computed(f"sgrule-{int(subject.hex(8), 16)}", {"securityGroupRuleId": f"sgr-{subject.hex()}", "self": False})
