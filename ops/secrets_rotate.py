"""`secrets rotate`: a new value for a secret of the stack, which pods find in their file without a restart."""

import secrets
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import boto3  # type: ignore[import-untyped]
import typer
from kubernetes.client.exceptions import ApiException

from infra.naming import PROJECT
from infra.recovery import source_stack
from infra.secrets import secret_path
from ops.aws import asked
from ops.cluster import Cluster, Unreachable, reason
from ops.command import Result, Session
from ops.errors import OpsError
from stacks.settings import LocalSettings

GROUP, VERSION, PLURAL = "external-secrets.io", "v1", "externalsecrets"

PATIENCE_SECONDS = 120.0
"""For the operator, which was told to fetch at once."""

TICK_SECONDS = 1.1
"""The operator writes down full seconds: so much later than the last time it fetched, the next one is another time."""

FILES_SECONDS = 90
"""After which the kubelet has replaced a file of a Secret that changed (kubernetes.io, "Secrets": sync period and cache)."""

NOT_ROTATED: Mapping[str, str] = {
    "database": (
        "the application logs in to the database with tokens of 15 minutes, and there is no password to rotate. RDS rotates the "
        "master's every 7 days; at once: aws rds modify-db-instance --rotate-master-user-password --apply-immediately"
    ),
    "cache": "the application logs in to the cache with tokens of 15 minutes, and there is no password to rotate",
}
"""Names that one would try, and why there is nothing to do."""


def secrets_rotate(
    session: Session,
    name: Annotated[str, typer.Argument(help="Of section secrets, such as payment-api")],
    generate: Annotated[
        bool,
        typer.Option("--generate", help="Make a value of 43 random characters; else it is read from standard input."),
    ] = False,
) -> Result:
    """Give a secret a new value in Secrets Manager, and let the cluster fetch it at once. No pod is restarted.

    The old value stays there as AWSPREVIOUS. The service that the secret is for must take both until all pods have the new one.

    Examples: `python -m ops secrets rotate payment-api --generate --stack prod --confirm prod`
    """
    stack, report = session.stack, session.report
    if isinstance(stack.platform, LocalSettings):
        raise OpsError(
            "the passwords of this stack are made once, inside the cluster, and their Secret cannot change; a stack that is "
            "destroyed and up again has new ones"
        )
    if name in NOT_ROTATED:
        raise OpsError(NOT_ROTATED[name])
    if stack.aws.secret_store.backend != "aws":
        raise OpsError("the values of this stack's secrets are Vault's; rotate it there, and the cluster fetches it")
    if name not in stack.aws.secrets:
        raise OpsError(
            f"{name} is no secret of {stack.name}; there are: {', '.join(sorted(stack.aws.secrets)) or 'none'}"
        )
    path = secret_path(f"{PROJECT}-{source_stack(stack.name)}", name)
    if session.would(f"give {path} a new value, and let the cluster fetch it"):
        return {"secret": path}
    if stack.rehearsed:
        raise OpsError("a rehearsal's secrets are simulated; rotate the real one, without --rehearsed")
    session.confirm(f"give {path} a new value")
    value = secrets.token_urlsafe(32) if generate else _asked()
    version = put(boto3.client("secretsmanager", region_name=str(stack.outputs["region"])), path, value)
    report.say(f"{path}: version {version} is the current one")
    fetched = fetch(stack.cluster, name, report.say)
    report.say(f"pods have it in their files within {FILES_SECONDS} s" if fetched else "no workload asks for it")
    return {"secret": path, "version": version, "fetched_by": fetched}


def _asked() -> str:
    if sys.stdin.isatty():
        value: str = typer.prompt("New value", hide_input=True, confirmation_prompt=True)
    else:
        value = sys.stdin.read().rstrip("\r\n")
    if not value:
        raise OpsError("there is no value on standard input; nothing was changed. --generate makes one")
    return value


def put(manager: Any, path: str, value: str) -> str:
    """Make it the current value; returns its version. Raises OpsError, never with the value in it."""
    with asked(f"Secrets Manager refused {path}"):
        version: str = manager.put_secret_value(SecretId=path, SecretString=value)["VersionId"]
        stages = manager.describe_secret(SecretId=path)["VersionIdsToStages"]
    if "AWSCURRENT" not in stages.get(version, []):
        raise OpsError(
            f"{path}: version {version} was written, and another one is current; is somebody else rotating it?"
        )
    return version


def fetch(
    cluster: Cluster,
    name: str,
    say: Callable[[str], None],
    patience_seconds: float = PATIENCE_SECONDS,
    poll_seconds: float = 1.0,
) -> list[str]:
    """Let every ExternalSecret of that name fetch at once; returns them once they have. Raises OpsError where one has not."""
    try:
        found = _external_secrets(cluster, name)
        if found:
            time.sleep(TICK_SECONDS)
        for namespace in found:
            # The operator fetches when an annotation changes (External Secrets, "FAQ": manually trigger a refresh).
            body = {"metadata": {"annotations": {"force-sync": datetime.now(tz=UTC).isoformat()}}}
            cluster.custom.patch_namespaced_custom_object(GROUP, VERSION, namespace, PLURAL, name, body)
        until = time.monotonic() + patience_seconds
        for namespace, before in found.items():
            while not _is_fetched(cluster, namespace, name, before):
                if time.monotonic() > until:
                    raise OpsError(
                        f"the new value is in the store, and {namespace}/{name} has not fetched it after "
                        f"{patience_seconds:.0f} s; see: kubectl --namespace {namespace} describe externalsecret {name}"
                    )
                time.sleep(poll_seconds)
            say(f"{namespace}/{name} has fetched it")
    except Unreachable as error:
        raise OpsError(f"the new value is in the store, and the cluster doesn't answer: {reason(error)}") from None
    return [f"{namespace}/{name}" for namespace in found]


def _external_secrets(cluster: Cluster, name: str) -> dict[str, str | None]:
    """Namespaces with one of that name, and when it was fetched last; none where the cluster doesn't know the kind."""
    try:
        every = cluster.custom.list_cluster_custom_object(GROUP, VERSION, PLURAL)
    except ApiException as error:
        if error.status == 404:
            return {}
        raise
    return {
        each["metadata"]["namespace"]: (each.get("status") or {}).get("refreshTime")
        for each in every["items"]
        if each["metadata"]["name"] == name
    }


def _is_fetched(cluster: Cluster, namespace: str, name: str, before: str | None) -> bool:
    """Whether it was fetched anew; by the operator's own clock, of which ours may differ."""
    found = cluster.custom.get_namespaced_custom_object(GROUP, VERSION, namespace, PLURAL, name)
    status = found.get("status") or {}
    ready = any(each["type"] == "Ready" and each["status"] == "True" for each in status.get("conditions") or [])
    return ready and status.get("refreshTime") not in (None, before)
