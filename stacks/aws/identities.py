"""What the pods of the application may do on AWS, one role for each service account."""

from pulumi import Output

from infra.connections import APPLICATION_USER
from infra.identity import Permission, WorkloadIdentity
from stacks.aws.context import BOOTSTRAP, Context
from stacks.aws.data_stores import DataStores
from stacks.aws.exports import export_permissions
from stacks.aws.foundation import Foundation
from stacks.names import APP, MIGRATE, NAMESPACE


def workload_identities(context: Context, foundation: Foundation, data: DataStores) -> dict[str, WorkloadIdentity]:
    """Makes the roles, by service account."""
    log_in = Permission(
        actions=["rds-db:connect"],
        resources=[
            Output.concat(
                f"arn:aws:rds-db:{context.region}:{context.account_id}:dbuser:",
                data.database.resource_id,
                f"/{APPLICATION_USER}",
            )
        ],
    )
    enter_cache = Permission(actions=["elasticache:Connect"], resources=[data.cache.arn, data.cache.user_arn])
    read_master = Permission(actions=["secretsmanager:GetSecretValue"], resources=[data.database.master_secret_arn])
    master = {"MasterSecret": read_master, "ItsKey": Permission(["kms:Decrypt"], [foundation.key.arn])}
    permissions = {
        APP: {"DatabaseLogIn": log_in, "CacheLogIn": enter_cache, **data.files.application_permissions()},
        MIGRATE: {"DatabaseLogIn": log_in},
        BOOTSTRAP: master,
        **export_permissions(data, log_in, master),
    }
    return {
        account: WorkloadIdentity(
            f"{context.name}-{account}",
            foundation.cluster.name,
            NAMESPACE,
            account,
            permissions[account],
            opts=context.on_aws,
        )
        for account in permissions
    }
