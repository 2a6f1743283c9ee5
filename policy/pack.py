"""The pack: all rules, in the order of their subjects."""

from collections.abc import Mapping, Sequence
from types import ModuleType

from pulumi_policy import Policy

from policy.rule import Rule
from policy.rules import (
    access,
    buckets,
    credentials,
    data_stores,
    encryption,
    identity,
    images,
    network,
    protection,
    providers,
    tags,
    transport,
    workloads,
)

NAME = "marlinspike"

SUBJECTS: Sequence[ModuleType] = (
    data_stores, network, encryption, transport, identity, access, credentials, buckets, images, workloads, protection,
    providers, tags,
)  # fmt: skip


def rules() -> Mapping[str, Rule]:
    """Every rule by its name."""
    return {rule.name: rule for subject in SUBJECTS for rule in subject.RULES}


def policies() -> list[Policy]:
    """What the SDK serves: a policy for each rule."""
    return [rule.policy() for rule in rules().values()]
