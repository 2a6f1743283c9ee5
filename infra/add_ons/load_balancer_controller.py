"""The AWS Load Balancer Controller, for one purpose: pods become targets of a load balancer that the program makes."""

from infra import versions
from infra.add_ons.controller import PRIORITY, Controller, Platform
from infra.charts import Chart
from infra.identity import Permission
from infra.placement import Placement

NAME = "aws-load-balancer-controller"
REPOSITORY = "https://aws.github.io/eks-charts"

UNUSED = ("EnableServiceController", "NLBGatewayAPI", "ALBGatewayAPI", "GatewayListenerSet")
"""Feature gates of what would make load balancers: the program makes them, with their certificate and firewall."""


def load_balancer_controller(platform: Platform, placement: Placement) -> Controller:
    """The controller with the rights for TargetGroupBindings alone, instead of the sixty actions of its published policy.

    After "You only want the LBC to add and remove IPs to already existing target groups" of its installation guide, less
    what only `spec.networking` needs: the program's own security groups let the load balancer reach the pods.
    """
    return Controller(
        Chart(NAME, versions.LOAD_BALANCER_CONTROLLER, REPOSITORY),
        admits_pods=True,
        values={
            "clusterName": platform.cluster,
            # Both would be asked of the instance metadata, which pods cannot reach.
            "region": platform.region,
            "vpcId": platform.vpc_id,
            "serviceAccount": {"name": NAME},
            "replicaCount": 2,
            "podDisruptionBudget": {"maxUnavailable": 1},
            "priorityClassName": PRIORITY,
            "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
            "defaultTags": dict(platform.tags),
            # A new certificate at every upgrade would fail the admission of pods until the new replicas serve it.
            "keepTLSSecret": True,
            # Off: it answers for every Service of the cluster, and refuses them all while it is away (#4140, #4307).
            "enableServiceMutatorWebhook": False,
            "webhookConfig": {"disableIngressValidation": True},
            "createIngressClassResource": False,
            "ingressClassParams": {"create": False},
            "enableBackendSecurityGroup": False,
            "enableShield": False,
            "enableWaf": False,
            "enableWafv2": False,
            "controllerConfig": {"featureGates": dict.fromkeys(UNUSED, False)},
            **placement.values(),
        },
        permissions={
            # None of these has a resource level.
            "FindTargetGroups": Permission(
                actions=[
                    "elasticloadbalancing:DescribeTargetGroups",
                    "elasticloadbalancing:DescribeTargetHealth",
                    "ec2:DescribeSecurityGroups",
                    "ec2:DescribeVpcs",
                ],
                resources=["*"],
            ),
            "RegisterTargetsOfThisStack": Permission(
                actions=["elasticloadbalancing:RegisterTargets", "elasticloadbalancing:DeregisterTargets"],
                resources=[
                    f"arn:aws:elasticloadbalancing:{platform.region}:{platform.account_id}:targetgroup/*/*",
                ],
                conditions={
                    "StringEquals": {f"aws:ResourceTag/{key}": value for key, value in platform.tags.items()},
                },
            ),
        },
    )
