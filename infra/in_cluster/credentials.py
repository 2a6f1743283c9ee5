"""Passwords for a database and a cache that run in the cluster: made once, by a job, inside the cluster.

Neither Pulumi nor its state ever sees them.
"""

from pathlib import Path

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import Input, ResourceOptions

from infra.jobs import ReleaseJob
from infra.naming import object_metadata
from infra.pods import Runtime
from infra.service_account import service_account

SECRET_NAME = "credentials"  # noqa: S105 - the name of a Secret
SCRIPT = Path(__file__).with_name("make_credentials.py")


class Credentials(pulumi.ComponentResource):
    """A job that makes the Secret `credentials` unless it is there, with a role that may do just that.

    Type token: `marlinspike:in-cluster:Credentials`. The Secret has the keys `database-password`, `cache-password` and
    `cache-users.acl` (Valkey's ACL file, with the password's SHA-256 only).
    """

    secret_name: str
    job: kubernetes.batch.v1.Job

    def __init__(self, name: str, image: str, namespace: Input[str], opts: ResourceOptions | None = None) -> None:
        super().__init__("marlinspike:in-cluster:Credentials", name, {}, opts)
        child = ResourceOptions(parent=self)
        metadata = object_metadata(name, namespace)
        account = service_account(name, namespace, self)
        role = kubernetes.rbac.v1.Role(
            f"{name}-role",
            metadata=metadata,
            rules=[{"api_groups": [""], "resources": ["secrets"], "verbs": ["create"]}],
            opts=child,
        )
        binding = kubernetes.rbac.v1.RoleBinding(
            f"{name}-binding",
            metadata=metadata,
            role_ref={"api_group": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
            subjects=[{"kind": "ServiceAccount", "name": name, "namespace": namespace}],
            opts=child,
        )
        release = ReleaseJob(
            name,
            image=image,
            arguments=["-c", SCRIPT.read_text()],
            namespace=namespace,
            runtime=Runtime(environment={"SECRET_NAME": SECRET_NAME}),
            service_account=name,
            kubernetes_token=True,
            depends_on=[account, role, binding],
            opts=child,
        )
        self.secret_name = SECRET_NAME
        self.job = release.job
        self.register_outputs({})
