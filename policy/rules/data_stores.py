"""Databases and caches: who reaches them, how they are signed in to, what is kept of them."""

from policy.planned_resource import UNKNOWN, Resource
from policy.rule import GUARDED, Findings, Rule

INSTANCE = "aws:rds/instance:Instance"
REPLICATION_GROUP = "aws:elasticache/replicationGroup:ReplicationGroup"


def _is_private(it: Resource) -> Findings:
    if it.is_on("publiclyAccessible"):
        yield "publiclyAccessible is true: it gets an address that the internet reaches."


def _password_is_managed(it: Resource) -> Findings:
    for key in ("password", "passwordWo", "masterPassword", "masterPasswordWo"):
        if not it.lacks(key):
            yield f"{key} is given by the program."
    made_from_another = not it.lacks("replicateSourceDb") or not it.lacks("snapshotIdentifier")
    if it.is_off("manageMasterUserPassword") and not made_from_another:
        yield "manageMasterUserPassword is not true."


def _cache_asks_who(it: Resource) -> Findings:
    if it.lacks("userGroupIds") and it.lacks("userGroupId") and it.lacks("authToken"):
        yield "It has neither users (userGroupIds) nor a token: whoever reaches it reads and writes."


def _no_open_user(it: Resource) -> Findings:
    if it.is_on("noPasswordRequired") or it["authenticationMode.type"] == "no-password-required":
        yield "The user signs in without a password."


def _backups_are_kept(it: Resource) -> Findings:
    least = it.config["guarded_days"] if it.is_guarded else it.config["days"]
    key = "backupRetentionPeriod" if it.type.startswith("aws:rds/") else "snapshotRetentionLimit"
    if it.type == REPLICATION_GROUP and not it.is_guarded:
        return  # what is lost with a cache is a login
    kept = it[key]
    if kept is not UNKNOWN and (kept or 0) < least and it.lacks("replicateSourceDb"):
        yield f"{key} is {kept or 0} days; {it.stack} keeps at least {least}."


RULES = (
    Rule(
        name="database-is-private",
        says="Databases have no public address.",
        why="A database that the internet reaches is one stolen or guessed credential away from its data.",
        fix="Leave publicly_accessible out, and reach it from the VPC.",
        types=(INSTANCE, "aws:rds/clusterInstance:ClusterInstance", "aws:redshift/cluster:Cluster"),
        check=_is_private,
    ),
    Rule(
        name="database-password-is-managed",
        says="The password of a database's master user is made and kept by RDS.",
        why="A password that the program knows stands in its state, its plans and whoever reads them.",
        fix="Set manage_master_user_password, and let applications sign in with IAM.",
        types=(INSTANCE, "aws:rds/cluster:Cluster"),
        check=_password_is_managed,
    ),
    Rule(
        name="cache-asks-who",
        says="Caches know their users.",
        why="Sessions lie in it: whoever reads them is signed in as somebody else.",
        fix="Give it user_group_ids with users that sign in with IAM.",
        types=(REPLICATION_GROUP, "aws:elasticache/serverlessCache:ServerlessCache"),
        check=_cache_asks_who,
    ),
    Rule(
        name="cache-user-proves-it",
        says="No user of a cache signs in without proof.",
        why="A user without a password is everybody who reaches the cache.",
        fix="Set authentication_mode to iam.",
        types=("aws:elasticache/user:User",),
        check=_no_open_user,
    ),
    Rule(
        name="backups-are-kept",
        says="Databases are backed up, longer where data must survive; caches too there.",
        why="Without backups a dropped table or a lost instance is final.",
        fix="Raise backup_days of section database (snapshot_days of cache) in the stack file.",
        types=(INSTANCE, "aws:rds/cluster:Cluster", REPLICATION_GROUP),
        config={
            **GUARDED,
            "days": {"type": "integer", "minimum": 1, "default": 1, "description": "Least days of backups."},
            "guarded_days": {
                "type": "integer",
                "minimum": 1,
                "default": 7,
                "description": "The same in guarded stacks.",
            },
        },
        check=_backups_are_kept,
    ),
)
