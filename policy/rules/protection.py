"""Protection of what must survive a mistake: in AWS, in Pulumi, in Kubernetes."""

from collections.abc import Mapping, Sequence

from policy.planned_resource import Resource
from policy.rule import GUARDED, Findings, Rule, switched_off

HOLDS_DATA = (
    "aws:rds/instance:Instance",
    "aws:rds/cluster:Cluster",
    "aws:elasticache/replicationGroup:ReplicationGroup",
    "aws:s3/bucket:Bucket",
    "aws:kms/key:Key",
    "aws:backup/vault:Vault",
    "aws:secretsmanager/secret:Secret",
    "aws:ecr/repository:Repository",
)

SWITCHES: Mapping[str, Sequence[str]] = {
    "aws:rds/instance:Instance": ("deletionProtection",),
    "aws:rds/cluster:Cluster": ("deletionProtection",),
    "aws:eks/cluster:Cluster": ("deletionProtection",),
    "aws:lb/loadBalancer:LoadBalancer": ("enableDeletionProtection",),
}

FORCE: Mapping[str, str] = {
    "aws:s3/bucket:Bucket": "forceDestroy",
    "aws:backup/vault:Vault": "forceDestroy",
    "aws:ecr/repository:Repository": "forceDelete",
    "aws:rds/instance:Instance": "skipFinalSnapshot",
    "aws:rds/cluster:Cluster": "skipFinalSnapshot",
}

WAIT_DAYS = 7
"""The least that AWS keeps what is deleted, of secrets and keys."""


def _guarded_by_aws(it: Resource) -> Findings:
    if it.is_guarded:
        yield from switched_off(it, *SWITCHES[it.type])


def _guarded_by_pulumi(it: Resource) -> Findings:
    if it.is_guarded and not it.protect:
        yield "It is not protected: an update may delete or replace it."


def _nothing_forced(it: Resource) -> Findings:
    if it.is_guarded and it.type in FORCE and it.is_on(FORCE[it.type]):
        yield f"{FORCE[it.type]} is true: it goes with everything in it."
    days = it["recoveryWindowInDays"] if it.type == "aws:secretsmanager/secret:Secret" else None
    if it.is_guarded and days == 0:
        yield f"recoveryWindowInDays is 0: it is gone at once; {WAIT_DAYS} at least."


RULES = (
    Rule(
        name="deletion-is-refused-by-aws",
        says="AWS refuses to delete databases, clusters and load balancers of guarded stacks.",
        why="A click in the console passes by Pulumi.",
        fix="Set protection.enabled in the stack file.",
        types=tuple(SWITCHES),
        config=GUARDED,
        check=_guarded_by_aws,
    ),
    Rule(
        name="protected-from-deletion",
        says="Pulumi refuses to delete or replace what holds data in guarded stacks.",
        why="A changed name or an immutable property replaces a resource, and what it held is gone.",
        fix="Give it protect=True (Recovery or Protection settings decide in stacks/).",
        types=HOLDS_DATA,
        config=GUARDED,
        check=_guarded_by_pulumi,
    ),
    Rule(
        name="deletion-leaves-something",
        says="Nothing of a guarded stack is deleted with its content and without a last snapshot.",
        why="Where both protections were taken away, it is the last thing that stands between a mistake and the data.",
        fix="Leave force_destroy, force_delete and skip_final_snapshot off; keep a recovery window.",
        types=(*FORCE, "aws:secretsmanager/secret:Secret"),
        config=GUARDED,
        check=_nothing_forced,
    ),
)
