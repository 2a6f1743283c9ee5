"""Versions: of images, charts and add-ons."""

from collections.abc import Iterator

from policy.planned_resource import UNKNOWN, Resource
from policy.rule import Findings, Rule
from policy.rules.workloads import PODS, containers


def _tagged(it: Resource) -> Iterator[str]:
    exact = it.stack_is_one_of("digest_stacks")
    for _, container in containers(it):
        image = it.seen(container.get("image"))
        if image is UNKNOWN:
            continue
        reference = str(image or "")
        name, _, digest = reference.partition("@")
        tag = name.rsplit("/", 1)[-1].partition(":")[2]
        where = f"Container {container.get('name')} runs {reference or 'no image'}"
        if digest.startswith("sha256:"):
            continue
        if tag in ("", "latest"):
            yield f"{where}: no version."
        elif exact:
            yield f"{where}: a tag, where {it.stack} names images by digest."


def _chart_has_a_version(it: Resource) -> Findings:
    if it.lacks("version"):
        yield "version is left out: the newest chart of that day is taken."


def _add_on_has_a_version(it: Resource) -> Findings:
    if it.lacks("addonVersion"):
        yield "addonVersion is left out: AWS chooses one."


RULES = (
    Rule(
        name="images-have-versions",
        says="Containers name the version of their image.",
        why="`latest` is another program tomorrow, and no release can go back to it.",
        fix="Name a tag that is never moved, or better the digest (app.image in the stack file).",
        types=PODS,
        config={
            "digest_stacks": {
                "type": "array",
                "items": {"type": "string"},
                "default": [],
                "description": "Stacks whose images are named by digest only: tags of ECR don't move, others' do.",
            }
        },
        check=_tagged,
    ),
    Rule(
        name="charts-have-versions",
        says="Helm releases name the version of their chart.",
        why="An update of something else would bring a new controller with it.",
        fix="Take the version from infra/versions.py.",
        types=("kubernetes:helm.sh/v3:Release",),
        check=_chart_has_a_version,
    ),
    Rule(
        name="add-ons-have-versions",
        says="EKS add-ons name their version.",
        why="An update of something else would bring a new network or DNS add-on with it.",
        fix="Take the version from infra/versions.py.",
        types=("aws:eks/addon:Addon",),
        check=_add_on_has_a_version,
    ),
)
