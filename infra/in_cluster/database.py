"""PostgreSQL in the cluster, for stacks without AWS."""

import pulumi
from pulumi import Input, ResourceOptions
from pydantic import Field, model_validator

from infra import versions
from infra.connections import DatabaseConnection
from infra.in_cluster.credentials import Credentials
from infra.in_cluster.server import InClusterServer, Server
from infra.parameters import IDLE_IN_TRANSACTION_MILLISECONDS
from infra.pods import SECRETS_FOLDER, ResourcesSettings
from infra.settings import Section, mebibytes

POSTGRESQL_PORT = 5432
USER = "app"
DATABASE = "app"
DATA_FOLDER = "/var/lib/postgresql"
POSTGRES_USER_ID = 70
"""Of the user `postgres` in the Alpine image."""

BACKEND_MEBIBYTES = 2
"""What a connection that does nothing takes beside the shared memory: catalogue caches and buffers, as seen on PostgreSQL 15."""


class InClusterDatabaseSettings(Section):
    """Section `database` of a stack without AWS."""

    image: str = versions.POSTGRESQL_IMAGE
    """For another registry; it must keep the user, the folders and the entry point of the official one."""
    storage_gib: int = Field(2, ge=1, le=1000)
    max_connections: int = Field(50, ge=20, le=1000)
    resources: ResourcesSettings = ResourcesSettings()

    @model_validator(mode="after")
    def _fits_the_container(self) -> "InClusterDatabaseSettings":
        limit = mebibytes(self.resources.memory_limit)
        needed = self.shared_mebibytes + self.max_connections * BACKEND_MEBIBYTES
        if needed > limit:
            raise ValueError(
                f"max_connections {self.max_connections} of {BACKEND_MEBIBYTES} MiB each and {self.shared_mebibytes} MiB of shared "
                f"buffers are more than resources.memory_limit ({limit}Mi), and PostgreSQL would be killed for want of memory; "
                "lower it, or raise the limit"
            )
        return self

    @property
    def shared_mebibytes(self) -> int:
        """A quarter of the memory (PostgreSQL, "Resource Consumption"); the server's own default knows nothing of the limit."""
        return mebibytes(self.resources.memory_limit) // 4

    @property
    def parameters(self) -> dict[str, str]:
        """Of the server, where PostgreSQL's own defaults would not do."""
        return {
            "max_connections": str(self.max_connections),
            "shared_buffers": f"{self.shared_mebibytes}MB",
            # The planner's guess of what the kernel caches: the container's page cache counts towards its limit too.
            "effective_cache_size": f"{self.shared_mebibytes * 2}MB",
            "shared_preload_libraries": "pg_stat_statements",
            "log_min_duration_statement": "500",  # milliseconds
            "idle_in_transaction_session_timeout": str(IDLE_IN_TRANSACTION_MILLISECONDS),
        }


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
                arguments=[word for key, value in settings.parameters.items() for word in ("-c", f"{key}={value}")],
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
