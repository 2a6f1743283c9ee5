"""A small client of the Kubernetes API.

Requests over pooled connections, discovery of kinds, errors in the server's words.

It speaks HTTP itself: the official Python client takes several times longer to import than this plugin to start.
"""

import json
import threading
import time
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote, urlencode

import urllib3

from rehearsal.kubeconfig import Connection, KubeconfigError, tls
from rehearsal.plugins.kubernetes.objects import Kind, name_of, namespace_of

_CONNECTIONS = 32  # as many as the engine registers at once on a large machine
_TIMEOUT = urllib3.Timeout(connect=5, read=60)
_REDISCOVER_AFTER_SECONDS = 0.5  # a kind that wasn't there is looked for again after this

Propagation = Literal["Foreground", "Background", "Orphan"]
"""What happens to the objects that a deleted one owns."""

APPLY = "application/apply-patch+yaml"
YAML = "application/yaml"
JSON_PATCH = "application/json-patch+json"
_JSON = "application/json"


class ApiError(Exception):
    """The API server's refusal; the message is its own."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message

    @property
    def is_missing_namespace(self) -> bool:
        """Whether the object's namespace isn't there (yet)."""
        return self.code == 404 and self.message.startswith("namespaces ")


class NoSuchKindError(Exception):
    """The API server does not know the kind: usually a custom resource before its definition.

    In the words of client-go.
    """

    def __init__(self, kind: Kind) -> None:
        super().__init__(f'no matches for kind "{kind.kind}" in version "{kind.api_version}"')
        self.kind = kind


class UnreachableError(Exception):
    """No API server answers where the kubeconfig points to."""


@dataclass(frozen=True)
class Endpoint:
    """Where the objects of one kind are kept."""

    kind: Kind
    plural: str
    namespaced: bool

    def path(self, namespace: str = "", name: str = "") -> str:
        """The URL path of one object, or of the collection when `name` is empty."""
        root = f"/apis/{self.kind.api_version}" if self.kind.group else f"/api/{self.kind.api_version}"
        scope = f"/namespaces/{quote(namespace or 'default', safe='')}" if self.namespaced else ""
        return f"{root}{scope}/{self.plural}" + (f"/{quote(name, safe='')}" if name else "")


class ApiServer:
    """One API server. Safe to use from many threads."""

    def __init__(self, connection: Connection) -> None:
        """Opens no connection yet; raises `UnreachableError` when the certificates in `connection` can't be used."""
        self.url = connection.server.rstrip("/")
        headers = {"User-Agent": "marlinspike-rehearsal", "Accept": _JSON}
        if connection.token:
            headers["Authorization"] = f"Bearer {connection.token}"
        try:
            secured = tls(connection) if self.url.startswith("https://") else None
        except KubeconfigError as error:
            raise UnreachableError(str(error)) from error
        # Only a connection that was never made, or a server that asks for patience, is tried again: other requests may
        # have had an effect.
        retry = urllib3.Retry(
            total=None,
            connect=3,
            read=0,
            status=5,
            redirect=0,
            other=0,
            backoff_factor=0.2,
            status_forcelist=(429,),
            allowed_methods=None,
            raise_on_status=False,
        )
        self._pool = urllib3.PoolManager(
            maxsize=_CONNECTIONS, headers=headers, timeout=_TIMEOUT, retries=retry, ssl_context=secured
        )
        self._kinds: dict[str, tuple[float, dict[str, Endpoint]]] = {}
        self._discovery = threading.Lock()

    def request(
        self,
        method: str,
        path: str,
        query: dict[str, str] | None = None,
        body: bytes | None = None,
        content_type: str = _JSON,
    ) -> dict[str, Any]:
        """One request; returns the decoded answer.

        Raises `ApiError` for any status of 400 and above, `UnreachableError` for none.
        """
        url = self.url + path + (f"?{urlencode(query)}" if query else "")
        extra = {"Content-Type": content_type} if body is not None else {}
        try:
            answer = self._pool.request(method, url, body=body, headers={**self._pool.headers, **extra})
        except urllib3.exceptions.HTTPError as error:
            cause = error.reason if isinstance(error, urllib3.exceptions.MaxRetryError) and error.reason else error
            raise UnreachableError(f"the API server at {self.url} does not answer: {cause}") from error
        try:
            decoded = json.loads(answer.data) if answer.data else {}
        except ValueError:
            decoded = {"message": answer.data[:500].decode(errors="replace")}
        if answer.status >= 400:
            message = decoded.get("message") or f"the server answered {answer.status} to {method} {path}"
            raise ApiError(answer.status, decoded.get("reason", ""), message)
        return dict(decoded)

    def check(self) -> None:
        """Raises `UnreachableError` when no API server answers, or when it doesn't accept the credentials."""
        try:
            self.request("GET", "/version")
        except ApiError as error:
            raise UnreachableError(f"the API server at {self.url} refuses: {error}") from error

    def endpoint(self, kind: Kind) -> Endpoint:
        """Where objects of `kind` are kept. Raises `NoSuchKindError`."""
        with self._discovery:
            fetched, known = self._kinds.get(kind.api_version, (0.0, {}))
            if kind.kind not in known and time.monotonic() - fetched > _REDISCOVER_AFTER_SECONDS:
                known = self._discover(kind.api_version)
                self._kinds[kind.api_version] = (time.monotonic(), known)
        if kind.kind not in known:
            raise NoSuchKindError(kind)
        return known[kind.kind]

    def knows(self, kind: Kind) -> bool:
        """Whether objects of `kind` can be made now."""
        try:
            self.endpoint(kind)
        except NoSuchKindError:
            return False
        return True

    def forget_kinds(self) -> None:
        """Ask again for every kind, since a definition was made or removed."""
        with self._discovery:
            self._kinds.clear()

    def _discover(self, api_version: str) -> dict[str, Endpoint]:
        try:
            answer = self.request("GET", f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}")
        except ApiError as error:
            if error.code == 404:
                return {}
            raise
        found = {}
        for entry in answer.get("resources", []):
            if "/" not in entry["name"]:  # no subresources
                found[entry["kind"]] = Endpoint(Kind(api_version, entry["kind"]), entry["name"], entry["namespaced"])
        return found

    def get(self, kind: Kind, namespace: str, name: str) -> dict[str, Any] | None:
        """The live object, or None. Raises `NoSuchKindError`, `ApiError`."""
        try:
            return self.request("GET", self.endpoint(kind).path(namespace, name))
        except ApiError as error:
            if error.code == 404:
                return None
            raise

    def list(self, kind: Kind, namespace: str, **query: str) -> list[dict[str, Any]]:
        """The live objects of a namespace; `labelSelector` and `fieldSelector` may narrow them."""
        return list(self.request("GET", self.endpoint(kind).path(namespace), query).get("items", []))

    def create(self, manifest: dict[str, Any], manager: str, *, dry_run: bool = False) -> dict[str, Any]:
        """Makes an object that isn't there yet; unknown and duplicate fields are refused.

        Raises `ApiError`: 409 when it exists.
        """
        endpoint = self.endpoint(Kind(manifest["apiVersion"], manifest["kind"]))
        query = {"fieldManager": manager, "fieldValidation": "Strict"} | _dry(dry_run)
        return self.request("POST", endpoint.path(namespace_of(manifest)), query, _encoded(manifest))

    def apply(
        self, manifest: dict[str, Any], manager: str, *, dry_run: bool = False, force: bool = False
    ) -> dict[str, Any]:
        """Server-side apply. Raises `ApiError`: 409 for fields that another manager owns, unless `force`."""
        endpoint = self.endpoint(Kind(manifest["apiVersion"], manifest["kind"]))
        query = {"fieldManager": manager, "fieldValidation": "Strict", "force": str(force).lower()} | _dry(dry_run)
        path = endpoint.path(namespace_of(manifest), name_of(manifest))
        return self.request("PATCH", path, query, _encoded(manifest), APPLY)  # JSON is YAML

    def delete(self, kind: Kind, namespace: str, name: str, propagation: Propagation) -> None:
        """Starts a deletion. Raises `ApiError` with code 404 when the object isn't there."""
        body = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": propagation}
        self.request("DELETE", self.endpoint(kind).path(namespace, name), body=_encoded(body))


def _dry(dry_run: bool) -> dict[str, str]:
    return {"dryRun": "All"} if dry_run else {}


def _encoded(body: dict[str, Any]) -> bytes:
    return json.dumps(body).encode()
