"""Runs in a pod of the application's image, with Python's own library only: makes the Secret of this namespace, once.

Environment: SECRET_NAME. The API server's address and the pod's own token come from Kubernetes' usual places; tests give
others by KUBERNETES_API and SERVICE_ACCOUNT_FOLDER.
"""

import base64
import hashlib
import json
import os
import secrets
import ssl
import sys
import urllib.error
import urllib.request
from pathlib import Path

ALREADY_THERE = 409


def main() -> int:
    """Creates the Secret; one that is there already is left as it is. Returns the exit status."""
    folder = Path(os.environ.get("SERVICE_ACCOUNT_FOLDER", "/var/run/secrets/kubernetes.io/serviceaccount"))
    server = os.environ.get("KUBERNETES_API", "https://kubernetes.default.svc")
    namespace = (folder / "namespace").read_text().strip()
    database, cache = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    digest = hashlib.sha256(cache.encode()).hexdigest()
    values = {
        "database-password": database,
        "cache-password": cache,
        "cache-users.acl": f"user default off\nuser app on #{digest} ~* &* +@all -@dangerous +info\n",
    }
    body = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": os.environ["SECRET_NAME"], "namespace": namespace},
        "immutable": True,
        "data": {key: base64.b64encode(value.encode()).decode() for key, value in values.items()},
    }
    request = urllib.request.Request(  # noqa: S310 - https, and the address is Kubernetes' own
        f"{server}/api/v1/namespaces/{namespace}/secrets",
        data=json.dumps(body).encode(),
        headers={
            "Content-Type": "application/json",
            "Authorization": f"Bearer {(folder / 'token').read_text().strip()}",
        },
    )
    try:
        context = ssl.create_default_context(cafile=str(folder / "ca.crt"))
        with urllib.request.urlopen(request, context=context, timeout=30):  # noqa: S310
            print("made")
    except urllib.error.HTTPError as error:
        if error.code != ALREADY_THERE:
            print(f"the API server refused the Secret: {error.code} {error.read().decode()}", file=sys.stderr)
            return 1
        print("there already")
    return 0


if __name__ == "__main__":
    sys.exit(main())
