"""Which versions run: of Kubernetes, of the application, of the database and of the cache."""

from collections.abc import Mapping

from ops.stack import Stack
from ops.workload import APPLICATION, deployments_of

ENGINES: Mapping[str, str] = {
    "aws:rds/instance:Instance": "PostgreSQL",
    "aws:elasticache/replicationGroup:ReplicationGroup": "Valkey",
}
"""Types of the engine's state that know the version of what they are."""


def versions(stack: Stack) -> dict[str, str]:
    """What runs, as the cluster and the engine's state say."""
    found = {"Kubernetes": str(stack.cluster.version.get_code().git_version)}
    images = {each.spec.template.spec.containers[0].image for each in deployments_of(stack, APPLICATION)}
    found["image"] = " and ".join(sorted(images))
    for resource in stack.resources:
        name, outputs = ENGINES.get(resource["type"]), resource.get("outputs") or {}
        version = outputs.get("engineVersionActual") or outputs.get("engineVersion")
        if name and version:
            found[name] = str(version)
    servers = stack.cluster.apps.list_namespaced_stateful_set(stack.namespace)
    for each in servers.items:
        found[each.metadata.name] = str(each.spec.template.spec.containers[0].image)
    return found
