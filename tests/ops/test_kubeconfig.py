"""A kubeconfig as `ops db connect` hands it to kubectl."""

from pathlib import Path

import yaml

from ops.cluster import of_kubeconfig


def test_kubectl_is_told_the_file_and_the_context_by_name(tmp_path: Path) -> None:
    given = {
        "clusters": [
            {"name": "one", "cluster": {"server": "https://127.0.0.1:1"}},
            {"name": "two", "cluster": {"server": "https://127.0.0.1:2"}},
        ],
        "users": [{"name": "me", "user": {"token": "not-a-secret"}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": "me"}} for name in ("one", "two")],
        "current-context": "one",
    }
    file = tmp_path / "kubeconfig"
    file.write_text(yaml.safe_dump(given))
    cluster = of_kubeconfig(file, "two")
    assert cluster.kubectl == ["--kubeconfig", str(file), "--context", "two"]
    assert cluster.api.configuration.host == "https://127.0.0.1:2"
    cluster.close()
