"""Faults strike where a rehearsal tells them to."""

import json
from pathlib import Path

import pytest

from rehearsal.plugins.kubernetes.api import ApiServer
from rehearsal.plugins.kubernetes.objects import Kind
from tests.cluster.kubernetes_plugin.conftest import Started
from tests.cluster.kubernetes_plugin.objects import CONFIG_MAP, DEPLOYMENT, config_map, deployment, with_image
from tests.engine_double import OperationFailedError

LOST = {"effect": "lose-answer", "message": "connection reset"}


def faults(folder: Path, *strikes: dict[str, str]) -> dict[str, str]:
    """The variables of a plugin in which each of these strikes one creation."""
    file = folder / "faults.json"
    file.write_text(json.dumps([{"operation": "create", "times": 1, **strike} for strike in strikes]))
    return {"MARLINSPIKE_FAULTS": str(file)}


def test_faults_strike_where_they_are_told_to(
    start: Started, server: ApiServer, namespace: str, tmp_path: Path
) -> None:
    failed = {"type": CONFIG_MAP, "name": "failed", "effect": "fail", "message": "throttled"}
    lost = {"type": CONFIG_MAP, "name": "lost", **LOST}
    faulty = start(faults(tmp_path, failed, lost))
    kind = Kind("v1", "ConfigMap")

    faulty.create(CONFIG_MAP, "failed", config_map(namespace, "failed"), preview=True)
    with pytest.raises(OperationFailedError, match="throttled"):
        faulty.create(CONFIG_MAP, "failed", config_map(namespace, "failed"))
    assert server.get(kind, namespace, "failed") is None
    assert faulty.create(CONFIG_MAP, "failed", config_map(namespace, "failed")).id

    with pytest.raises(OperationFailedError, match="connection reset"):
        faulty.create(CONFIG_MAP, "lost", config_map(namespace, "lost"))
    assert server.get(kind, namespace, "lost") is not None


def test_after_a_lost_answer_the_object_is_taken_over_by_an_upsert(
    start: Started, namespace: str, tmp_path: Path
) -> None:
    faulty = start(faults(tmp_path, {"type": DEPLOYMENT, **LOST}), upsertExistingObjects="true")
    with pytest.raises(OperationFailedError, match="connection reset"):
        faulty.create(DEPLOYMENT, "web", deployment(namespace))
    changed = with_image(deployment(namespace), "registry.example/app:2")
    assert faulty.create(DEPLOYMENT, "web", changed).id == f"{namespace}/web"
