"""Providers: which one makes a resource, in which account and region."""

import json
from typing import Any

from policy.approved import REGIONS
from policy.planned_resource import UNKNOWN, Resource
from policy.rule import Findings, Rule

AWS = "pulumi:providers:aws"


def parsed(value: Any) -> Any:
    """A property of a provider, which Pulumi hands on as JSON; UNKNOWN where it is."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _is_explicit(it: Resource) -> Findings:
    if it.provider is None or it.provider.name.startswith("default"):
        yield "A default provider makes it, with whatever credentials and region the machine has at that moment."


def _names_the_account(it: Resource) -> Findings:
    allowed = parsed(it["allowedAccountIds"])
    if allowed is not UNKNOWN and not allowed:
        yield "allowedAccountIds is left out: credentials of another account would be taken."
    if it.is_on("skipCredentialsValidation") or it.is_on("skipRequestingAccountId"):
        yield "The check of the account is switched off."


def _region_is_approved(it: Resource) -> Findings:
    approved = it.config["regions"]
    region = it["region"]
    if it.type == AWS and it.lacks("region"):
        yield "region is left out: the machine's would be taken."
    elif region not in (None, UNKNOWN) and region not in approved and it.type not in it.config["global_types"]:
        yield f"region is {region}; approved are {', '.join(approved)}."
    for copy in it.each("replicas"):
        if it.seen(copy.get("region")) not in (None, UNKNOWN, *approved):
            yield f"It is copied to {copy['region']}; approved are {', '.join(approved)}."


RULES = (
    Rule(
        name="provider-is-explicit",
        says="Resources are made by a provider that the program configures.",
        why="A default provider goes where the machine's environment points, which may be another account.",
        fix="Hand the provider down (opts.providers), and keep pulumi:disable-default-providers in the stack file.",
        types=("aws:*", "kubernetes:*"),
        check=_is_explicit,
    ),
    Rule(
        name="provider-names-its-account",
        says="The provider of AWS names the account that it may work in.",
        why="With the credentials of another stack, an update would be made in the wrong account.",
        fix="Set account.id in the stack file.",
        types=(AWS,),
        check=_names_the_account,
    ),
    Rule(
        name="regions-are-approved",
        says="Everything is in an approved region.",
        why="Data stays where it was promised to, and nothing is forgotten where nobody looks.",
        fix="Change the region, or approve it in the pack's configuration (docs/policies.md).",
        types=("aws:*", AWS),
        config={
            "regions": {
                "type": "array",
                "items": {"type": "string", "pattern": "^[a-z]{2}(-[a-z]+)+-[0-9]$"},
                "minItems": 1,
                "default": list(REGIONS),
                "description": "Regions in which resources may be, as AWS calls them.",
            },
            "global_types": {
                "type": "array",
                "items": {"type": "string"},
                "default": ["aws:acm/certificate:Certificate", "aws:acm/certificateValidation:CertificateValidation"],
                "description": "Types that may be elsewhere: CloudFront takes certificates of us-east-1 only.",
            },
        },
        check=_region_is_approved,
    ),
)
