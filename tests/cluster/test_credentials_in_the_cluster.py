"""The job of stack `local` that makes the passwords: as its pod runs it, on a real API server, with its account's rights only."""

import base64
import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.in_cluster.credentials import SCRIPT, SECRET_NAME
from rehearsal.control_plane import ControlPlane
from rehearsal.control_plane.api import Api, ApiError

ACCOUNT = "credentials"


@pytest.fixture
def run(control_plane: ControlPlane, api: Api, namespace: str, tmp_path: Path) -> Any:
    """Runs the script with a token of an account that may create Secrets in `namespace`, and do nothing else."""
    rbac = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}"
    api.create(f"/api/v1/namespaces/{namespace}/serviceaccounts", {"metadata": {"name": ACCOUNT}})
    rules = [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["create"]}]
    api.create(f"{rbac}/roles", {"metadata": {"name": ACCOUNT}, "rules": rules})
    binding = {
        "metadata": {"name": ACCOUNT},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": ACCOUNT},
        "subjects": [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": namespace}],
    }
    api.create(f"{rbac}/rolebindings", binding)
    token = api.create(f"/api/v1/namespaces/{namespace}/serviceaccounts/{ACCOUNT}/token", {"spec": {}})["status"][
        "token"
    ]
    cluster = yaml.safe_load(control_plane.kubeconfig.read_text())["clusters"][0]["cluster"]
    (tmp_path / "namespace").write_text(namespace)
    (tmp_path / "token").write_text(token)
    (tmp_path / "ca.crt").write_bytes(base64.b64decode(cluster["certificate-authority-data"]))

    def script() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", SCRIPT.read_text()],
            env={
                "PATH": os.environ["PATH"],
                "SECRET_NAME": SECRET_NAME,
                "SERVICE_ACCOUNT_FOLDER": str(tmp_path),
                "KUBERNETES_API": control_plane.server,
            },
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return script


def secret(api: Api, namespace: str) -> dict[str, str]:
    found = api.get(f"/api/v1/namespaces/{namespace}/secrets/{SECRET_NAME}")
    assert found["immutable"] is True
    return {key: base64.b64decode(value).decode() for key, value in found["data"].items()}


def test_the_passwords_are_made_once_and_never_shown(run: Any, api: Api, namespace: str) -> None:
    first = run()
    assert (first.returncode, first.stdout) == (0, "made\n"), first.stderr
    made = secret(api, namespace)
    assert len(made["database-password"]) >= 32
    assert made["database-password"] != made["cache-password"]
    again = run()
    assert (again.returncode, again.stdout) == (0, "there already\n"), again.stderr
    assert secret(api, namespace) == made
    shown = first.stdout + first.stderr + again.stdout + again.stderr
    assert not any(made[key] in shown for key in ("database-password", "cache-password"))


def test_the_caches_users_know_the_password_by_its_digest_only(run: Any, api: Api, namespace: str) -> None:
    run()
    made = secret(api, namespace)
    assert hashlib.sha256(made["cache-password"].encode()).hexdigest() in made["cache-users.acl"]
    assert made["cache-password"] not in made["cache-users.acl"]
    assert made["cache-users.acl"].startswith("user default off\n")


def test_a_refusal_of_the_server_is_told_and_fails_the_job(run: Any, api: Api, namespace: str) -> None:
    api.delete(f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/roles/{ACCOUNT}")
    refused = run()
    assert refused.returncode == 1
    assert "403" in refused.stderr
    with pytest.raises(ApiError, match="not found"):
        secret(api, namespace)
