"""Valkey in the cluster, for stacks without AWS."""

import pulumi
from pulumi import Input, ResourceOptions
from pydantic import Field, model_validator

from infra import versions
from infra.connections import APPLICATION_USER, VALKEY_PORT, CacheConnection
from infra.in_cluster.credentials import Credentials
from infra.in_cluster.server import InClusterServer, Server
from infra.pods import SECRETS_FOLDER, ResourcesSettings
from infra.settings import Section, mebibytes

DATA_FOLDER = "/data"
VALKEY_USER_ID = 999
"""Of the user `valkey` in the Alpine image."""


class InClusterCacheSettings(Section):
    """Section `cache` of a stack without AWS."""

    image: str = versions.VALKEY_IMAGE
    """For another registry; it must keep the user, the folders and the entry point of the official one."""
    storage_gib: int = Field(1, ge=1, le=1000)
    memory_mebibytes: int = Field(128, ge=16, le=65536)
    """Above which the least recently used keys make room."""
    max_clients: int = Field(1000, ge=10, le=65000)
    resources: ResourcesSettings = ResourcesSettings()

    @model_validator(mode="after")
    def _fits_the_container(self) -> "InClusterCacheSettings":
        # Snapshots copy pages while they run, and buffers and fragmentation need room beside the data.
        limit = mebibytes(self.resources.memory_limit)
        if self.memory_mebibytes * 3 > limit * 2:
            raise ValueError(
                f"memory_mebibytes {self.memory_mebibytes} is more than two thirds of resources.memory_limit ({limit}Mi), and "
                "Valkey would be killed for want of memory; lower it, or raise the limit"
            )
        return self


class InClusterCache(pulumi.ComponentResource):
    """One Valkey pod with append-only file and snapshots on a persistent volume. Type token: `marlinspike:in-cluster:Cache`."""

    connection: CacheConnection

    def __init__(
        self,
        name: str,
        settings: InClusterCacheSettings,
        namespace: Input[str],
        credentials: Credentials,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("marlinspike:in-cluster:Cache", name, {}, opts)
        options = {
            "dir": DATA_FOLDER,
            "aclfile": f"{SECRETS_FOLDER}/cache-users.acl",
            "appendonly": "yes",
            "save": "900 1",
            "maxmemory": f"{settings.memory_mebibytes}mb",
            "maxmemory-policy": "allkeys-lru",
            "maxclients": str(settings.max_clients),
            "slowlog-log-slower-than": "10000",  # microseconds
        }
        server = InClusterServer(
            name,
            Server(
                image=settings.image,
                port=VALKEY_PORT,
                user_id=VALKEY_USER_ID,
                arguments=["valkey-server", *(word for key, value in options.items() for word in (f"--{key}", value))],
                data_folder=DATA_FOLDER,
                # Answers NOAUTH, which is an answer: the probe needs no password.
                probe=["sh", "-c", "valkey-cli ping | grep -qE 'PONG|NOAUTH'"],
            ),
            settings.storage_gib,
            settings.resources,
            namespace,
            credentials,
            opts=ResourceOptions(parent=self),
        )
        self.connection = CacheConnection(host=server.host, user=APPLICATION_USER, authentication="password", tls=False)
        self.register_outputs({})
