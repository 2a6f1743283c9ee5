"""EC2 instance types: what they have, and what of it EKS leaves for pods.

Sources:
- vCPUs, memory and architecture: Amazon EC2's instance type pages (general purpose, compute optimized, memory
  optimized).
- Memory that the operating system sees: the hypervisor and the firmware keep some. Karpenter for AWS, which has to
  guess it before a node exists, takes 7.5 % off by default (its setting `vmMemoryOverheadPercent`); so does this table.
- Reserved by EKS: `nodeadm/internal/kubelet/config.go` and `maxpods/maxpods.go` in awslabs/amazon-eks-ami: 255 MiB and
  11 MiB for each pod that may run; 6 % of the first core, 1 % of the second, 0.5 % of the next two, 0.25 % of the
  others; 1 GiB of disk. The kubelet's eviction threshold of 100 MiB (10 % of the disk) comes on top.
- Pods on a node: 110, what EKS recommends with prefix delegation for nodes of up to 30 vCPUs.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Architecture = Literal["amd64", "arm64"]

MAX_PODS = 110
MEMORY_SEEN = 1 - 0.075
EVICTION_THRESHOLD_MEBIBYTES = 100
DISK_GIBIBYTES = 20
"""The root volume of a managed node group, unless its launch template says otherwise."""


@dataclass(frozen=True)
class InstanceType:
    """One instance type, with the sizes that AWS publishes."""

    name: str
    vcpus: int
    memory_gibibytes: int
    architecture: Architecture

    @property
    def capacity(self) -> Mapping[str, str]:
        """What the node reports as its own, as Kubernetes quantities."""
        return {
            "cpu": str(self.vcpus),
            "memory": f"{self._memory_mebibytes}Mi",
            "pods": str(MAX_PODS),
            "ephemeral-storage": f"{DISK_GIBIBYTES}Gi",
        }

    @property
    def allocatable(self) -> Mapping[str, str]:
        """What is left for pods after the reservations of EKS, as Kubernetes quantities."""
        reserved_memory = 255 + 11 * MAX_PODS + EVICTION_THRESHOLD_MEBIBYTES
        disk = DISK_GIBIBYTES - 1 - math.ceil(DISK_GIBIBYTES * 0.1)
        return {
            "cpu": f"{self.vcpus * 1000 - _reserved_millicores(self.vcpus)}m",
            "memory": f"{self._memory_mebibytes - reserved_memory}Mi",
            "pods": str(MAX_PODS),
            "ephemeral-storage": f"{disk}Gi",
        }

    @property
    def _memory_mebibytes(self) -> int:
        return int(self.memory_gibibytes * 1024 * MEMORY_SEEN)


def _reserved_millicores(vcpus: int) -> int:
    # In ten-thousandths of a core's range, as in nodeadm: whole numbers, rounded down.
    ranges = ((0, 1, 600), (1, 2, 100), (2, 4, 50), (4, max(vcpus, 4), 25))
    return sum((min(vcpus, end) - start) * 1000 * share // 10_000 for start, end, share in ranges if vcpus > start)


# vCPUs, and GiB of memory for each, by size.
_SIZES: Mapping[str, int] = {"medium": 1, "large": 2, "xlarge": 4, "2xlarge": 8, "4xlarge": 16}
_FROM_MEDIUM = ("medium", "large", "xlarge", "2xlarge", "4xlarge")
_FROM_LARGE = _FROM_MEDIUM[1:]

# Family: architecture, GiB of memory per vCPU, sizes. Only Graviton families have a `medium` with one vCPU.
_FAMILIES: Mapping[str, tuple[Architecture, int, tuple[str, ...]]] = {
    "m6g": ("arm64", 4, _FROM_MEDIUM),
    "m7g": ("arm64", 4, _FROM_MEDIUM),
    "m8g": ("arm64", 4, _FROM_MEDIUM),
    "m7i": ("amd64", 4, _FROM_LARGE),
    "c7g": ("arm64", 2, _FROM_MEDIUM),
    "c8g": ("arm64", 2, _FROM_MEDIUM),
    "c7i": ("amd64", 2, _FROM_LARGE),
    "r7g": ("arm64", 8, _FROM_MEDIUM),
    "r8g": ("arm64", 8, _FROM_MEDIUM),
}

# The burstable families don't follow that rule (two vCPUs in `medium` and `large` alike), and end at `2xlarge`.
# Smaller sizes than `medium` are left out: with 110 pods reserved for, nothing is left of their memory.
_BURSTABLE_SIZES: Mapping[str, tuple[int, int]] = {
    "medium": (2, 4),
    "large": (2, 8),
    "xlarge": (4, 16),
    "2xlarge": (8, 32),
}
_BURSTABLE: Mapping[str, Architecture] = {"t3": "amd64", "t4g": "arm64"}


def _table() -> dict[str, InstanceType]:
    types = [
        InstanceType(f"{family}.{size}", _SIZES[size], _SIZES[size] * per_vcpu, architecture)
        for family, (architecture, per_vcpu, sizes) in _FAMILIES.items()
        for size in sizes
    ]
    types += [
        InstanceType(f"{family}.{size}", vcpus, memory, architecture)
        for family, architecture in _BURSTABLE.items()
        for size, (vcpus, memory) in _BURSTABLE_SIZES.items()
    ]
    return {known.name: known for known in types}


INSTANCE_TYPES: Mapping[str, InstanceType] = _table()
