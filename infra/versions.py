"""The one table of pinned versions. A Kubernetes version, its add-ons and the charts move together.

Kubernetes: EKS release calendar (standard support of 1.36 ends 2027-08-02).
Add-ons: versions that EKS offers for 1.36, as public clusters of that version report them; `aws eks
describe-addon-versions --kubernetes-version 1.36` lists what is newer.
Charts: the newest releases in November 2026.
"""

from typing import Final

KUBERNETES: Final = "1.36"
"""Of the EKS control plane, the node groups and the pinned Pod Security Standard."""

POSTGRESQL: Final = "18"
"""Major version of RDS PostgreSQL; minor ones are AWS's to roll out."""

VALKEY: Final = "8.2"

ADD_ONS: Final = {
    "vpc-cni": "v1.23.2-eksbuild.1",
    "kube-proxy": "v1.36.0-eksbuild.45",
    "coredns": "v1.14.7-eksbuild.11",
    "eks-pod-identity-agent": "v1.4.0-eksbuild.3",
    "metrics-server": "v0.9.0-eksbuild.11",
}
"""EKS add-ons by their AWS name."""

KUBE_PROMETHEUS_STACK: Final = "92.1.0"
"""Chart of the Prometheus community."""

POSTGRESQL_IMAGE: Final = "docker.io/library/postgres:18-alpine"
VALKEY_IMAGE: Final = "docker.io/valkey/valkey:8.2-alpine"
"""For the `local` stack only, where both run in the cluster."""
