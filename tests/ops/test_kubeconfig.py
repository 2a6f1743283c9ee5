"""A kubeconfig as `ops db connect` hands it to kubectl."""

from pathlib import Path

import yaml

from ops.cluster import of_kubeconfig


def test_a_kubeconfig_can_be_written_elsewhere_whatever_its_paths_are_relative_to(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_text("a certificate")
    given = {
        "clusters": [
            {"name": "one", "cluster": {"server": "https://127.0.0.1:1", "certificate-authority": "ca.crt"}},
            {"name": "two", "cluster": {"server": "https://127.0.0.1:2", "certificate-authority-data": "YQ=="}},
        ],
        "users": [{"name": "me", "user": {"token": "not-a-secret"}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": "me"}} for name in ("one", "two")],
        "current-context": "one",
    }
    file = tmp_path / "kubeconfig"
    file.write_text(yaml.safe_dump(given))
    cluster = of_kubeconfig(file, "two")
    written = yaml.safe_load(yaml.safe_dump(cluster.kubeconfig))
    given["clusters"][0]["cluster"]["certificate-authority"] = str(tmp_path / "ca.crt")  # type: ignore[index]
    assert written == {**given, "current-context": "two"}
    assert cluster.api.configuration.host == "https://127.0.0.1:2"
    cluster.close()
