"""Regions and their zones."""

from rehearsal.plugins.aws.errors import UnsupportedError

# Zones that a new account sees, from AWS's public documentation (Regions and Availability Zones), November 2026.
_ZONES = {
    "eu-central-1": "abc",
    "eu-central-2": "abc",
    "eu-north-1": "abc",
    "eu-south-1": "abc",
    "eu-south-2": "abc",
    "eu-west-1": "abc",
    "eu-west-2": "abc",
    "eu-west-3": "abc",
    "us-east-1": "abcdef",
    "us-east-2": "abc",
    "us-west-1": "ac",
    "us-west-2": "abcd",
}

DESCRIPTIONS = {
    "eu-central-1": "Europe (Frankfurt)",
    "eu-west-1": "Europe (Ireland)",
    "eu-west-3": "Europe (Paris)",
    "us-east-1": "US East (N. Virginia)",
    "us-west-2": "US West (Oregon)",
}


def zones(region: str) -> list[str]:
    """The zones of a region, such as `eu-west-3a`. Raises UnsupportedError for a region that the rehearsal does not know."""
    if region not in _ZONES:
        raise UnsupportedError(
            f"the rehearsal knows no region {region} (it has {', '.join(_ZONES)}); "
            "add its zones to rehearsal/plugins/aws/regions.py"
        )
    return [f"{region}{letter}" for letter in _ZONES[region]]
