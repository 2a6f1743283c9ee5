"""Tags, by which bills and alarms find their owner."""

from collections.abc import Mapping

from policy.approved import TAGS
from policy.planned_resource import UNKNOWN, Resource
from policy.rule import Findings, Rule, Schema
from policy.rules.providers import AWS, parsed

REQUIRED: Schema = {
    "tags": {
        "type": "array",
        "items": {"type": "string", "minLength": 1},
        "default": list(TAGS),
        "description": "Tags that everything on AWS has.",
    }
}

LAUNCHED = ("instance", "volume")


def _provider_tags(it: Resource) -> Findings:
    default = parsed(it["defaultTags"])
    if default is UNKNOWN:
        return
    given = parsed((default or {}).get("tags")) or {}
    missing = [tag for tag in it.config["tags"] if not given.get(tag)]
    if missing:
        yield f"defaultTags lacks {', '.join(missing)}."


def _no_tag_is_emptied(it: Resource) -> Findings:
    tags = it["tags"]
    for tag in it.config["tags"]:
        if isinstance(tags, Mapping) and tags.get(tag, tag) == "":
            yield f"The tag {tag} is empty, in place of the provider's."


def _nodes_are_tagged(it: Resource) -> Findings:
    given = {each.get("resourceType"): it.seen(each.get("tags")) for each in it.each("tagSpecifications")}
    for kind in LAUNCHED:
        tags = given.get(kind) or {}
        missing = [tag for tag in it.config["tags"] if tags is not UNKNOWN and not tags.get(tag)]
        if missing:
            yield f"What it launches ({kind}) lacks {', '.join(missing)}: default tags don't reach it."


RULES = (
    Rule(
        name="tags-by-default",
        says="The provider of AWS gives the required tags to everything that it makes.",
        why="What has no owner on the bill is not found when it goes wrong, nor removed when it is not needed.",
        fix="Set default_tags of the provider (infra/naming.py).",
        types=(AWS,),
        config=REQUIRED,
        check=_provider_tags,
    ),
    Rule(
        name="tags-stay",
        says="No resource takes the required tags away.",
        why="A tag on the resource wins over the provider's, an empty one too.",
        fix="Leave the tag out.",
        types=("aws:*",),
        config=REQUIRED,
        check=_no_tag_is_emptied,
    ),
    Rule(
        name="nodes-are-tagged",
        says="Launch templates tag the machines and disks that come of them.",
        why="They are the greater part of the bill, and the provider's tags end at the template.",
        fix="Set tag_specifications for instance and volume.",
        types=("aws:ec2/launchTemplate:LaunchTemplate",),
        config=REQUIRED,
        check=_nodes_are_tagged,
    ),
)
