"""`db backup` and `db restore` of stack `local`: real pods, real PostgreSQL, and a file on this machine between them."""

import hashlib
import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from ops.command import Session
from ops.console import Report
from ops.db.backup import db_backup
from ops.db.connect import db_connect
from ops.db.restore import db_restore
from ops.errors import OpsError
from ops.stack import Stack as Operated
from ops.stack_file import changed_text
from rehearsal import places
from tests.cluster.real_node.conftest import Figure
from tests.cluster.real_node.stack import NAMESPACE, Stack
from tests.ops.places import Exported


def asked(stack: Stack, folder: Path) -> Session:
    """A command's session on the cluster of the real node, as on any other one; with the node's own images."""
    text = (places.repository() / "Pulumi.local.yaml").read_text()
    (folder / "Pulumi.local.yaml").write_text(changed_text(text, stack.node.settings))
    engine = Exported({"namespace": NAMESPACE}, stack.rehearsal.kubeconfig, rehearsed=False)
    return Session(Operated(folder, "local", engine), Report(as_json=False, out=StringIO()), yes=True)


def sql(stack: Stack, words: str, database: str = "app") -> str:
    """What PostgreSQL answers in its own pod."""
    return stack.execute("postgresql-0", "psql", "--username=app", f"--dbname={database}", "-qtAc", words).strip()


def test_what_was_deleted_after_a_dump_comes_back_from_a_file_and_the_old_database_is_kept(
    brought_up: Stack, tmp_path: Path, figure: Figure
) -> None:
    sql(brought_up, "INSERT INTO quotes (author, text) SELECT 'Seneca', 'Quote ' || n FROM generate_series(1, 500) n")
    before = int(sql(brought_up, "SELECT count(*) FROM quotes"))
    session = asked(brought_up, tmp_path)
    with session.stack:
        made = db_backup(session, folder=tmp_path)
        assert made is not None
        [copy] = [each for each in tmp_path.iterdir() if each.is_dir()]
        content = (copy / "database.dump").read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (made["dump"]["bytes"], made["dump"]["sha256"])
        assert made["rows"]["public.quotes"] == before

        sql(brought_up, "DELETE FROM quotes")
        beside = db_restore(session, made["name"], into="beside", folder=tmp_path)
        assert beside is not None
        assert beside["kept"] is None
        assert (sql(brought_up, "SELECT count(*) FROM quotes", "beside"), count(brought_up)) == (str(before), 0)

        done = db_restore(session, made["name"], folder=tmp_path)
        assert done is not None
        assert count(brought_up) == before
        assert sql(brought_up, "SELECT count(*) FROM quotes", done["kept"]) == "0"
        brought_up.eventually("the application reads what was restored", lambda: "Quote 500" in quotes(brought_up))
        figure("dump and restore of local", dump=made["seconds"], restore=done["seconds"], bytes=made["dump"]["bytes"])

        (copy / "database.dump").write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        with pytest.raises(OpsError, match="another SHA-256"):
            db_restore(session, made["name"], folder=tmp_path)
        assert count(brought_up) == before
    assert not [pod for pod in brought_up.pods("app.kubernetes.io/name=database-migrate") if "restore" in named(pod)]
    with session.stack:
        assert (db_connect(session, "SELECT count(*) FROM quotes") or {})["status"] == 0
        with pytest.raises(OpsError, match="psql ended with status 1"):
            db_connect(session, "SELECT count(*) FROM nothing")
    for database in ("beside", done["kept"]):
        sql(brought_up, f"DROP DATABASE {database}")


def count(stack: Stack) -> int:
    return int(sql(stack, "SELECT count(*) FROM quotes"))


def quotes(stack: Stack) -> str:
    answer: dict[str, Any] = json.loads(stack.inside("curl", "-s", f"{stack.address}/quotes").stdout or "{}")
    return " ".join(each["text"] for each in answer.get("items", []))


def named(pod: dict[str, Any]) -> str:
    return str(pod["metadata"]["name"])
