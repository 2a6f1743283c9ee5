"""Hosted zones as IAM names them."""

from collections.abc import Sequence


def zone_arns(zone_ids: Sequence[str]) -> list[str]:
    """Of hosted zones, which belong to no region and carry no account."""
    return [f"arn:aws:route53:::hostedzone/{zone}" for zone in zone_ids]
