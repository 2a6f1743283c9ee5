"""What an archive of objects leaves out, and how it reads an API server's answers."""

from collections.abc import Mapping
from typing import Any

import pytest

from app.exports.objects import NAMES_ONLY, ApiError, collect, stripped

OBJECT: Mapping[str, Any] = {"metadata": {"name": "settings", "namespace": "a", "uid": "1"}, "data": {"key": "value"}}


class Server:
    """Answers as an API server does, of ConfigMaps and Secrets."""

    def __init__(self, pages: list[list[Mapping[str, Any]]], refused: int = 0) -> None:
        self.pages, self.refused = pages, refused

    def get(self, path: str, accept: str) -> Mapping[str, Any]:
        match path.partition("?")[0]:
            case "/version":
                return {"gitVersion": "v1.36.0"}
            case "/apis":
                return {"groups": []}
            case "/api/v1":
                kinds = {"configmaps": "ConfigMap", "secrets": "Secret", "events": "Event"}
                return {"resources": [{"name": n, "kind": k, "verbs": ["list"]} for n, k in kinds.items()]}
            case "/api/v1/configmaps":
                if self.refused:
                    raise ApiError(self.refused, "no")
                number = int(path.partition("continue=")[2] or 0)
                following = str(number + 1) if number + 1 < len(self.pages) else ""
                return {"items": self.pages[number], "metadata": {"continue": following}}
            case "/api/v1/secrets":
                assert accept == NAMES_ONLY, "a Secret's content is never asked for"
                return {"items": None, "metadata": {}}  # as a real one answers when there are none
            case other:
                raise AssertionError(other)


def test_every_page_is_read_and_nobodys_secrets_are_no_fault() -> None:
    second = {**OBJECT, "metadata": {**OBJECT["metadata"], "name": "other"}}
    found = collect(Server([[OBJECT], [second]]).get)
    assert set(found.files) == {"a/ConfigMap/settings.yaml", "a/ConfigMap/other.yaml"}
    assert found.secrets == []


def test_what_a_controller_made_and_what_every_cluster_has_is_left_out() -> None:
    owned = {"metadata": {**OBJECT["metadata"], "name": "owned", "ownerReferences": [{"controller": True}]}}
    root = {"metadata": {**OBJECT["metadata"], "name": "kube-root-ca.crt"}}
    assert set(collect(Server([[OBJECT, owned, root]]).get).files) == {"a/ConfigMap/settings.yaml"}


def test_an_export_that_may_see_nothing_fails_and_so_does_one_whose_server_is_ill() -> None:
    with pytest.raises(ApiError, match="whose role is this"):
        collect(Server([[OBJECT]], refused=403).get)
    with pytest.raises(ApiError, match="no"):
        collect(Server([[OBJECT]], refused=500).get)


def test_a_job_loses_the_labels_by_which_its_controller_finds_its_pods() -> None:
    labels = {"batch.kubernetes.io/controller-uid": "1", "mine": "yes"}
    job = {"kind": "Job", "metadata": {"name": "j", "uid": "1"}, "status": {"succeeded": 1}}
    job["spec"] = {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}}}
    assert stripped(job) == {
        "kind": "Job",
        "metadata": {"name": "j"},
        "spec": {"template": {"metadata": {"labels": {"mine": "yes"}}}},
    }
