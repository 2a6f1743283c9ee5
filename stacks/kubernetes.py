"""The way to the Kubernetes API."""

import pulumi_kubernetes as kubernetes
from pulumi import Input, ResourceOptions


def providers(
    context: str | None = None,
    kubeconfig: Input[str] | None = None,
    cluster_identifier: Input[str] | None = None,
    opts: ResourceOptions | None = None,
) -> tuple[kubernetes.Provider, kubernetes.Provider]:
    """Of one cluster: one for what the program makes, one for what Kubernetes makes by itself and the program says more about.

    Only the second takes over objects that exist (decision 4).
    """
    made, existing = (
        kubernetes.Provider(
            name,
            context=context,
            kubeconfig=kubeconfig,
            cluster_identifier=cluster_identifier,
            enable_server_side_apply=True,
            upsert_existing_objects=takes_over,
            opts=opts,
        )
        for name, takes_over in (("kubernetes", None), ("kubernetes-existing", True))
    )
    return made, existing
