"""AWS's services without a way over the internet: interface endpoints, and what may pass these and S3's gateway endpoint."""

import json
from typing import Any

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions

from infra.fence import admit
from infra.identity import policy_of

SERVICES = (
    "ec2",  # nodes that join; VPC CNI, EBS CSI driver, AWS Load Balancer Controller, cluster autoscaler
    "ecr.api",  # kubelet: the token for a pull
    "ecr.dkr",  # containerd: manifests of images; their layers come from S3
    "eks",  # the cluster autoscaler asks about node groups
    "eks-auth",  # the Pod Identity agent of every node
    "secretsmanager",  # the job that makes the database's user; external-secrets
    "elasticloadbalancing",  # AWS Load Balancer Controller
    "autoscaling",  # cluster autoscaler
)
"""Services that nodes and pods of the platform call, by the name that PrivateLink gives them; each costs about 8 USD a month
and zone ("AWS PrivateLink pricing").

Left out: sts (Pod Identity takes its place, and a runner that signs in by OIDC is no principal yet: the policy here would
refuse it), kms (Secrets Manager and EBS use keys on behalf of the caller), rds and elasticache (tokens to log in with are
computed, not asked for), logs (database, cache and control plane write theirs from outside the VPC)."""


def endpoint_policy(account_id: str) -> str:
    """Lets this account's principals through: credentials that were brought along carry nothing out. JSON."""
    return _policy(_own_principals(account_id))


def s3_policy(account_id: str, region: str) -> str:
    """As `endpoint_policy`; and anybody may read the buckets from which AWS and Kubernetes hand out software. JSON."""
    published = [
        # Layers of images in ECR, whoever owns the registry ("Amazon ECR interface VPC endpoints").
        f"prod-{region}-starport-layer-bucket",
        # Layers that registry.k8s.io redirects callers within AWS to (kubernetes/k8s.io#4214).
        f"prod-registry-k8s-io-{region}",
        # Packages of the nodes' operating system ("Amazon Linux 2023 User Guide").
        f"al2023-repos-{region}-de612dc2",
    ]
    return _policy(
        _own_principals(account_id),
        {
            "Sid": "PublishedSoftware",
            "Effect": "Allow",
            "Principal": "*",
            "Action": "s3:GetObject",
            "Resource": [f"arn:aws:s3:::{bucket}/*" for bucket in published],
        },
    )


def _own_principals(account_id: str) -> dict[str, Any]:
    return {
        "Sid": "PrincipalsOfThisAccount",
        "Effect": "Allow",
        "Principal": "*",  # a gateway endpoint knows no other; the condition says who
        "Action": "*",
        "Resource": "*",  # add-ons pull images from registries of AWS's own accounts
        "Condition": {"StringEquals": {"aws:PrincipalAccount": account_id}},
    }


def _policy(*statements: dict[str, Any]) -> str:
    return json.dumps(policy_of(*statements))


class InterfaceEndpoints(pulumi.ComponentResource):
    """An interface endpoint in every given subnet for each of SERVICES, under the service's usual name inside the VPC.

    Type token: `marlinspike:endpoints:InterfaceEndpoints`. Makes the security group that they share, open to the VPC on 443 and
    without a way out, and the endpoints with `endpoint_policy`.
    """

    def __init__(
        self,
        name: str,
        account_id: str,
        region: str,
        vpc_id: Input[str],
        vpc_cidr: str,
        subnet_ids: list[Output[str]],
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("marlinspike:endpoints:InterfaceEndpoints", name, {}, opts)
        child = ResourceOptions(parent=self)
        group = aws.ec2.SecurityGroup(
            f"{name}-group",
            vpc_id=vpc_id,
            description="AWS services, for this VPC only",
            tags={"Name": name},
            opts=child,
        )
        admit(f"{name}-from-vpc", group.id, 443, "From this VPC", child, cidr=vpc_cidr)
        for service in SERVICES:
            logical = f"{name}-{service.replace('.', '-')}"
            aws.ec2.VpcEndpoint(
                logical,
                vpc_id=vpc_id,
                service_name=f"com.amazonaws.{region}.{service}",
                vpc_endpoint_type="Interface",
                subnet_ids=subnet_ids,
                security_group_ids=[group.id],
                private_dns_enabled=True,
                policy=endpoint_policy(account_id),
                tags={"Name": logical},
                opts=child,
            )
        self.register_outputs({})
