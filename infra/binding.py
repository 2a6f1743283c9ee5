"""How pods become targets of a load balancer: the AWS Load Balancer Controller registers their addresses."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import Input, ResourceOptions

from infra.naming import object_labels


@dataclass(frozen=True)
class PublicEntry:
    """The target groups in which a workload's pods are to be, and what must be there before they can."""

    target_group_arns: Mapping[str, Input[str]]
    """By the version's colour; of `""` where versions do not stand side by side."""
    vpc_id: Input[str]
    depends_on: Sequence[pulumi.Resource]
    """The controller's release, which brings the kind and cleans up after it; and the listeners, without which a target group
    asks no pod for its health."""
    lead_to: Callable[[str, Sequence[pulumi.Resource]], pulumi.Resource] | None = None
    """Where versions stand side by side: sends the requests to one, after what is named."""


def bind(
    name: str,
    namespace: Input[str],
    service: kubernetes.core.v1.Service,
    entry: PublicEntry,
    colour: str,
    parent: pulumi.Resource,
) -> kubernetes.apiextensions.CustomResource:
    """Makes the TargetGroupBinding of the Service's port `http`.

    It comes before the pods: the controller gives readiness gates only to those that come after it. It has no `networking`:
    the security groups' rules are infra/edge.py's.
    """
    return kubernetes.apiextensions.CustomResource(
        f"{name}-binding",
        api_version="elbv2.k8s.aws/v1beta1",
        kind="TargetGroupBinding",
        # Without a name of its own, so that the next one can stand beside it: a target group is replaced without a gap.
        metadata={"namespace": namespace, "labels": object_labels(name)},
        spec={
            "serviceRef": {"name": service.metadata.name, "port": "http"},
            "targetGroupARN": entry.target_group_arns[colour],
            "targetType": "ip",
            "ipAddressType": "ipv4",
            "vpcID": entry.vpc_id,
        },
        opts=ResourceOptions(
            parent=parent,
            depends_on=[service, *entry.depends_on],
            # The controller's webhook refuses another target group in place.
            replace_on_changes=["spec.targetGroupARN"],
        ),
    )
