"""The network: a VPC over several zones, with a public, a private, a data and a control-plane subnet in each.

Load balancers and NAT gateways live in the public subnets, nodes and pods in the private ones, database and cache in
the data subnets, AWS's own interfaces (of EKS's control plane and of endpoints) in the control-plane subnets. The last two
have no way out.
"""

from collections.abc import Sequence
from typing import Annotated, Literal

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions
from pydantic import Field, field_validator

from infra.endpoints import InterfaceEndpoints, s3_policy
from infra.flow_logs import FlowLogs, FlowLogSettings
from infra.layout import PrivateNetwork, ZoneLayout, lay_out
from infra.settings import Section

NatGateways = Literal["none", "single", "zone"]

CLUSTER_ZONES = 3
"""EKS's own interfaces lie in the first three zones, however many there are: a cluster takes no other set of zones than the
one that it was made with ("Amazon EKS networking requirements for VPC and subnets")."""


class NetworkSettings(Section):
    """Section `network` of a stack file."""

    cidr: PrivateNetwork
    """Addresses of the VPC: a /16 to /18 inside RFC 1918 that no other stack uses."""

    zones: tuple[Annotated[str, Field(pattern=r"^[a-f]$")], ...] = Field(
        ("a", "b", "c"), min_length=CLUSTER_ZONES, max_length=4
    )
    """Letters of the region's availability zones; the place in the list decides the addresses. The first three stay as
    they are (EKS takes no others later), a fourth is added at the end. It replaces nothing but the node groups, since EKS gives
    a group no other subnets: new groups come up before the old ones drain."""

    nat_gateways: NatGateways = "single"
    """`zone` survives the loss of one; `single` is cheaper; `none` leaves nodes with what endpoints reach."""

    interface_endpoints: bool = False
    """AWS's services answer inside the VPC, to this account's principals only (infra/endpoints.py lists them)."""

    flow_logs: FlowLogSettings = FlowLogSettings()

    @field_validator("zones")
    @classmethod
    def _zones_differ(cls, zones: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(zones)) != len(zones):
            raise ValueError("names a zone twice")
        return zones


class Network(pulumi.ComponentResource):
    """A VPC with subnets, NAT, endpoints, flow logs and an emptied default security group.

    Type token: `marlinspike:network:Network`. Makes, beside the VPC: an internet gateway; for each zone four subnets, and in
    the private one a reservation for pods; one public route table, one private one a zone, one for data and one for the
    control plane without a default route; none, one, or one NAT gateway a zone; a gateway endpoint for S3; InterfaceEndpoints
    where asked; FlowLogs. All names are by zone.
    """

    vpc_id: Output[str]
    public_subnet_ids: list[Output[str]]
    private_subnet_ids: list[Output[str]]
    data_subnet_ids: list[Output[str]]
    control_plane_subnet_ids: list[Output[str]]
    cluster_subnet_ids: list[Output[str]]
    """The control-plane subnets for EKS: those of the first three zones, for ever."""
    public_cidrs: list[str]
    """CIDR blocks of the public subnets, one a zone: where load balancers speak from."""
    data_cidrs: list[str]
    """CIDR blocks of the data subnets, one a zone: where database and cache answer."""
    control_plane_cidrs: list[str]
    """CIDR blocks of the control-plane subnets, one a zone: where the Kubernetes API answers inside the VPC."""
    endpoint_cidrs: list[str]
    """CIDR blocks where AWS's services answer inside the VPC; empty without interface endpoints."""
    nat_gateway_ids: dict[str, Output[str]]
    """By the letter of the zone in which each stands."""

    def __init__(
        self,
        name: str,
        settings: NetworkSettings,
        account_id: str,
        region: str,
        cluster_name: str,
        key_arn: Input[str],
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("marlinspike:network:Network", name, {}, opts)
        self._prefix = name
        self._child = ResourceOptions(parent=self)
        layouts = lay_out(settings.cidr)[: len(settings.zones)]
        self.public_cidrs = [layout.public for layout in layouts]
        self.data_cidrs = [layout.data for layout in layouts]
        self.control_plane_cidrs = [layout.control_plane for layout in layouts]
        self.endpoint_cidrs = self.control_plane_cidrs if settings.interface_endpoints else []

        vpc = aws.ec2.Vpc(
            f"{name}-vpc",
            cidr_block=settings.cidr,
            enable_dns_support=True,
            enable_dns_hostnames=True,  # private endpoints and the EKS private API name need it
            tags={"Name": name},
            opts=self._child,
        )
        self.vpc_id = vpc.id
        # Nothing may use the group that AWS puts on whatever names none (CIS AWS Foundations 5.4).
        aws.ec2.DefaultSecurityGroup(f"{name}-default", vpc_id=vpc.id, ingress=[], egress=[], opts=self._child)
        private_tables = self._zones(settings, layouts, region, cluster_name)
        self.cluster_subnet_ids = self.control_plane_subnet_ids[:CLUSTER_ZONES]

        # Free, and keeps image layers (ECR stores them in S3) off the NAT gateways' bill.
        aws.ec2.VpcEndpoint(
            f"{name}-s3",
            vpc_id=vpc.id,
            service_name=f"com.amazonaws.{region}.s3",
            vpc_endpoint_type="Gateway",
            route_table_ids=[table.id for table in private_tables],
            policy=s3_policy(account_id, region),
            tags={"Name": f"{name}-s3"},
            opts=self._child,
        )
        if settings.interface_endpoints:
            InterfaceEndpoints(
                f"{name}-endpoints",
                account_id,
                region,
                vpc.id,
                settings.cidr,
                self.control_plane_subnet_ids,
                opts=self._child,
            )
        FlowLogs(f"{name}-flow-logs", settings.flow_logs, account_id, region, vpc.id, key_arn, opts=self._child)
        self.register_outputs({"vpcId": self.vpc_id})

    def _zones(
        self, settings: NetworkSettings, layouts: Sequence[ZoneLayout], region: str, cluster_name: str
    ) -> list[aws.ec2.RouteTable]:
        """Makes what each zone has, and the ways out; returns the private route tables."""
        gateway = aws.ec2.InternetGateway(
            f"{self._prefix}-internet", vpc_id=self.vpc_id, tags={"Name": self._prefix}, opts=self._child
        )
        public_routes = self._route_table("public")
        self._default_route("public", public_routes, gateway_id=gateway.id)
        data_routes, control_plane_routes = self._route_table("data"), self._route_table("control-plane")
        for_load_balancers = {"kubernetes.io/role/elb": "1"}
        for_nodes = {"kubernetes.io/role/internal-elb": "1", f"kubernetes.io/cluster/{cluster_name}": "shared"}

        self.public_subnet_ids, self.private_subnet_ids = [], []
        self.data_subnet_ids, self.control_plane_subnet_ids = [], []
        self.nat_gateway_ids = {}
        private_tables = []
        nat: aws.ec2.NatGateway | None = None
        for zone, layout in zip(settings.zones, layouts, strict=True):
            subnet = _Subnets(self, self._prefix, self.vpc_id, f"{region}{zone}", zone)
            public = subnet.make("public", layout.public, public_routes.id, for_load_balancers)
            private_routes = self._route_table(f"private-{zone}")
            private = subnet.make("private", layout.private, private_routes.id, for_nodes)
            subnet.reserve_prefixes(private, layout.prefixes)
            data = subnet.make("data", layout.data, data_routes.id, {})
            control_plane = subnet.make("control-plane", layout.control_plane, control_plane_routes.id, {})
            if settings.nat_gateways == "zone" or (settings.nat_gateways == "single" and nat is None):
                nat = self._nat_gateway(zone, public.id, gateway)
                self.nat_gateway_ids[zone] = nat.id
            if nat is not None:
                self._default_route(f"private-{zone}", private_routes, nat_gateway_id=nat.id)
            self.public_subnet_ids.append(public.id)
            self.private_subnet_ids.append(private.id)
            self.data_subnet_ids.append(data.id)
            self.control_plane_subnet_ids.append(control_plane.id)
            private_tables.append(private_routes)
        return private_tables

    def _route_table(self, kind: str) -> aws.ec2.RouteTable:
        logical = f"{self._prefix}-{kind}"
        return aws.ec2.RouteTable(logical, vpc_id=self.vpc_id, tags={"Name": logical}, opts=self._child)

    def _default_route(
        self,
        kind: str,
        table: aws.ec2.RouteTable,
        gateway_id: Input[str] | None = None,
        nat_gateway_id: Input[str] | None = None,
    ) -> None:
        aws.ec2.Route(
            f"{self._prefix}-{kind}-default",
            route_table_id=table.id,
            destination_cidr_block="0.0.0.0/0",
            gateway_id=gateway_id,
            nat_gateway_id=nat_gateway_id,
            opts=self._child,
        )

    def _nat_gateway(self, zone: str, subnet_id: Output[str], gateway: aws.ec2.InternetGateway) -> aws.ec2.NatGateway:
        logical = f"{self._prefix}-nat-{zone}"
        address = aws.ec2.Eip(logical, domain="vpc", tags={"Name": logical}, opts=self._child)
        return aws.ec2.NatGateway(
            logical,
            allocation_id=address.id,
            subnet_id=subnet_id,
            tags={"Name": logical},
            # A NAT gateway works only once its VPC has a way out (AWS: "NAT gateway basics").
            opts=ResourceOptions(parent=self, depends_on=[gateway]),
        )


class _Subnets:
    """Makes the subnets of one zone, each with its route table's association."""

    def __init__(self, parent: Network, name: str, vpc_id: Output[str], zone_name: str, zone: str) -> None:
        self._opts = ResourceOptions(parent=parent)
        self._prefix, self._vpc_id, self._zone_name, self._zone = name, vpc_id, zone_name, zone

    def make(self, kind: str, cidr: str, route_table_id: Output[str], tags: dict[str, str]) -> aws.ec2.Subnet:
        logical = f"{self._prefix}-{kind}-{self._zone}"
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

    def reserve_prefixes(self, subnet: aws.ec2.Subnet, cidr: str) -> None:
        """Keeps whole /28 prefixes together for the VPC CNI.

        Single addresses, of nodes and load balancers, are given from anywhere and would leave no sixteen in a row ("Amazon EKS
        Best Practices Guide", "Prefix Mode for Linux").
        """
        aws.ec2.SubnetCidrReservation(
            f"{self._prefix}-prefixes-{self._zone}",
            subnet_id=subnet.id,
            cidr_block=cidr,
            reservation_type="prefix",
            description="Prefixes of the VPC CNI",
            opts=self._opts,
        )
