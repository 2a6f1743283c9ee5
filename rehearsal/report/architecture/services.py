"""Cards for what lies in no subnet: the region's services, and what there is in a second region."""

from collections import Counter
from collections.abc import Iterable

from rehearsal.report.architecture.model import Card
from rehearsal.report.architecture.places import RELEASE
from rehearsal.report.graph import Graph

COUNTED = {
    "Identity": (
        "cluster",
        {"aws:iam/role:Role": "role", "aws:eks/podIdentityAssociation:PodIdentityAssociation": "pod identity"},
    ),
    "Keys and secrets": ("data", {"aws:kms/key:Key": "KMS key", "aws:secretsmanager/secret:Secret": "secret"}),
    "Files": ("data", {"aws:s3/bucket:Bucket": "S3 bucket"}),
    "AWS Backup": (
        "data",
        {
            "aws:backup/plan:Plan": "plan",
            "aws:backup/vault:Vault": "vault",
            "aws:backup/restoreTestingPlan:RestoreTestingPlan": "restore test",
        },
    ),
    "CloudWatch and SNS": (
        "monitoring",
        {
            "aws:cloudwatch/metricAlarm:MetricAlarm": "alarm",
            "aws:cloudwatch/logGroup:LogGroup": "log group",
            "aws:sns/topic:Topic": "topic",
            "aws:budgets/budget:Budget": "budget",
        },
    ),
}
"""By card: its layer, and the types that it counts with what one of them is called. Types that a stack has not are left out."""


def cards(graph: Graph) -> list[Card]:
    """The cards that a stack has something for."""
    found = []
    for title, (layer, types) in COUNTED.items():
        here = {
            word: len([r for r in graph.of(kind) if not _elsewhere(graph, r.value("region"))])
            for kind, word in types.items()
        }
        lines = [counted(count, word) for word, count in here.items() if count]
        if lines:
            found.append(Card(title, lines, layer))
    charts = sorted(str(r.value("chart")) for r in graph.of(RELEASE) if r.layer != "monitoring")
    if charts:
        found.append(Card("Controllers (charts)", charts, "cluster"))
    add_ons = sorted(str(each.value("addonName")) for each in graph.of("aws:eks/addon:Addon"))
    if add_ons:
        found.append(Card("EKS add-ons", add_ons, "cluster"))
    return [*found, *_second_region(graph)]


def counted(count: int, word: str) -> str:
    """A count with its noun, as in `2 identities`."""
    if count == 1:
        return f"1 {word}"
    return (
        f"{count} {word.removesuffix('y')}ies" if word.endswith("y") and word[-2] not in "aeiou" else f"{count} {word}s"
    )


def _elsewhere(graph: Graph, region: object) -> bool:
    return bool(region) and region != graph.region


def _second_region(graph: Graph) -> Iterable[Card]:
    regions: dict[str, Counter[str]] = {}
    for resource in graph.resources:
        region = resource.inputs.get("region")
        if resource.type.startswith("aws:") and isinstance(region, str) and _elsewhere(graph, region):
            regions.setdefault(region, Counter())[WORDS.get(resource.type, "")] += 1
    for region, words in regions.items():
        lines = [counted(count, word) for word, count in words.items() if word]
        yield Card(f"In {region}", lines, "data")


WORDS = {
    "aws:s3/bucket:Bucket": "S3 bucket",
    "aws:backup/vault:Vault": "backup vault",
    "aws:kms/key:Key": "KMS key",
    "aws:rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication": "backup replication",
    "aws:rds/instance:Instance": "database",
    "aws:secretsmanager/secret:Secret": "secret",
}
"""What counts in a second region; what only belongs to these is left out."""
