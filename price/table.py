"""The table of prices: what AWS asks, where it says so, and where each figure was read."""

import datetime
from functools import cache
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

TABLE = Path(__file__).with_name("prices.yaml")

MEMORY = "memory"
"""Said of a figure that nobody looked up."""

EVERYWHERE = "all"

REGIONS = ("eu-west-3", "eu-central-1")
"""That the table knows."""


class UnknownPriceError(Exception):
    """The table has no such price; says which, and what to do."""


class Price(BaseModel):
    """One price: dollars for a unit by region, or `all` for every region."""

    model_config = ConfigDict(frozen=True, extra="allow")
    __pydantic_extra__: dict[str, Annotated[float, Field(gt=0)]] = Field(init=False)

    unit: str
    seen: str

    @model_validator(mode="after")
    def _names_regions(self) -> "Price":
        named = set(self.by_region)
        if named != {EVERYWHERE} and named != set(REGIONS):
            raise ValueError(
                f"names {sorted(named)}; a price is for `{EVERYWHERE}`, or for each of {', '.join(REGIONS)}"
            )
        if self.seen != MEMORY and not self.seen.startswith("https://"):
            raise ValueError(f"seen: {self.seen} is neither `{MEMORY}` nor an address")
        return self

    @property
    def by_region(self) -> dict[str, float]:
        """Dollars for a unit."""
        return self.__pydantic_extra__

    @property
    def origin(self) -> str:
        """`AWS`, `third party` or `memory`: who says so."""
        if self.seen == MEMORY:
            return MEMORY
        host = urlsplit(self.seen).hostname or ""
        return "AWS" if host == "aws.amazon.com" or host.endswith(".aws.amazon.com") else "third party"


class Service(BaseModel):
    """The prices of one AWS service, and the page on which AWS gives them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    page: str = Field(pattern=r"^https://aws\.amazon\.com/")
    prices: dict[str, Price]


class Table(BaseModel):
    """All prices, and the day on which they were written down."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    on: datetime.date
    services: dict[str, Service]

    def price(self, service: str, item: str, region: str) -> float:
        """Dollars for one unit; raises UnknownPriceError for what the table does not know."""
        known = self.services[service].prices
        if item not in known:
            raise UnknownPriceError(
                f"{service} {item}: has no price in {TABLE.name} (known: {', '.join(known)}); "
                f"add it from {self.services[service].page}"
            )
        prices = known[item].by_region
        if EVERYWHERE not in prices and region not in prices:
            raise UnknownPriceError(
                f"{service} {item}: has no price for {region} in {TABLE.name} (known: {', '.join(prices)}); "
                f"add it from {self.services[service].page}"
            )
        return prices.get(EVERYWHERE, prices.get(region, 0.0))

    def origin(self, service: str, item: str) -> str:
        """Who says so: `AWS`, `third party` or `memory`."""
        return self.services[service].prices[item].origin


@cache
def table() -> Table:
    """The committed table."""
    content: Any = yaml.safe_load(TABLE.read_text())
    return Table.model_validate(content)
