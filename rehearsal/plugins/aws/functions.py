# ruff: noqa: ARG001 - all functions have one form, whatever they need of it.
"""The functions (data sources) of the SDK that the platform calls. To add one, write it here and decorate it with its token."""

import zlib
from collections.abc import Callable, Mapping
from typing import Any

from rehearsal.plugins import inputs
from rehearsal.plugins.aws import ACCOUNT_ID, PARTITION
from rehearsal.plugins.aws.account import Account
from rehearsal.plugins.aws.configuration import Configuration
from rehearsal.plugins.aws.errors import AwsError, UnsupportedError
from rehearsal.plugins.aws.policy_document import PolicyDocumentError, render
from rehearsal.plugins.aws.regions import DESCRIPTIONS, zones
from rehearsal.plugins.aws.services.eks import addon_version
from rehearsal.plugins.aws.services.vpc import zone_id
from rehearsal.plugins.aws.subject import DNS_SUFFIX
from rehearsal.plugins.aws.types import function

Answer = dict[str, Any]
Function = Callable[[Mapping[str, Any], Configuration, Account], Answer]

_FUNCTIONS: dict[str, Function] = {}


def _answers(token: str) -> Callable[[Function], Function]:
    def register(answering: Function) -> Function:
        _FUNCTIONS[token] = answering
        return answering

    return register


def problems(token: str, arguments: Mapping[str, Any]) -> list[inputs.Problem]:
    """Faults of the arguments against the SDK's function. Raises UnknownTypeError when the SDK has no such function."""
    return inputs.check_call(function(token), arguments, token)


def call(token: str, arguments: Mapping[str, Any], configuration: Configuration, account: Account) -> Answer:
    """The result of a function. Raises UnsupportedError for one that is not simulated, AwsError where AWS would refuse."""
    if token not in _FUNCTIONS:
        known = ", ".join(sorted(name.rsplit(":", 1)[1] for name in _FUNCTIONS))
        raise UnsupportedError(
            f"the rehearsal does not simulate the function {token} (it has {known}); add it to rehearsal/plugins/aws/functions.py"
        )
    region = arguments.get("region") or configuration.region
    return _FUNCTIONS[token](arguments, Configuration(region, configuration.default_tags), account)


@_answers("aws:index/getCallerIdentity:getCallerIdentity")
def caller_identity(arguments: Mapping[str, Any], configuration: Configuration, account: Account) -> Answer:
    """Who calls: the role that a deployment of the rehearsal would assume."""
    arn = f"arn:{PARTITION}:sts::{ACCOUNT_ID}:assumed-role/rehearsal/rehearsal"
    return {"id": ACCOUNT_ID, "accountId": ACCOUNT_ID, "arn": arn, "userId": "AROAREHEARSALREHEARSA:rehearsal"}


@_answers("aws:index/getRegion:getRegion")
def region(arguments: Mapping[str, Any], configuration: Configuration, account: Account) -> Answer:
    """The provider's region."""
    name = configuration.region
    return {
        "id": name,
        "name": name,
        "region": name,
        "description": DESCRIPTIONS.get(name, name),
        "endpoint": f"ec2.{name}.{DNS_SUFFIX}",
    }


@_answers("aws:index/getPartition:getPartition")
def partition(arguments: Mapping[str, Any], configuration: Configuration, account: Account) -> Answer:
    """The partition of all the world's public regions."""
    return {"id": PARTITION, "partition": PARTITION, "dnsSuffix": DNS_SUFFIX, "reverseDnsPrefix": "com.amazonaws"}


@_answers("aws:index/getAvailabilityZones:getAvailabilityZones")
def availability_zones(arguments: Mapping[str, Any], configuration: Configuration, account: Account) -> Answer:
    """The zones of the region, all of them available."""
    if arguments.get("filters"):
        raise UnsupportedError(
            "getAvailabilityZones with filters is not simulated; extend rehearsal/plugins/aws/functions.py"
        )
    left_out = set(arguments.get("excludeNames") or [])
    names = [
        zone
        for zone in zones(configuration.region)
        if zone not in left_out and zone_id(zone) not in (arguments.get("excludeZoneIds") or [])
    ]
    if arguments.get("state") not in (None, "available"):
        names = []
    return {
        **arguments,
        "id": configuration.region,
        "region": configuration.region,
        "names": names,
        "zoneIds": [zone_id(zone) for zone in names],
        "groupNames": [f"{configuration.region}-zg-1"],
    }


@_answers("aws:iam/getPolicyDocument:getPolicyDocument")
def policy_document(arguments: Mapping[str, Any], configuration: Configuration, account: Account) -> Answer:
    """Statements as JSON."""
    try:
        indented, minified = render(arguments)
    except PolicyDocumentError as error:
        raise AwsError("MalformedPolicyDocument", str(error)) from error
    return {**arguments, "id": str(zlib.crc32(indented.encode())), "json": indented, "minifiedJson": minified}


@_answers("aws:eks/getAddonVersion:getAddonVersion")
def eks_addon_version(arguments: Mapping[str, Any], configuration: Configuration, account: Account) -> Answer:
    """The version of an add-on for a Kubernetes version."""
    name = str(arguments["addonName"])
    return {
        **arguments,
        "id": name,
        "region": configuration.region,
        "version": addon_version(name, str(arguments["kubernetesVersion"])),
    }
