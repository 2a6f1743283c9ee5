"""What the table of instance types says, checked against figures from elsewhere."""

import pytest

from rehearsal.control_plane.instance_types import INSTANCE_TYPES


@pytest.mark.parametrize(
    ("name", "vcpus", "memory_gibibytes", "architecture"),
    [
        ("t3.medium", 2, 4, "amd64"),
        ("t4g.xlarge", 4, 16, "arm64"),
        ("m7g.medium", 1, 4, "arm64"),
        ("m7i.2xlarge", 8, 32, "amd64"),
        ("c7g.xlarge", 4, 8, "arm64"),
        ("c8g.4xlarge", 16, 32, "arm64"),
        ("r8g.large", 2, 16, "arm64"),
    ],
)
def test_sizes_are_those_that_aws_publishes(name: str, vcpus: int, memory_gibibytes: int, architecture: str) -> None:
    known = INSTANCE_TYPES[name]
    assert (known.vcpus, known.memory_gibibytes, known.architecture) == (vcpus, memory_gibibytes, architecture)


def test_sizes_that_do_not_exist_are_not_in_the_table() -> None:
    assert {"m7i.medium", "c7i.medium", "t3.4xlarge", "t4g.4xlarge"}.isdisjoint(INSTANCE_TYPES)


@pytest.mark.parametrize(
    # As EKS nodes report them: 60 m for one core, 70 m for two, 80 m for four, 90 m for eight, 110 m for sixteen.
    ("name", "cpu"),
    [
        ("m7g.medium", "940m"),
        ("m7g.large", "1930m"),
        ("m7g.xlarge", "3920m"),
        ("m7g.2xlarge", "7910m"),
        ("m7g.4xlarge", "15890m"),
    ],
)
def test_cpu_is_reserved_as_eks_does(name: str, cpu: str) -> None:
    assert INSTANCE_TYPES[name].allocatable["cpu"] == cpu


def test_pods_find_some_room_on_every_type() -> None:
    for known in INSTANCE_TYPES.values():
        memory, allocatable = (int(sizes["memory"].removesuffix("Mi")) for sizes in (known.capacity, known.allocatable))
        assert 0 < allocatable < memory < known.memory_gibibytes * 1024, known.name
