"""The kubeconfig that the cluster hands out: that of the rehearsal's real API server.

The real component's one runs `aws eks get-token` against the cluster's endpoint; here that endpoint leads nowhere, and the
control plane stands in its place.
"""

import json
import os
from pathlib import Path
from typing import Any

import yaml

from rehearsal.variables import KUBECONFIG


class KubeconfigError(Exception):
    """There is no control plane to hand out; says what to start."""


def file() -> Path:
    """The control plane's kubeconfig. Raises KubeconfigError when there is none."""
    name = os.environ.get(KUBECONFIG)
    if not name:
        raise KubeconfigError(
            f"{KUBECONFIG} is not set: the eks plugin hands out the kubeconfig of the rehearsal's control plane "
            "and runs only in a rehearsal. Use `make rehearse`."
        )
    if not Path(name).is_file():
        raise KubeconfigError(
            f"{KUBECONFIG} names {name}, which does not exist: the control plane of this rehearsal is not running. "
            "Use `make rehearse`."
        )
    return Path(name)


def content() -> dict[str, Any]:
    """The kubeconfig as an object. Raises KubeconfigError."""
    found = yaml.safe_load(file().read_text())
    if not isinstance(found, dict) or found.get("kind") != "Config":
        raise KubeconfigError(f"{file()} is no kubeconfig")
    return found


def as_json() -> str:
    """The kubeconfig as JSON, with its keys in the order of the file. Raises KubeconfigError."""
    return json.dumps(content())
