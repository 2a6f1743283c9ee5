"""PostgreSQL in the cluster, for stacks without AWS."""

from collections.abc import Mapping
from typing import Literal

import pulumi
from pulumi import Input, ResourceOptions
from pydantic import Field, model_validator

from infra import versions
from infra.application import DATABASE_PASSWORD_KEY
from infra.connections import APPLICATION_USER, POSTGRESQL_PORT, DatabaseConnection
from infra.in_cluster.credentials import Credentials
from infra.in_cluster.server import InClusterServer, Server
from infra.parameters import IDLE_IN_TRANSACTION_MILLISECONDS
from infra.pods import SECRETS_FOLDER, ResourcesSettings, SecretKey
from infra.settings import Section, mebibytes

DATABASE = "app"
DATA_FOLDER = "/var/lib/postgresql"
POSTGRES_USER_ID = 70
"""Of the user `postgres` in the Alpine image."""

BACKEND_MEBIBYTES = 2
"""What a connection takes beside the shared memory when it is idle again: 1.6 MiB were measured on PostgreSQL 15."""


class InClusterDatabaseSettings(Section):
    """Section `database` of a stack without AWS."""

    operator: Literal["cloudnative-pg"] | None = None
    """Who runs PostgreSQL: CloudNativePG, where the cluster has it (or `add_ons.cloudnative_pg` installs it); otherwise it is one
    pod of a StatefulSet. Their data are not moved from one to the other."""
    instances: int = Field(1, ge=1, le=5)
    """With CloudNativePG: one that is written to, and standbys of which one takes over."""
    image: str | None = None
    """For another registry. Without an operator it must keep the user, the folders and the entry point of the official image,
    with CloudNativePG those of its own."""
    storage_gib: int = Field(2, ge=1, le=1000)
    max_connections: int = Field(50, ge=20, le=1000)
    resources: ResourcesSettings = ResourcesSettings()

    @model_validator(mode="after")
    def _standbys_need_an_operator(self) -> "InClusterDatabaseSettings":
        if self.instances > 1 and self.operator is None:
            raise ValueError(
                f"instances: {self.instances} need an operator that copies the data and lets one take over; set operator to "
                "cloudnative-pg, or leave it out"
            )
        return self

    @model_validator(mode="after")
    def _fits_the_container(self) -> "InClusterDatabaseSettings":
        limit = mebibytes(self.resources.memory_limit)
        needed = self.shared_mebibytes + self.max_connections * BACKEND_MEBIBYTES
        if needed > limit:
            raise ValueError(
                f"max_connections {self.max_connections} of {BACKEND_MEBIBYTES} MiB each and {self.shared_mebibytes} MiB of "
                f"shared buffers are more than resources.memory_limit ({limit}Mi), and PostgreSQL would be "
                "killed for want of memory; lower it, or raise the limit"
            )
        return self

    @property
    def shared_mebibytes(self) -> int:
        """A quarter of the memory (PostgreSQL, "Resource Consumption"); the server's own default knows nothing of the limit."""
        return mebibytes(self.resources.memory_limit) // 4

    @property
    def parameters(self) -> dict[str, str]:
        """Of the server, whoever runs it, where PostgreSQL's own defaults would not do."""
        return {
            "max_connections": str(self.max_connections),
            "shared_buffers": f"{self.shared_mebibytes}MB",
            # The planner's guess of what the kernel caches: the container's page cache counts towards its limit too.
            "effective_cache_size": f"{self.shared_mebibytes * 2}MB",
            "log_min_duration_statement": "500",  # milliseconds
            "idle_in_transaction_session_timeout": str(IDLE_IN_TRANSACTION_MILLISECONDS),
        }


class InClusterDatabase(pulumi.ComponentResource):
    """One PostgreSQL pod with a persistent volume. Type token: `marlinspike:in-cluster:Database`."""

    connection: DatabaseConnection
    secret_keys: Mapping[str, SecretKey]
    """None: its password is among the credentials."""

    def __init__(
        self,
        name: str,
        settings: InClusterDatabaseSettings,
        namespace: Input[str],
        credentials: Credentials,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("marlinspike:in-cluster:Database", name, {}, opts)
        parameters = {**settings.parameters, "shared_preload_libraries": "pg_stat_statements"}
        server = InClusterServer(
            name,
            Server(
                image=settings.image or versions.POSTGRESQL_IMAGE,
                port=POSTGRESQL_PORT,
                user_id=POSTGRES_USER_ID,
                arguments=[word for key, value in parameters.items() for word in ("-c", f"{key}={value}")],
                data_folder=DATA_FOLDER,
                probe=["pg_isready", "--username", APPLICATION_USER, "--dbname", DATABASE],
                environment={
                    "POSTGRES_USER": APPLICATION_USER,
                    "POSTGRES_DB": DATABASE,
                    "POSTGRES_PASSWORD_FILE": f"{SECRETS_FOLDER}/{DATABASE_PASSWORD_KEY}",
                },
                writable=("/var/run/postgresql",),
            ),
            settings.storage_gib,
            settings.resources,
            namespace,
            credentials,
            opts=ResourceOptions(parent=self),
        )
        self.secret_keys = {}
        self.connection = DatabaseConnection(host=server.host, database=DATABASE, authentication="password", tls=False)
        self.register_outputs({})
