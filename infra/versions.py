"""The one table of pinned versions. A Kubernetes version, its add-ons and the charts move together.

Add-ons: versions that EKS offers for 1.36, as public clusters of that version report them; `aws eks
describe-addon-versions --kubernetes-version 1.36` lists what is newer.
Charts: the newest releases in November 2026.
`python -m infra.versions` tells what no longer fits together, or is about to go out of support.
"""

import re
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
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
    "aws-ebs-csi-driver": "v1.66.0-eksbuild.1",
    "eks-node-monitoring-agent": "v1.7.2-eksbuild.1",
}
"""EKS add-ons by their AWS name."""

KUBE_PROMETHEUS_STACK: Final = "92.1.0"
"""Chart of the Prometheus community."""

LOAD_BALANCER_CONTROLLER: Final = "3.5.0"
"""Chart of AWS."""

CLUSTER_AUTOSCALER: Final = "9.59.0"
CLUSTER_AUTOSCALER_IMAGE: Final = "v1.36.1"
"""Chart of the Kubernetes project, and the image of the cluster's minor version: the chart brings an older one. An autoscaler
simulates the scheduler of its own version (Cluster Autoscaler, "Releases")."""

EXTERNAL_SECRETS: Final = "2.12.0"
CERT_MANAGER: Final = "1.21.2"
EXTERNAL_DNS: Final = "1.21.1"
KEDA: Final = "2.21.1"
CLOUDNATIVE_PG: Final = "0.29.0"
"""Charts of their projects."""

FLUENT_BIT: Final = "0.57.5"
OPENTELEMETRY_COLLECTOR: Final = "0.158.3"
"""Charts of their projects: Fluent Bit 5.0, and the collector 0.153.0."""

POSTGRESQL_IMAGE: Final = "docker.io/library/postgres:18-alpine"
CLOUDNATIVE_PG_IMAGE: Final = "ghcr.io/cloudnative-pg/postgresql:18-standard-trixie"
VALKEY_IMAGE: Final = "docker.io/valkey/valkey:8.2-alpine"
"""For the `local` stack only, where they run in the cluster."""

POSTGRESQL_CLIENT_IMAGE: Final = f"public.ecr.aws/docker/library/postgres:{POSTGRESQL}-alpine"
"""The official image as AWS mirrors it, without Docker Hub's limit of pulls: pg_dump must not be older than the server."""

KUBERNETES_SUPPORTED_UNTIL: Final = {
    "1.34": date(2026, 12, 2),
    "1.35": date(2027, 3, 27),
    "1.36": date(2027, 8, 2),
}
"""End of EKS's standard support ("Amazon EKS Kubernetes release calendar")."""

POSTGRESQL_SUPPORTED_UNTIL: Final = {"17": date(2029, 11, 8), "18": date(2030, 11, 14)}
"""The community's last release of a major version (postgresql.org, "Versioning Policy"); RDS's standard support ends after it,
never before. For Valkey AWS has published no date."""

OLDEST_VPC_CNI: Final = {"1.35": (1, 21), "1.36": (1, 22)}
"""The VPC CNI that EKS installs by default in a new cluster of that version: an older one is tested with it by nobody."""

NOTICE: Final = timedelta(days=90)
"""Time for an upgrade through all environments."""

_ADD_ON: Final = re.compile(r"v(\d+)\.(\d+)\.\d+-eksbuild\.\d+")


def faults(today: date) -> list[str]:
    """What does not fit together, or is out of support within 90 days of `today`; none when all is well."""
    return [*mismatches(), *_ends_of_support(today)]


def mismatches() -> Iterator[str]:
    """What in this table does not fit together."""
    for name, version in ADD_ONS.items():
        if not _ADD_ON.fullmatch(version):
            yield f"add-on {name}: {version} is no version of EKS, such as v1.2.3-eksbuild.4"
    for name, version in (
        ("add-on kube-proxy", ADD_ONS["kube-proxy"]),
        ("image of the cluster autoscaler", CLUSTER_AUTOSCALER_IMAGE),
    ):
        if not version.startswith(f"v{KUBERNETES}."):
            yield f"{name}: {version} is not of Kubernetes {KUBERNETES}; take v{KUBERNETES}.x"
    found = _ADD_ON.fullmatch(ADD_ONS["vpc-cni"])
    if KUBERNETES not in OLDEST_VPC_CNI:
        yield f"add-on vpc-cni: OLDEST_VPC_CNI has no entry for Kubernetes {KUBERNETES}; look its default version up"
    elif found and (int(found[1]), int(found[2])) < OLDEST_VPC_CNI[KUBERNETES]:
        least = ".".join(str(part) for part in OLDEST_VPC_CNI[KUBERNETES])
        yield f"add-on vpc-cni: {ADD_ONS['vpc-cni']} is older than Kubernetes {KUBERNETES} needs; at least v{least}"


def _ends_of_support(today: date) -> Iterator[str]:
    for name, version, ends in (
        ("Kubernetes", KUBERNETES, KUBERNETES_SUPPORTED_UNTIL),
        ("PostgreSQL", POSTGRESQL, POSTGRESQL_SUPPORTED_UNTIL),
    ):
        if version not in ends:
            yield f"{name} {version}: the table of ends of support has no entry for it; look it up"
        elif ends[version] - today <= NOTICE:
            yield f"{name} {version}: standard support ends on {ends[version]}, within {NOTICE.days} days; upgrade"


if __name__ == "__main__":
    found = faults(datetime.now(tz=UTC).date())
    for fault in found:
        sys.stderr.write(f"{fault}\n")
    sys.exit(bool(found))
