"""PostgreSQL in the cluster, for stacks without AWS."""

import pulumi
from pulumi import Input, ResourceOptions
from pydantic import Field

from infra import versions
from infra.connections import DatabaseConnection
from infra.in_cluster.credentials import Credentials
from infra.in_cluster.server import InClusterServer, Server
from infra.pods import SECRETS_FOLDER, ResourcesSettings
from infra.settings import Section

POSTGRESQL_PORT = 5432
USER = "app"
DATABASE = "app"
DATA_FOLDER = "/var/lib/postgresql"
POSTGRES_USER_ID = 70
"""Of the user `postgres` in the Alpine image."""


class InClusterDatabaseSettings(Section):
    """Section `database` of a stack without AWS."""

    image: str = versions.POSTGRESQL_IMAGE
    """For another registry; it must keep the user, the folders and the entry point of the official one."""
    storage_gib: int = Field(2, ge=1, le=1000)
    max_connections: int = Field(50, ge=20, le=1000)
    resources: ResourcesSettings = ResourcesSettings()


class InClusterDatabase(pulumi.ComponentResource):
    """One PostgreSQL pod with a persistent volume. Type token: `marlinspike:in-cluster:Database`."""

    connection: DatabaseConnection

    def __init__(
        self,
        name: str,
        settings: InClusterDatabaseSettings,
        namespace: Input[str],
        credentials: Credentials,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("marlinspike:in-cluster:Database", name, {}, opts)
        server = InClusterServer(
            name,
            Server(
                image=settings.image,
                port=POSTGRESQL_PORT,
                user_id=POSTGRES_USER_ID,
                arguments=[
                    "-c",
                    f"max_connections={settings.max_connections}",
                    "-c",
                    "shared_preload_libraries=pg_stat_statements",
                    "-c",
                    "log_min_duration_statement=500",
                ],
                data_folder=DATA_FOLDER,
                probe=["pg_isready", "--username", USER, "--dbname", DATABASE],
                environment={
                    "POSTGRES_USER": USER,
                    "POSTGRES_DB": DATABASE,
                    "POSTGRES_PASSWORD_FILE": f"{SECRETS_FOLDER}/database-password",
                },
                writable=("/var/run/postgresql",),
            ),
            storage_gib=settings.storage_gib,
            resources=settings.resources,
            namespace=namespace,
            secret_name=credentials.secret_name,
            depends_on=[credentials.job],
            opts=ResourceOptions(parent=self),
        )
        self.connection = DatabaseConnection(
            host=server.host, database=DATABASE, user=USER, authentication="password", tls=False, port=POSTGRESQL_PORT
        )
        self.register_outputs({})
