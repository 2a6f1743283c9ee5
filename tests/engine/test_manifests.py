"""The manifests that a rehearsal leaves are whole, and hold no secret."""

import base64
from pathlib import Path

import yaml

from rehearsal.manifests import SPECIAL, write_manifests

SECRET = {SPECIAL: "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:abc"}


def state(*resources: dict[str, object]) -> dict[str, object]:
    return {"version": 3, "deployment": {"resources": list(resources)}}


def resource(kind: str, **more: object) -> dict[str, object]:
    return {"urn": "urn:pulumi:s::p::k::n", "type": kind, "id": "shop/app-1234", **more}


def test_each_object_has_a_file_of_its_own_with_the_name_that_it_got(tmp_path: Path) -> None:
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"namespace": "shop"},
        "spec": {"replicas": 2},
        "__defaults": [],
    }
    files = write_manifests(state(resource("kubernetes:apps/v1:Deployment", inputs=deployment)), tmp_path / "manifests")
    assert [file.name for file in files] == ["deployment-shop-app-1234.yaml"]
    assert yaml.safe_load(files[0].read_text()) == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"namespace": "shop", "name": "app-1234"},
        "spec": {"replicas": 2},
    }


def test_no_secret_is_written(tmp_path: Path) -> None:
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s"},
        "data": {"a": "aHVudGVyMg=="},
        "stringData": {"b": "hunter2"},
    }
    hidden = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "t"}, "data": SECRET}
    settings = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "c"},
        "data": {"open": "yes", "hidden": SECRET},
    }
    inputs = {"kubernetes:core/v1:Secret": [secret, hidden], "kubernetes:core/v1:ConfigMap": [settings]}
    resources = [resource(kind, inputs=given) for kind, many in inputs.items() for given in many]
    files = write_manifests(state(*resources), tmp_path / "manifests")
    text = "".join(file.read_text() for file in files)
    assert "hunter2" not in text
    assert "aHVudGVyMg" not in text
    assert "ciphertext" not in text
    first = yaml.safe_load((tmp_path / "manifests" / "secret-s.yaml").read_text())
    assert base64.b64decode(first["data"]["a"]) == b"REDACTED"
    assert yaml.safe_load((tmp_path / "manifests" / "configmap-c.yaml").read_text())["data"]["open"] == "yes"


def test_what_is_no_kubernetes_object_is_left_out_and_old_files_go(tmp_path: Path) -> None:
    folder = tmp_path / "manifests"
    folder.mkdir()
    (folder / "gone.yaml").write_text("of an earlier run")
    release = resource("kubernetes:helm.sh/v3:Release", inputs={"chart": "x", "values": {}})
    vpc = resource("aws:ec2/vpc:Vpc", inputs={"cidrBlock": "10.0.0.0/16"})
    assert write_manifests(state(release, vpc), folder) == []
    assert list(folder.iterdir()) == []


def test_the_same_kind_and_name_in_two_groups_are_two_files(tmp_path: Path) -> None:
    both = [
        resource(
            f"kubernetes:{group}/v1:Cluster",
            inputs={"apiVersion": f"{group}/v1", "kind": "Cluster", "metadata": {"name": "a"}},
        )
        for group in ("one.example", "two.example")
    ]
    assert len(write_manifests(state(*both), tmp_path / "manifests")) == 2
    assert len(list((tmp_path / "manifests").iterdir())) == 2
