"""A thin way to the Kubernetes API: requests with plain JSON, errors in the server's own words, server-side apply."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote, urlencode

import urllib3

from rehearsal.control_plane.errors import ControlPlaneError
from rehearsal.kubeconfig import KubeconfigError, own_connection, tls

Manifest = dict[str, Any]

# Where objects of the kinds that the rehearsal itself makes are found; all others are the Kubernetes plugin's business.
_COLLECTIONS: Mapping[tuple[str, str], str] = {
    ("v1", "Node"): "/api/v1/nodes",
    ("v1", "PersistentVolume"): "/api/v1/persistentvolumes",
    ("storage.k8s.io/v1", "StorageClass"): "/apis/storage.k8s.io/v1/storageclasses",
    ("v1", "ServiceAccount"): "/api/v1/namespaces/{namespace}/serviceaccounts",
    ("v1", "ConfigMap"): "/api/v1/namespaces/{namespace}/configmaps",
    ("apps/v1", "Deployment"): "/apis/apps/v1/namespaces/{namespace}/deployments",
    ("rbac.authorization.k8s.io/v1", "ClusterRole"): "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"): "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
    ("v1", "Service"): "/api/v1/namespaces/{namespace}/services",
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition"): "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
    ("apiregistration.k8s.io/v1", "APIService"): "/apis/apiregistration.k8s.io/v1/apiservices",
    ("kwok.x-k8s.io/v1alpha1", "Stage"): "/apis/kwok.x-k8s.io/v1alpha1/stages",
    ("kwok.x-k8s.io/v1alpha1", "ClusterResourceUsage"): "/apis/kwok.x-k8s.io/v1alpha1/clusterresourceusages",
}


class ApiError(ControlPlaneError):
    """The API server refused a request, or did not answer. `status` is the HTTP status, 0 without an answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status

    @property
    def passing(self) -> bool:
        """Whether the same request may well succeed in a moment, as it is while an API server starts.

        404 belongs to it: a namespace or a kind that is just being made.
        """
        return self.status in (0, 404, 429) or self.status >= 500


class Api:
    """One connection pool to the API server of a kubeconfig. Use it as a context manager, or close it."""

    def __init__(self, kubeconfig: Path) -> None:
        try:
            connection = own_connection(kubeconfig)
            secured = tls(connection)
        except KubeconfigError as error:
            raise ApiError(0, f"the kubeconfig {kubeconfig} can't be used: {error}") from error
        self.server = connection.server
        # Nothing is tried twice behind our back: whoever calls knows how long to wait.
        self._pool = urllib3.PoolManager(ssl_context=secured, retries=urllib3.Retry(0, raise_on_status=False))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Gives the connections back."""
        self._pool.clear()

    def get(self, path: str, query: Mapping[str, str] | None = None, timeout_seconds: float = 10) -> Any:
        """What the server answers to GET, decoded from JSON (text that is no JSON stays text)."""
        return self._request("GET", path, query, timeout_seconds=timeout_seconds)

    def items(self, path: str, query: Mapping[str, str] | None = None) -> list[Manifest]:
        """The objects of a collection."""
        found: list[Manifest] = self.get(path, query, timeout_seconds=60)["items"]
        return found

    def create(self, path: str, body: Manifest) -> Any:
        """POSTs an object to a collection, or a subresource such as `eviction`."""
        return self._request("POST", path, None, body, "application/json")

    def merge(self, path: str, body: Manifest) -> Any:
        """Changes fields of an object (JSON merge patch: null removes one)."""
        return self._request("PATCH", path, None, body, "application/merge-patch+json")

    def apply(self, manifest: Manifest, field_manager: str) -> Any:
        """Makes an object be as the manifest says (server-side apply; fields of other managers are taken over)."""
        metadata = manifest["metadata"]
        collection = _COLLECTIONS[manifest["apiVersion"], manifest["kind"]].format(
            namespace=metadata.get("namespace", "")
        )
        return self._request(
            "PATCH",
            f"{collection}/{quote(metadata['name'])}",
            {"fieldManager": field_manager, "force": "true"},
            manifest,
            "application/apply-patch+yaml",  # JSON is YAML
        )

    def delete(self, path: str, options: Manifest | None = None) -> None:
        """Deletes an object; one that is not there is no error."""
        try:
            self._request("DELETE", path, None, options, "application/json")
        except ApiError as error:
            if error.status != 404:
                raise

    def _request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Manifest | None = None,
        content_type: str | None = None,
        timeout_seconds: float = 30,
    ) -> Any:
        url = f"{self.server}{path}" + (f"?{urlencode(query)}" if query else "")
        headers = {"Accept": "application/json", **({"Content-Type": content_type} if content_type else {})}
        try:
            response = self._pool.request(
                method,
                url,
                body=None if body is None else json.dumps(body).encode(),
                headers=headers,
                timeout=timeout_seconds,
            )
        except urllib3.exceptions.HTTPError as error:
            raise ApiError(0, f"{method} {self.server}{path}: no answer ({error})") from error
        content = response.data
        if not 200 <= response.status < 300:
            raise ApiError(response.status, f"{method} {path}: {_message(content)} (HTTP {response.status})")
        try:
            return json.loads(content)
        except ValueError:
            return content.decode(errors="replace")


def _message(content: bytes) -> str:
    """The server's words: of a Status object its message, otherwise the text."""
    try:
        return str(json.loads(content)["message"])
    except (ValueError, KeyError, TypeError):
        return content.decode(errors="replace").strip()[:500]
