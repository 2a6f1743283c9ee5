"""The External Secrets Operator's part: when an ExternalSecret asks for it, its value goes from moto into a Secret."""

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from kubernetes import client
from kubernetes.client.exceptions import ApiException

from ops.cluster import Cluster
from ops.secrets_rotate import GROUP, PLURAL, VERSION

FREE: dict[str, Any] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}

KIND: dict[str, Any] = {
    "metadata": {"name": f"{PLURAL}.{GROUP}"},
    "spec": {
        "group": GROUP,
        "scope": "Namespaced",
        "names": {"kind": "ExternalSecret", "plural": PLURAL},
        "versions": [
            {
                "name": VERSION,
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": FREE},
                "subresources": {"status": {}},
            }
        ],
    },
}


class Volume:
    """A Secret in a pod's file system, renewed as the kubelet does: a new folder, and one rename of the link into it."""

    def __init__(self, folder: Path, key: str) -> None:
        self._folder, self._key, self._numbers = folder, key, count()
        folder.mkdir()
        self.file = folder / key
        self.file.symlink_to(f"..data/{key}")

    def renew(self, value: str) -> None:
        link, new = self._folder / "..data", self._folder / f"..{next(self._numbers)}"
        old = link.resolve() if link.exists() else None
        new.mkdir()
        (new / self._key).write_text(value)
        (self._folder / "..data_tmp").symlink_to(new.name)
        (self._folder / "..data_tmp").rename(link)
        if old:
            shutil.rmtree(old)


def define(cluster: Cluster) -> None:
    """Makes the kind known, as the operator's chart does."""
    client.ApiextensionsV1Api(cluster.api).create_custom_resource_definition(KIND)


def external_secret(cluster: Cluster, namespace: str, name: str, path: str) -> None:
    """One that was fetched, long ago."""
    body = {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "ExternalSecret",
        "metadata": {"name": name},
        "spec": {"data": [{"secretKey": "value", "remoteRef": {"key": path}}]},
    }
    cluster.custom.create_namespaced_custom_object(GROUP, VERSION, namespace, PLURAL, body)
    told(cluster, namespace, name, "2026-01-01T00:00:00Z")


def told(cluster: Cluster, namespace: str, name: str, time: str, ready: str = "True") -> None:
    """What the operator writes into the status."""
    status = {"refreshTime": time, "conditions": [{"type": "Ready", "status": ready}]}
    cluster.custom.patch_namespaced_custom_object_status(
        GROUP, VERSION, namespace, PLURAL, name, {"status": status}, _content_type="application/merge-patch+json"
    )


@contextmanager
def operator(
    cluster: Cluster, manager: Any, arrived: Callable[[str, str], None], behind: timedelta = timedelta(0)
) -> Iterator[None]:
    """Fetches whatever is asked for, until the block ends; then calls `arrived` with its namespace and value.

    `manager` is Secrets Manager's client, and `behind` how late the operator's clock is.
    """
    done, seen, failed = threading.Event(), dict[tuple[str, str], str](), list[Exception]()

    def look() -> None:
        for each in cluster.custom.list_cluster_custom_object(GROUP, VERSION, PLURAL)["items"]:
            asked = each["metadata"].get("annotations", {}).get("force-sync")
            key = (each["metadata"]["namespace"], each["metadata"]["name"])
            if asked and seen.get(key) != asked:
                seen[key] = asked
                value = manager.get_secret_value(SecretId=each["spec"]["data"][0]["remoteRef"]["key"])["SecretString"]
                _into_a_secret(cluster, *key, value)
                arrived(key[0], value)
                told(cluster, *key, (datetime.now(tz=UTC) - behind).replace(microsecond=0).isoformat())

    def work() -> None:
        try:
            while not done.wait(0.05):
                look()
        except Exception as error:
            failed.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
    assert failed == []


def _into_a_secret(cluster: Cluster, namespace: str, name: str, value: str) -> None:
    body = {"metadata": {"name": name}, "stringData": {"value": value}}
    try:
        cluster.core.create_namespaced_secret(namespace, body)
    except ApiException as error:
        if error.status != 409:
            raise
        cluster.core.patch_namespaced_secret(name, namespace, body)
