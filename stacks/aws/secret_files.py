"""Secrets that the pods of a namespace find as files."""

from collections.abc import Sequence

from pulumi import Input

from infra.add_ons.external_secrets import NAME as EXTERNAL_SECRETS
from infra.secret_store import ExternalSecrets
from stacks.aws.compute import Compute
from stacks.aws.context import Context


def secret_files(
    name: str, secrets: Sequence[str], namespace: Input[str], context: Context, compute: Compute
) -> tuple[ExternalSecrets, ...]:
    """What those pods wait for; nothing where none of them asks."""
    if not secrets:
        return ()
    return (
        ExternalSecrets(
            name,
            context.settings.secret_store,
            secrets,
            namespace,
            context.owner,
            context.region,
            # The add-ons too: without the cluster's DNS the operator finds no store.
            depends_on=[compute.controllers.releases[EXTERNAL_SECRETS], compute.add_ons],
            opts=compute.on_kubernetes,
        ),
    )
