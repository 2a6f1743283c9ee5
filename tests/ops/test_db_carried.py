"""`db backup` and `db restore` without a bucket: refusals, and what `kubectl exec` carries. With real pods: test_copies.py."""

from io import StringIO
from pathlib import Path

import pytest
import yaml

from app.exports.place import Folder
from ops.cluster import Cluster, of_kubeconfig
from ops.command import Session
from ops.console import Report
from ops.db.backup import db_backup
from ops.db.pods import executing, received, sent
from ops.db.restore import db_restore
from ops.errors import OpsError
from ops.stack import Stack
from ops.stack_file import changed_text
from tests.app.servers import REPOSITORY
from tests.ops.places import Exported, session

KUBECONFIG = {
    "apiVersion": "v1",
    "kind": "Config",
    "clusters": [{"name": "here", "cluster": {"server": "https://127.0.0.1:1"}}],
    "users": [{"name": "me", "user": {"token": "none"}}],
    "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"}}],
}

OUTPUTS = {"namespace": "marlinspike", "exports_bucket": "exports", "region": "eu-west-3"}


@pytest.mark.parametrize("name", ["prod", "local"])
def test_a_folder_is_for_stacks_without_a_bucket_and_must_hold_the_copy(tmp_path: Path, name: str) -> None:
    with session(name, OUTPUTS, rehearsed=False, yes=True) as (asked, _):
        if name == "prod":
            with pytest.raises(OpsError, match="--folder: stack prod has its copies in a bucket; leave it out"):
                db_backup(asked, folder=tmp_path)
        why = "leave it out" if name == "prod" else "is no complete copy.*Those that are: none"
        with pytest.raises(OpsError, match=why):
            db_restore(asked, "2026-11-22t03-00-00z", folder=tmp_path)


def test_a_restore_where_the_user_makes_no_databases_is_refused_with_other_ways(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.local.yaml").write_text(
        changed_text((REPOSITORY / "Pulumi.local.yaml").read_text(), {"database.operator": "cloudnative-pg"})
    )
    with Stack(tmp_path, "local", Exported(OUTPUTS, None, rehearsed=False)) as stack:
        asked = Session(stack, Report(as_json=False, out=StringIO()), yes=True)
        with pytest.raises(OpsError, match=r"database.operator: with CloudNativePG .* may not make databases"):
            db_restore(asked, "2026-11-22t03-00-00z", folder=tmp_path)


def test_what_kubectl_says_of_a_command_that_fails_is_told_and_half_a_file_is_none(tmp_path: Path) -> None:
    words = ["sh", "-c", "echo half; echo 'pod is gone' >&2; exit 3"]
    with pytest.raises(OpsError, match="status 3: pod is gone"):
        Folder(tmp_path).write("copy/database.dump", received(words))
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    with pytest.raises(OpsError, match="status 3: no space"):
        sent(["sh", "-c", "echo 'no space' >&2; exit 3"], [b"x" * 1024] * 4096)
    sent(["sh", "-c", f"cat > {tmp_path}/whole"], [b"a", b"b"])
    assert (tmp_path / "whole").read_bytes() == b"ab"


def test_kubectl_reads_the_users_own_kubeconfig_where_it_lies_and_that_of_eks_for_as_long_as_it_runs(
    tmp_path: Path,
) -> None:
    own = tmp_path / "config"
    own.write_text(yaml.safe_dump(KUBECONFIG))
    found = of_kubeconfig(own, "here")
    with executing(found, "marlinspike", "psql-1", "psql", "--stdin") as words:
        assert words == [
            *("kubectl", "--kubeconfig", str(own), "--context", "here", "exec", "--namespace", "marlinspike", "psql-1"),
            *("--container", "psql", "--stdin", "--"),
        ]
    with executing(Cluster(found.api, kubeconfig=KUBECONFIG), "marlinspike", "psql-1", "psql") as words:
        file = Path(words[words.index("--kubeconfig") + 1])
        assert yaml.safe_load(file.read_text()) == KUBECONFIG
        assert file.stat().st_mode & 0o077 == 0
    assert not file.exists()
    found.close()
