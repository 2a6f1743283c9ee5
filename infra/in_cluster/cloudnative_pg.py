"""PostgreSQL in the cluster as CloudNativePG runs it: its Cluster object, and what the operator makes of it."""

from collections.abc import Mapping

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import Input, Output, ResourceOptions

from infra import versions
from infra.add_ons.cloudnative_pg import NAMESPACE as OPERATOR_NAMESPACE
from infra.application import DATABASE_PASSWORD_KEY
from infra.connections import APPLICATION_USER, POSTGRESQL_PORT, DatabaseConnection
from infra.in_cluster.database import DATABASE, InClusterDatabaseSettings
from infra.naming import object_metadata
from infra.pods import SECRETS_FOLDER, SecretKey
from infra.policies import KUBERNETES_API, Access, Flow, Peer

STATUS_PORT = 8000
"""Where each instance's manager answers the operator (CloudNativePG, "Networking")."""

AUTHORITY_FILE = "database-ca.crt"


class CloudNativePgDatabase(pulumi.ComponentResource):
    """A Cluster of CloudNativePG, awaited until it is healthy. Type token: `marlinspike:in-cluster:CloudNativePgDatabase`.

    The operator makes the Service `<name>-rw`, the Secret `<name>-app` with the password of the application's user, which owns
    the database, and `<name>-ca` with the authority of the server's certificate. None of their values is ever in Pulumi's state.
    """

    connection: DatabaseConnection
    secret_keys: Mapping[str, SecretKey]
    """What a client needs of the operator's Secrets, by the file in which it looks."""

    def __init__(
        self,
        name: str,
        settings: InClusterDatabaseSettings,
        namespace: Input[str],
        depends_on: list[pulumi.Resource] | None = None,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("marlinspike:in-cluster:CloudNativePgDatabase", name, {}, opts)
        kubernetes.apiextensions.CustomResource(
            f"{name}-cluster",
            api_version="postgresql.cnpg.io/v1",
            kind="Cluster",
            metadata={
                **object_metadata(name, namespace),
                # Pods of the first instance, of its making and of standbys: ten minutes, after which the update fails.
                "annotations": {"pulumi.com/waitFor": "condition=Ready", "pulumi.com/timeoutSeconds": "600"},
            },
            spec={
                "instances": settings.instances,
                "imageName": settings.image or versions.CLOUDNATIVE_PG_IMAGE,
                "bootstrap": {"initdb": {"database": DATABASE, "owner": APPLICATION_USER}},
                # Settings of its own are what makes the operator load the library and create the extension.
                "postgresql": {"parameters": {**settings.parameters, "pg_stat_statements.track": "top"}},
                "storage": {"size": f"{settings.storage_gib}Gi"},
                "resources": settings.resources.requirements(),
                # A budget for a single instance would block every drain.
                "enablePDB": settings.instances > 1,
                "enableSuperuserAccess": False,
                "affinity": {"podAntiAffinityType": "preferred"},
            },
            opts=ResourceOptions(parent=self, depends_on=depends_on),
        )
        self.secret_keys = {
            DATABASE_PASSWORD_KEY: SecretKey(f"{name}-app", "password"),
            AUTHORITY_FILE: SecretKey(f"{name}-ca", "ca.crt"),
        }
        self.connection = DatabaseConnection(
            host=Output.concat(name, "-rw.", namespace, ".svc.cluster.local"),
            database=DATABASE,
            authentication="password",
            tls=True,
            authority_file=f"{SECRETS_FOLDER}/{AUTHORITY_FILE}",
        )
        self.register_outputs({})


def operated(name: str) -> Access:
    """What the instances need beside their clients: the operator, each other, and Kubernetes' API for their managers' state.

    The operator labels its pods `app.kubernetes.io/name: postgresql`, whatever the Cluster is called.
    """
    each_other = Flow(Peer(workload=name), ports=(POSTGRESQL_PORT, STATUS_PORT))
    operator = Flow(Peer(namespace=OPERATOR_NAMESPACE), ports=(STATUS_PORT, POSTGRESQL_PORT))
    return Access(ingress=[operator, each_other], egress=[KUBERNETES_API, each_other])
