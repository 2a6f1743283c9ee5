"""People as the API server knows them: by their groups."""

import json
from pathlib import Path
from typing import Any

import urllib3

from rehearsal.kubeconfig import own_connection, tls


class Person:
    """Somebody of one Kubernetes group, by impersonation; answers are (HTTP status, body)."""

    def __init__(self, kubeconfig: Path, group: str) -> None:
        connection = own_connection(kubeconfig)
        self._server = connection.server
        self._pool = urllib3.PoolManager(ssl_context=tls(connection), retries=False)
        # Authenticated is everybody whom EKS lets in.
        self._who = {"Impersonate-User": "somebody", "Impersonate-Group": group}

    def asks(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        headers = urllib3.HTTPHeaderDict({"Content-Type": kind, **self._who})
        headers.add("Impersonate-Group", "system:authenticated")
        content = None if body is None else json.dumps(body).encode()
        answer = self._pool.request(method, f"{self._server}{path}", body=content, headers=headers, timeout=30)
        return answer.status, json.loads(answer.data)

    def may(self, namespace: str, verb: str, group: str, resource: str) -> bool:
        """What the API server itself says; `resource` may have a subresource: `pods/exec`."""
        kind, _, sub = resource.partition("/")
        asked = {"namespace": namespace, "verb": verb, "group": group, "resource": kind, "subresource": sub}
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": asked},
        }
        status, answer = self.asks("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review)
        assert status == 201, answer
        return bool(answer["status"]["allowed"])
