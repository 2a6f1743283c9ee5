"""Daily copies of the database and of Kubernetes' objects: who makes them, with which rights, and by which ways."""

import pulumi
from pulumi import Input

from infra.application import migration_environment
from infra.exports.bucket import DATABASE as DATABASE_COPIES
from infra.exports.bucket import OBJECTS as OBJECT_COPIES
from infra.exports.jobs import DUMP, OBJECTS, RESTORE, Exports, Told
from infra.identity import Permission, WorkloadIdentity
from infra.placement import placement_on
from infra.policies import POD_IDENTITY, PUBLIC_APIS, Access, Flow, Peer, aws_api
from stacks.aws.compute import Compute
from stacks.aws.context import Context
from stacks.aws.data_stores import DataStores
from stacks.aws.foundation import Foundation

API_SERVER_PORT = 443
"""Of EKS, behind the Service `kubernetes` too."""


def export_permissions(
    data: DataStores, log_in: Permission, master: dict[str, Permission]
) -> dict[str, dict[str, Permission]]:
    """What each service account may do; none without the section. Who restores makes databases, as the bootstrap's master."""
    if data.exports is None:
        return {}
    return {
        DUMP: {"DatabaseLogIn": log_in, **data.exports.writing(DATABASE_COPIES)},
        OBJECTS: data.exports.writing(OBJECT_COPIES),
        RESTORE: {"DatabaseLogIn": log_in, **master, **data.exports.reading(DATABASE_COPIES)},
    }


def export_accesses(context: Context, foundation: Foundation, to_database: Flow) -> dict[str, Access]:
    """Whom each of them calls; S3 by public addresses, behind its gateway endpoint."""
    if context.settings.exports is None:
        return {}
    network = foundation.network
    to_api_server = Flow(Peer(cidrs=network.control_plane_cidrs), ports=(API_SERVER_PORT,))
    return {
        DUMP: Access(egress=[to_database, POD_IDENTITY, PUBLIC_APIS]),
        OBJECTS: Access(egress=[to_api_server, POD_IDENTITY, PUBLIC_APIS]),
        RESTORE: Access(egress=[to_database, POD_IDENTITY, PUBLIC_APIS, aws_api(network.endpoint_cidrs)]),
    }


def export(
    context: Context,
    data: DataStores,
    compute: Compute,
    namespace: Input[str],
    workload: pulumi.Resource,
    identities: dict[str, WorkloadIdentity],
) -> None:
    """The CronJobs. The application is there before them: the first dump has something to hold."""
    settings, app = context.settings.exports, context.settings.app
    if settings is None or data.exports is None:
        return
    place, database = data.exports.place, migration_environment(data.database.connection, context.region)
    Exports(
        "exports",
        settings,
        Told(
            {
                DUMP: {**database, "EXPORTS_PLACE": place(DATABASE_COPIES)},
                OBJECTS: {"AWS_REGION": context.region, "EXPORTS_PLACE": place(OBJECT_COPIES)},
                RESTORE: {
                    **database,
                    "EXPORTS_PLACE": place(DATABASE_COPIES),
                    "DATABASE_MASTER_SECRET_ARN": data.database.master_secret_arn,
                },
            },
            app.image,
        ),
        namespace,
        placement_on(context.settings.nodes, app.node_group),
        depends_on=[workload, *(identities[account] for account in (DUMP, OBJECTS, RESTORE))],
        opts=compute.on_kubernetes,
    )
