"""The network: a VPC over several zones, with a public, a private and a data subnet in each.

Load balancers and NAT gateways live in the public subnets, nodes and pods in the private ones, database and cache in
the data subnets, which have no way out.
"""

import ipaddress
from dataclasses import dataclass
from typing import Annotated, Literal

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions
from pydantic import AfterValidator, Field, field_validator

from infra.identity import Permission, granting, trusting
from infra.settings import Section

PRIVATE_RANGES = tuple(ipaddress.IPv4Network(cidr) for cidr in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))
"""RFC 1918."""

NatGateways = Literal["single", "zone"]


def _private_network(value: str) -> str:
    try:
        network = ipaddress.IPv4Network(value)
    except ValueError as error:
        raise ValueError(f"{error}; write a network such as 10.40.0.0/16") from None
    if not 16 <= network.prefixlen <= 18:
        raise ValueError("must be a /16 to /18: smaller ones leave too few addresses for pods (AWS allows no larger)")
    if not any(network.subnet_of(private) for private in PRIVATE_RANGES):
        raise ValueError("must lie in 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16 (RFC 1918)")
    return value


PrivateNetwork = Annotated[str, AfterValidator(_private_network)]


class NetworkSettings(Section):
    """Section `network` of a stack file."""

    cidr: PrivateNetwork
    """Addresses of the VPC: a /16 to /18 inside RFC 1918 that no other stack uses."""

    zones: tuple[Annotated[str, Field(pattern=r"^[a-f]$")], ...] = Field(("a", "b", "c"), min_length=2, max_length=4)
    """Letters of the region's availability zones."""

    nat_gateways: NatGateways = "single"
    """`zone` survives the loss of one; `single` is cheaper."""

    flow_log_retention_days: Literal[7, 14, 30, 60, 90, 180, 365] = 30
    """How long the record of accepted and rejected connections is kept."""

    @field_validator("zones")
    @classmethod
    def _zones_differ(cls, zones: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(zones)) != len(zones):
            raise ValueError("names a zone twice")
        return zones


@dataclass(frozen=True)
class ZoneLayout:
    """The three networks of one zone."""

    public: str
    private: str
    data: str


def lay_out(cidr: str) -> tuple[ZoneLayout, ZoneLayout, ZoneLayout, ZoneLayout]:
    """Divides a VPC among four zones (three are used, the fourth is room to grow).

    Of a /16, each zone gets a private /19 (8,192 addresses: every pod has one), a public /22 and a data /24. Smaller
    VPCs are divided in the same proportions. The private networks fill the first half; the rest of the second half
    stays free for later kinds of subnet.
    """
    vpc = ipaddress.IPv4Network(cidr)
    first_half, second_half = vpc.subnets(prefixlen_diff=1)
    private = list(first_half.subnets(prefixlen_diff=2))
    quarters = list(second_half.subnets(prefixlen_diff=2))
    public = list(quarters[0].subnets(prefixlen_diff=3))
    data = list(quarters[1].subnets(prefixlen_diff=5))
    zones = [ZoneLayout(public=str(public[i]), private=str(private[i]), data=str(data[i])) for i in range(4)]
    return zones[0], zones[1], zones[2], zones[3]


class Network(pulumi.ComponentResource):
    """A VPC with subnets, NAT, an S3 gateway endpoint, flow logs and an emptied default security group.

    Type token: `marlinspike:network:Network`. Makes, beside the VPC: an internet gateway; for each zone three subnets;
    one public route table, one private one a zone, one for data without a default route; none, one, or one NAT gateway
    a zone; a CloudWatch log group for the flow logs with the role that writes it.
    """

    vpc_id: Output[str]
    public_subnet_ids: list[Output[str]]
    private_subnet_ids: list[Output[str]]
    data_subnet_ids: list[Output[str]]
    data_cidrs: list[str]
    """CIDR blocks of the data subnets, one a zone: where database and cache answer."""
    public_cidrs: list[str]
    """CIDR blocks of the public subnets, one a zone: where load balancers speak from."""
    nat_gateway_ids: dict[str, Output[str]]
    """By the letter of the zone in which each stands."""

    def __init__(
        self,
        name: str,
        settings: NetworkSettings,
        region: str,
        cluster_name: str,
        key_arn: Input[str],
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("marlinspike:network:Network", name, {}, opts)
        self._child = ResourceOptions(parent=self)
        child = self._child

        vpc = aws.ec2.Vpc(
            f"{name}-vpc",
            cidr_block=settings.cidr,
            enable_dns_support=True,
            enable_dns_hostnames=True,  # private endpoints and the EKS private API name need it
            tags={"Name": name},
            opts=child,
        )
        # Nothing may use the group that AWS puts on whatever names none (CIS AWS Foundations 5.4).
        aws.ec2.DefaultSecurityGroup(f"{name}-default", vpc_id=vpc.id, ingress=[], egress=[], opts=child)
        gateway = aws.ec2.InternetGateway(f"{name}-internet", vpc_id=vpc.id, tags={"Name": name}, opts=child)

        public_routes = aws.ec2.RouteTable(f"{name}-public", vpc_id=vpc.id, tags={"Name": f"{name}-public"}, opts=child)
        aws.ec2.Route(
            f"{name}-public-default",
            route_table_id=public_routes.id,
            destination_cidr_block="0.0.0.0/0",
            gateway_id=gateway.id,
            opts=child,
        )
        data_routes = aws.ec2.RouteTable(f"{name}-data", vpc_id=vpc.id, tags={"Name": f"{name}-data"}, opts=child)

        layouts = lay_out(settings.cidr)[: len(settings.zones)]
        self.public_subnet_ids, self.private_subnet_ids, self.data_subnet_ids = [], [], []
        self.data_cidrs = [layout.data for layout in layouts]
        self.public_cidrs = [layout.public for layout in layouts]
        self.nat_gateway_ids = {}
        private_route_ids: list[Output[str]] = []
        nat: aws.ec2.NatGateway | None = None
        for zone, layout in zip(settings.zones, layouts, strict=True):
            subnet = _Subnets(self, name, vpc.id, f"{region}{zone}", zone)
            public = subnet.make("public", layout.public, public_routes.id, {"kubernetes.io/role/elb": "1"})
            routes = aws.ec2.RouteTable(
                f"{name}-private-{zone}", vpc_id=vpc.id, tags={"Name": f"{name}-private-{zone}"}, opts=child
            )
            private = subnet.make(
                "private",
                layout.private,
                routes.id,
                {"kubernetes.io/role/internal-elb": "1", f"kubernetes.io/cluster/{cluster_name}": "shared"},
            )
            data = subnet.make("data", layout.data, data_routes.id, {})
            if settings.nat_gateways == "zone" or (settings.nat_gateways == "single" and nat is None):
                nat = self._nat_gateway(name, zone, public.id, gateway)
                self.nat_gateway_ids[zone] = nat.id
            if nat is not None:
                aws.ec2.Route(
                    f"{name}-private-{zone}-default",
                    route_table_id=routes.id,
                    destination_cidr_block="0.0.0.0/0",
                    nat_gateway_id=nat.id,
                    opts=child,
                )
            self.public_subnet_ids.append(public.id)
            self.private_subnet_ids.append(private.id)
            self.data_subnet_ids.append(data.id)
            private_route_ids.append(routes.id)

        # Free, and keeps image layers (ECR stores them in S3) off the NAT gateways' bill.
        aws.ec2.VpcEndpoint(
            f"{name}-s3",
            vpc_id=vpc.id,
            service_name=f"com.amazonaws.{region}.s3",
            vpc_endpoint_type="Gateway",
            route_table_ids=private_route_ids,
            tags={"Name": f"{name}-s3"},
            opts=child,
        )
        self._flow_logs(name, vpc.id, settings.flow_log_retention_days, key_arn)

        self.vpc_id = vpc.id
        self.register_outputs({"vpcId": self.vpc_id})

    def _nat_gateway(
        self, name: str, zone: str, subnet_id: Output[str], gateway: aws.ec2.InternetGateway
    ) -> aws.ec2.NatGateway:
        address = aws.ec2.Eip(f"{name}-nat-{zone}", domain="vpc", tags={"Name": f"{name}-nat-{zone}"}, opts=self._child)
        return aws.ec2.NatGateway(
            f"{name}-nat-{zone}",
            allocation_id=address.id,
            subnet_id=subnet_id,
            tags={"Name": f"{name}-nat-{zone}"},
            # A NAT gateway works only once its VPC has a way out (AWS: "NAT gateway basics").
            opts=ResourceOptions(parent=self, depends_on=[gateway]),
        )

    def _flow_logs(self, name: str, vpc_id: Output[str], retention_days: int, key_arn: Input[str]) -> None:
        logs = aws.cloudwatch.LogGroup(
            f"{name}-flow-logs", retention_in_days=retention_days, kms_key_id=key_arn, opts=self._child
        )
        role = aws.iam.Role(
            f"{name}-flow-logs",
            assume_role_policy=trusting("vpc-flow-logs.amazonaws.com"),
            opts=self._child,
        )
        aws.iam.RolePolicy(
            f"{name}-flow-logs",
            role=role.id,
            policy=granting(
                {
                    "WriteFlowLogs": Permission(
                        actions=["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"],
                        resources=[logs.arn, Output.concat(logs.arn, ":*")],
                    )
                }
            ),
            opts=self._child,
        )
        aws.ec2.FlowLog(
            f"{name}-flow-log",
            vpc_id=vpc_id,
            traffic_type="ALL",
            log_destination_type="cloud-watch-logs",
            log_destination=logs.arn,
            iam_role_arn=role.arn,
            max_aggregation_interval=60,
            opts=self._child,
        )


class _Subnets:
    """Makes the subnets of one zone, each with its route table's association."""

    def __init__(self, parent: Network, name: str, vpc_id: Output[str], zone_name: str, zone: str) -> None:
        self._opts = ResourceOptions(parent=parent)
        self._name, self._vpc_id, self._zone_name, self._zone = name, vpc_id, zone_name, zone

    def make(self, kind: str, cidr: str, route_table_id: Output[str], tags: dict[str, str]) -> aws.ec2.Subnet:
        logical = f"{self._name}-{kind}-{self._zone}"
        subnet = aws.ec2.Subnet(
            logical,
            vpc_id=self._vpc_id,
            cidr_block=cidr,
            availability_zone=self._zone_name,
            map_public_ip_on_launch=False,  # nothing that needs a public address is launched by hand
            tags={"Name": logical, **tags},
            opts=self._opts,
        )
        aws.ec2.RouteTableAssociation(logical, subnet_id=subnet.id, route_table_id=route_table_id, opts=self._opts)
        return subnet
