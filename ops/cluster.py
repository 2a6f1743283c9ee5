"""The way to a cluster's API, by the Kubernetes project's own client."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3  # type: ignore[import-untyped]
import urllib3
from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException

from ops.errors import OpsError

TIMEOUT_SECONDS = 30
"""Of one request where nothing else is said; what takes longer is watched, not waited for."""

Unreachable = (ApiException, urllib3.exceptions.HTTPError)
"""What the client raises when a request failed."""


def reason(error: Exception) -> str:
    """In one line, what the API server said, or why it could not be asked."""
    if isinstance(error, ApiException):
        try:
            return f"{error.status}, {json.loads(error.body)['message']}"
        except (TypeError, ValueError, KeyError):
            return f"{error.status}, {error.reason}"
    return str(getattr(error, "reason", None) or error)


@contextmanager
def reached(stack: str) -> Iterator[None]:
    """Within it the client's errors are OpsErrors; `stack` is the name of the one whose cluster is asked."""
    try:
        yield
    except Unreachable as error:
        raise OpsError(f"the cluster of {stack} refused, or doesn't answer: {reason(error)}") from None


def holds(item: Any, condition: str) -> bool:
    """Whether an object's status says of a condition, such as `Ready`, that it is true."""
    return any(each.type == condition and each.status == "True" for each in item.status.conditions or [])


class PatientClient(client.ApiClient):  # type: ignore[misc]
    """The project's client with a limit to its patience: by itself it waits for an answer for ever."""

    def call_api(self, *arguments: Any, _request_timeout: float | None = None, **options: Any) -> Any:
        """As the project's."""
        return super().call_api(*arguments, _request_timeout=_request_timeout or TIMEOUT_SECONDS, **options)


class Cluster:
    """The API groups that the commands use, over one connection pool."""

    def __init__(
        self, api: client.ApiClient, kubectl: Sequence[str] = (), kubeconfig: Mapping[str, Any] | None = None
    ) -> None:
        self.api = api
        self.kubectl = kubectl
        """Options by which `kubectl` reaches it, where the client has no terminal and no pipes."""
        self.kubeconfig = kubeconfig
        """What `kubectl` must be given in a file, where the user has none of this cluster."""
        self.core = client.CoreV1Api(api)
        self.apps = client.AppsV1Api(api)
        self.autoscaling = client.AutoscalingV2Api(api)
        self.batch = client.BatchV1Api(api)
        self.policy = client.PolicyV1Api(api)
        self.custom = client.CustomObjectsApi(api)
        self.version = client.VersionApi(api)

    def get(self, path: str, accept: str = "*/*") -> bytes:
        """What the API server answers, as it is. Raises what the client raises.

        The client's own calls would write a path's slashes as %2F, or make a document of the text.
        """
        answer = self.api.call_api(
            path,
            "GET",
            header_params={"Accept": accept},
            auth_settings=["BearerToken"],
            _preload_content=False,
            _return_http_data_only=True,
        )
        content: bytes = answer.data
        return content

    def close(self) -> None:
        """Close its connections."""
        self.api.close()


def of_kubeconfig(file: Path | None, context: str | None) -> Cluster:
    """The cluster of a kubeconfig (None: the user's own) and a context (None: the current one). Raises OpsError."""
    found = client.Configuration()
    try:
        config.load_kube_config(str(file) if file else None, context=context, client_configuration=found)
    except (config.ConfigException, OSError) as error:
        raise OpsError(f"the kubeconfig can't be used: {error}; set KUBECONFIG to one that can") from None
    # By name, not by content: files that it refers to may lie beside it.
    return Cluster(
        PatientClient(found),
        [*(["--kubeconfig", str(file)] if file else []), *(["--context", context] if context else [])],
    )


def of_eks(name: str, region: str) -> Cluster:
    """The EKS cluster of that name, as `aws eks update-kubeconfig` would describe it. Raises OpsError."""
    try:
        found = boto3.client("eks", region_name=region).describe_cluster(name=name)["cluster"]
    except (BotoCoreError, ClientError) as error:
        raise OpsError(f"cluster {name} in {region} can't be described: {error}") from None
    described = _kubeconfig(name, found, ["eks", "get-token", "--cluster-name", name, "--region", region])
    chosen = client.Configuration()
    config.load_kube_config_from_dict(described, client_configuration=chosen)
    return Cluster(PatientClient(chosen), kubeconfig=described)


def _kubeconfig(name: str, cluster: dict[str, Any], token: list[str]) -> dict[str, Any]:
    login = {
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "command": "aws",
        "args": token,
        "interactiveMode": "Never",
    }
    server = {"server": cluster["endpoint"], "certificate-authority-data": cluster["certificateAuthority"]["data"]}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": server}],
        "users": [{"name": name, "user": {"exec": login}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    }
