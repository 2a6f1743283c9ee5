"""The cluster autoscaler: as many nodes as pods need."""

from infra import versions
from infra.add_ons.controller import PRIORITY, Controller, Platform
from infra.charts import WITHOUT_PRIVILEGES, Chart
from infra.identity import Permission
from infra.placement import Placement

NAME = "cluster-autoscaler"
REPOSITORY = "https://kubernetes.github.io/autoscaler"


def cluster_autoscaler(platform: Platform, placement: Placement) -> Controller:
    """The autoscaler, which finds the groups of its cluster by the tags that EKS puts on managed ones.

    Its rights are those of the project's "Cluster Autoscaler on AWS": it changes only groups that EKS tagged for this
    cluster, and reads the labels and taints of this cluster's node groups only.
    """
    return Controller(
        Chart(NAME, versions.CLUSTER_AUTOSCALER, REPOSITORY),
        values={
            "fullnameOverride": NAME,
            "autoDiscovery": {"clusterName": platform.cluster},
            "awsRegion": platform.region,
            "image": {"tag": versions.CLUSTER_AUTOSCALER_IMAGE},
            "rbac": {"serviceAccount": {"name": NAME}},
            "replicaCount": 2,  # one leads, the other takes over while the leader's node is drained
            "podDisruptionBudget": {"maxUnavailable": 1},
            "priorityClassName": PRIORITY,
            "resources": {"requests": {"cpu": "100m", "memory": "300Mi"}, "limits": {"memory": "600Mi"}},
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 65534,
                "runAsGroup": 65534,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containerSecurityContext": WITHOUT_PRIVILEGES,
            "extraArgs": {
                "expander": "least-waste",  # of the groups that would do, the one with least left over
                "balance-similar-node-groups": True,  # groups of one kind, such as one a zone, grow evenly
                # The application's `/tmp` is a volume of its node: with the default no node of it would ever go.
                "skip-nodes-with-local-storage": False,
                # What runs in kube-system has disruption budgets, which say enough.
                "skip-nodes-with-system-pods": False,
            },
            **placement.values(),
        },
        permissions=_permissions(platform.region, platform.account_id, platform.cluster),
    )


def _permissions(region: str, account: str, cluster: str) -> dict[str, Permission]:
    return {
        # These read, and have no resource level.
        "SeeGroupsAndTypes": Permission(
            actions=[
                "autoscaling:DescribeAutoScalingGroups",
                "autoscaling:DescribeAutoScalingInstances",
                "autoscaling:DescribeLaunchConfigurations",
                "autoscaling:DescribeScalingActivities",
                "ec2:DescribeImages",
                "ec2:DescribeInstanceTypes",
                "ec2:DescribeLaunchTemplateVersions",
                "ec2:GetInstanceTypesFromInstanceRequirements",
            ],
            resources=["*"],
        ),
        "SeeLabelsOfItsNodeGroups": Permission(
            actions=["eks:DescribeNodegroup"],
            resources=[f"arn:aws:eks:{region}:{account}:nodegroup/{cluster}/*/*"],
        ),
        "ScaleGroupsOfItsCluster": Permission(
            actions=["autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup"],
            resources=[f"arn:aws:autoscaling:{region}:{account}:autoScalingGroup:*:autoScalingGroupName/*"],
            conditions={"StringEquals": {f"aws:ResourceTag/k8s.io/cluster-autoscaler/{cluster}": "owned"}},
        ),
    }
