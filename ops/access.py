"""`access`: who comes into the cluster by the stack file, and who does although it does not say so."""

from typing import Any

import boto3  # type: ignore[import-untyped]

from infra.access import AccessSettings
from ops.aws import asked
from ops.command import Result, Session
from ops.errors import OpsError
from ops.stack import Stack

MAY = {
    "administrators": "anything",
    "deployers": "anything (CI's pulumi up)",
    "readers": "see everything but Secrets",
    "viewers": "see the workloads' namespace, no Secrets",
    "operators": "see, restart, scale and evict there",
}
"""By key of section `cluster`; `namespace_editors` says the namespaces too."""


def access(session: Session) -> Result:
    """List who may do what in the cluster; status 1 when EKS lets somebody in whom the stack file does not name.

    Examples: `python -m ops access --stack prod`
    """
    stack = session.stack
    cluster = stack.aws.cluster
    rows = allowed(cluster)
    session.report.table(f"Access to {stack.name}", ["principal", "section cluster", "may"], rows)
    document: dict[str, Any] = {"allowed": [{"principal": row[0], "key": row[1], "may": row[2]} for row in rows]}
    if stack.rehearsed:
        session.report.say("EKS is played here: nobody else could have been let in")
        return document
    strangers = sorted(_let_in(stack) - {row[0] for row in rows})
    if strangers:
        raise OpsError(
            f"EKS lets in whom {stack.file.name} does not name: {', '.join(strangers)}. After an emergency take them "
            "away again (docs/procedures/emergency-access.md), or write them into section cluster"
        )
    return {**document, "strangers": strangers}


def allowed(settings: AccessSettings) -> list[tuple[str, str, str]]:
    """Principal, key of section `cluster`, and what that lets it do."""
    rows = [(principal, key, may) for key, may in MAY.items() for principal in getattr(settings, key)]
    editors = settings.namespace_editors.items()
    return rows + [
        (principal, "namespace_editors", f"change {', '.join(names)}, Secrets included") for principal, names in editors
    ]


def _let_in(stack: Stack) -> set[str]:
    """The principals of EKS's access entries but those of nodes and of AWS itself."""
    name = str(stack.outputs["cluster_name"])
    client = boto3.client("eks", region_name=str(stack.outputs["region"]))
    with asked("eks"):
        pages = client.get_paginator("list_access_entries").paginate(clusterName=name)
        principals = [str(arn) for page in pages for arn in page["accessEntries"]]
        return {
            arn
            for arn in principals
            if ":role/aws-service-role/" not in arn
            and client.describe_access_entry(clusterName=name, principalArn=arn)["accessEntry"]["type"] == "STANDARD"
        }
