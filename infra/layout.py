"""How the addresses of a VPC are divided: by zone, by kind of subnet, with room for a fourth zone."""

import ipaddress
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator

PRIVATE_RANGES = tuple(ipaddress.IPv4Network(cidr) for cidr in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))
"""RFC 1918."""


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


@dataclass(frozen=True)
class ZoneLayout:
    """The four networks of one zone."""

    public: str
    private: str
    data: str
    control_plane: str

    @property
    def prefixes(self) -> str:
        """The upper half of the private network: whole /28 prefixes for pods, free of single addresses.

        Half of a /19 has 256 of them: enough for 32 nodes with 110 pods each and a prefix to spare.
        """
        return str(list(ipaddress.IPv4Network(self.private).subnets())[1])


def lay_out(cidr: str) -> tuple[ZoneLayout, ZoneLayout, ZoneLayout, ZoneLayout]:
    """Divides a VPC among four zones (three are used, the fourth is room to grow).

    Of a /16, each zone gets a private /19 (8,192 addresses: every pod has one), a public /22 and a data /24. Smaller
    VPCs are divided in the same proportions. The control plane gets a /26 of any VPC, since what lives there does not
    shrink: EKS wants 16 free addresses (6 at least; "Amazon EKS networking requirements for VPC and subnets"), every
    interface endpoint one, and AWS keeps five. The private networks fill the first half; the rest of the second half
    stays free for later kinds of subnet.
    """
    vpc = ipaddress.IPv4Network(cidr)
    first_half, second_half = vpc.subnets(prefixlen_diff=1)
    private = list(first_half.subnets(prefixlen_diff=2))
    quarters = list(second_half.subnets(prefixlen_diff=2))
    public = list(quarters[0].subnets(prefixlen_diff=3))
    data = list(quarters[1].subnets(prefixlen_diff=5))
    control_plane = list(quarters[2].subnets(new_prefix=26))
    zones = [
        ZoneLayout(
            public=str(public[i]), private=str(private[i]), data=str(data[i]), control_plane=str(control_plane[i])
        )
        for i in range(4)
    ]
    return zones[0], zones[1], zones[2], zones[3]
