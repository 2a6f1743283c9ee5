"""`cleanup`: what is on the list, what is never on it, and what goes."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import boto3  # type: ignore[import-untyped]
import pytest
from moto import mock_aws
from moto.core import DEFAULT_ACCOUNT_ID

from ops import leftovers_aws
from tests.ops.conftest import RehearsedStack
from tests.ops.registry import INDEX

REGION = "eu-west-3"
CLUSTER = "marlinspike-dev"
HOST = f"{DEFAULT_ACCOUNT_ID}.dkr.ecr.{REGION}.amazonaws.com"
TOMORROW = datetime.now(UTC) + timedelta(days=1)
YESTERDAY = datetime.now(UTC) - timedelta(days=1)


def job(name: str) -> dict[str, Any]:
    container = {
        "name": "main",
        "image": "registry.example.net/main:1.0.0",
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    pod = {
        "restartPolicy": "Never",
        "containers": [container],
        "securityContext": {"runAsNonRoot": True, "runAsUser": 10001, "seccompProfile": {"type": "RuntimeDefault"}},
    }
    return {"metadata": {"name": name}, "spec": {"template": {"spec": pod}}}


def test_jobs_that_ended_go_when_somebody_agrees_and_the_program_s_own_stay(rehearsed_stack: RehearsedStack) -> None:
    with rehearsed_stack.opened() as opened:
        batch, namespace = opened.cluster.batch, opened.namespace
        own = {each.metadata.name for each in batch.list_namespaced_job(namespace).items}
        batch.create_namespaced_job(namespace, job("tests-done"))
        try:
            listed: list[dict[str, Any]] = []
            for _ in range(30):
                listed = rehearsed_stack.document("cleanup", "--older-than", "0", "--dry-run")["found"]
                if listed:
                    break
            assert [(each["kind"], each["name"], each["why"]) for each in listed] == [("job", "tests-done", "complete")]
            assert rehearsed_stack.document("cleanup", "--dry-run")["found"] == []  # it is not two weeks old
            refused = rehearsed_stack.run("cleanup", "--older-than", "0")
            assert refused.exit_code == 1
            assert "This would delete these 1 things (0.00 USD a month) on dev" in refused.output
            assert "tests-done" in {each.metadata.name for each in batch.list_namespaced_job(namespace).items}
            done = rehearsed_stack.document("cleanup", "--older-than", "0", "--yes")
            assert done["deleted"] == ["job tests-done"]
            assert {each.metadata.name for each in batch.list_namespaced_job(namespace).items} == own
        finally:
            if "tests-done" in {each.metadata.name for each in batch.list_namespaced_job(namespace).items}:
                batch.delete_namespaced_job("tests-done", namespace, propagation_policy="Background")


class Opened:
    """A stack as far as the lists of AWS look at it; the cluster has one disk and one running image."""

    def __init__(self, image: str, running: str, volume: str) -> None:
        app = SimpleNamespace(images=(image,))
        self.aws = SimpleNamespace(account=SimpleNamespace(region=REGION), app=app, workloads={})
        self.name, self.outputs, self.folder = "dev", {"cluster_name": CLUSTER}, self
        self.engine, self._image = self, image
        disk = SimpleNamespace(spec=SimpleNamespace(csi=SimpleNamespace(volume_handle=volume)))
        container = SimpleNamespace(image=running)
        pod = SimpleNamespace(spec=SimpleNamespace(init_containers=None, containers=[container]))
        core = SimpleNamespace(
            list_persistent_volume=lambda **_: SimpleNamespace(items=[disk]),
            list_pod_for_all_namespaces=lambda **_: SimpleNamespace(items=[pod]),
        )
        self.cluster = SimpleNamespace(core=core)

    def glob(self, _: str) -> list["Opened"]:
        return [self]

    def read_text(self) -> str:
        return json.dumps(
            {"config": {"marlinspike:app": {"image": self._image, "release": {"standby": f"{HOST}/m/app:1.0.2"}}}}
        )

    def history(self) -> list[Mapping[str, Any]]:
        section = {"value": json.dumps({"image": f"{HOST}/m/app:1.0.1"})}
        return [{"kind": "update", "result": "succeeded", "config": {"marlinspike:app": section}}]


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        yield


@pytest.mark.usefixtures("account")
def test_images_that_anything_names_or_runs_and_the_newest_ones_stay() -> None:
    ecr = boto3.client("ecr", region_name=REGION)
    ecr.create_repository(repositoryName="m/app")
    for patch in range(16):
        manifest = json.dumps(
            {"schemaVersion": 2, "mediaType": INDEX, "manifests": [], "annotations": {"n": str(patch)}}
        )
        ecr.put_image(repositoryName="m/app", imageManifest=manifest, imageTag=f"1.0.{patch}")
    digests = {
        each["imageTags"][0]: each["imageDigest"]
        for each in ecr.describe_images(repositoryName="m/app")["imageDetails"]
    }
    stack: Any = Opened(f"{HOST}/m/app@{digests['1.0.0']}", f"{HOST}/m/app:1.0.3", "none")
    # Pushed in the same second: the newest are those of the order in which moto lists them.
    found = [*leftovers_aws.images(stack, TOMORROW)]
    names = {each.name for each in found}
    assert names
    assert not names & {f"m/app:1.0.{patch}" for patch in range(4)}
    assert len(names) <= 16 - leftovers_aws.NEWEST_IMAGES
    assert [*leftovers_aws.images(stack, YESTERDAY)] == []
    assert all(each.gigabytes is not None and each.usd_a_month is not None for each in found)
    found[0].delete()
    left = {each["imageTags"][0] for each in ecr.describe_images(repositoryName="m/app")["imageDetails"]}
    # No more: moto takes others with it, which were pushed in the same second.
    assert found[0].name.rpartition(":")[2] not in left
    assert {"1.0.0", "1.0.3"} <= left


@pytest.mark.usefixtures("account")
def test_disks_of_the_cluster_s_driver_without_a_user_are_found_and_no_others() -> None:
    ec2 = boto3.client("ec2", region_name=REGION)

    def volume(**tags: str) -> str:
        pairs = [{"Key": key.replace("__", "/"), "Value": value} for key, value in tags.items()]
        made = ec2.create_volume(
            AvailabilityZone=f"{REGION}a", Size=20, TagSpecifications=[{"ResourceType": "volume", "Tags": pairs}]
        )
        return str(made["VolumeId"])

    of_driver = {"ebs.csi.aws.com__cluster": "true", "Project": "marlinspike"}
    orphan = volume(**of_driver, Environment="dev", **{"kubernetes.io__created-for__pvc__name": "data"})
    named = volume(**of_driver, Environment="dev")
    volume(**of_driver, Environment="prod")
    volume(Project="marlinspike", Environment="dev")
    stack: Any = Opened("x:1", "x:1", named)
    [found] = leftovers_aws.volumes(stack, TOMORROW)
    assert (found.name, found.why, found.gigabytes) == (orphan, "was for data", 20)
    assert found.usd_a_month == pytest.approx(20 * 0.0928, rel=0.5)
    assert [*leftovers_aws.volumes(stack, YESTERDAY)] == []
    found.delete()
    assert orphan not in {each["VolumeId"] for each in ec2.describe_volumes()["Volumes"]}


@pytest.mark.usefixtures("account")
def test_network_interfaces_that_nodes_left_are_found_and_no_others() -> None:
    ec2 = boto3.client("ec2", region_name=REGION)
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]

    def interface(cluster: str) -> str:
        tags = [{"Key": "cluster.k8s.amazonaws.com/name", "Value": cluster}]
        made = ec2.create_network_interface(
            SubnetId=subnet, TagSpecifications=[{"ResourceType": "network-interface", "Tags": tags}]
        )
        return str(made["NetworkInterface"]["NetworkInterfaceId"])

    left, other = interface(CLUSTER), interface("somebody-elses")
    stack: Any = Opened("x:1", "x:1", "none")
    [found] = leftovers_aws.interfaces(stack, TOMORROW)
    assert found.name == left
    found.delete()
    there = {each["NetworkInterfaceId"] for each in ec2.describe_network_interfaces()["NetworkInterfaces"]}
    assert other in there
    assert left not in there
