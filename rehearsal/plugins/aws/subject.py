"""What a resource's computed outputs are made of, and the table of who makes them."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from rehearsal.plugins.aws import ACCOUNT_ID, PARTITION
from rehearsal.plugins.aws.account import Account, Record
from rehearsal.plugins.aws.errors import AwsError

DNS_SUFFIX = "amazonaws.com"
SUBNET = "aws:ec2/subnet:Subnet"


@dataclass(frozen=True)
class Subject:
    """One resource at the moment when AWS decides its values.

    Everything random-looking derives from `seed`, so the same program always gets the same values. `inputs` have no secret marks;
    `previous` and `previous_inputs` are those before an update (empty on create).
    """

    type: str
    name: str
    seed: str
    inputs: Mapping[str, Any]
    region: str
    created_at: str
    account: Account
    previous: Mapping[str, Any] = field(default_factory=dict)
    previous_inputs: Mapping[str, Any] = field(default_factory=dict)

    def hex(self, length: int = 17, salt: str = "") -> str:
        """Hexadecimal digits; another `salt` gives others."""
        return hashlib.sha512(f"{self.seed}|{salt}".encode()).hexdigest()[:length]

    def letters(self, length: int, salt: str = "") -> str:
        """Upper-case letters and digits, as in the identifiers of RDS and IAM."""
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
        digest = hashlib.sha512(f"{self.seed}|{salt}|letters".encode()).digest()
        return "".join(alphabet[byte % 32] for byte in digest[:length])

    def uuid(self, salt: str = "") -> str:
        """A UUID of version 4."""
        digits = self.hex(32, salt + "uuid")
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-8{digits[17:20]}-{digits[20:]}"

    def address(self, salt: str = "") -> str:
        """An IPv4 address of the documentation networks (RFC 5737), which lead nowhere."""
        number = int(self.hex(4, salt + "address"), 16)
        return f"{('192.0.2', '198.51.100', '203.0.113')[number % 3]}.{number // 3 % 254 + 1}"

    def arn(self, service: str, resource: str, *, regional: bool = True, account: bool = True) -> str:
        """`arn:aws:<service>:<region>:<account>:<resource>`, without the parts that a service leaves out."""
        return f"arn:{PARTITION}:{service}:{self.region if regional else ''}:{ACCOUNT_ID if account else ''}:{resource}"

    def others(self) -> Iterator[Record]:
        """The account's resources of this type but for this one."""
        return (each for each in self.account.all(self.type) if each.seed != self.seed)

    def existing(self, type_token: str, identifier: str, code: str, message: str) -> Record:
        """The account's resource of that type and id. Raises AwsError, in the words that are given, when there is none."""
        found = self.account.get(type_token, identifier)
        if found is None:
            raise AwsError(code, message)
        return found

    def subnets(self, identifiers: Iterable[Any] | None) -> list[Record]:
        """Those of the subnets that the account has."""
        found = [self.account.get(SUBNET, str(each)) for each in identifiers or ()]
        return [place for place in found if place is not None]

    def text(self, name: str) -> str:
        """An input as text; empty when it is absent."""
        value = self.inputs.get(name)
        return "" if value is None else str(value)


@dataclass(frozen=True)
class Computed:
    """What AWS decides: the physical id, and the outputs that differ from or add to the inputs."""

    id: str
    outputs: Mapping[str, Any]


Maker = Callable[[Subject], Computed]

MAKERS: dict[str, Maker] = {}
"""For each type token the function that decides its values; `services/` fills it. Other types get general values."""


def makes(*tokens: str) -> Callable[[Maker], Maker]:
    """Registers a function as the maker of those types."""

    def register(maker: Maker) -> Maker:
        MAKERS.update(dict.fromkeys(tokens, maker))
        return maker

    return register
