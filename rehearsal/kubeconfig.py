"""Which API server a kubeconfig names, and how to log in there.

A rehearsal speaks to no other server than its own. A kubeconfig that gets its token from `aws eks get-token` belongs to
the simulated EKS cluster: the rehearsal's control plane plays it.
"""

import base64
import binascii
import json
import os
import ssl
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from rehearsal.variables import KUBECONFIG

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_EXEC_TIMEOUT_SECONDS = 30


class KubeconfigError(Exception):
    """A kubeconfig that can't be used; the message says why and never holds a credential."""


@dataclass(frozen=True)
class Connection:
    """Everything needed to speak to one API server; PEM and tokens as text, none of it ever logged."""

    server: str
    authority: str = ""
    certificate: str = ""
    key: str = ""
    token: str = ""
    verify: bool = True
    namespace: str = "default"

    def __repr__(self) -> str:
        return f"Connection({self.server})"


def parse(contents_or_path: str) -> dict[str, Any]:
    """A kubeconfig given as its contents or as a path, as the provider's `kubeconfig` takes it.

    Raises `KubeconfigError`.
    """
    text = contents_or_path
    candidate = (
        Path(contents_or_path).expanduser() if "\n" not in contents_or_path and len(contents_or_path) < 4096 else None
    )
    if candidate is not None and not contents_or_path.lstrip().startswith("{"):
        try:
            text = candidate.read_text(encoding="utf-8")
        except OSError as error:
            raise KubeconfigError(f"the kubeconfig {contents_or_path!r} can't be read: {error.strerror}") from error
    try:
        loaded = yaml.safe_load(text)
    except yaml.YAMLError as error:
        # The parser's message quotes the text, which may hold a credential.
        raise KubeconfigError("the kubeconfig is neither valid YAML nor valid JSON") from error
    if not isinstance(loaded, dict) or not isinstance(loaded.get("clusters"), list):
        raise KubeconfigError("the kubeconfig has no list of `clusters`")
    return loaded


def ambient() -> str:
    """Where client tools look when nothing is said: $KUBECONFIG (its first existing file), else ~/.kube/config."""
    named = [part for part in os.environ.get("KUBECONFIG", "").split(os.pathsep) if part]
    existing = [part for part in named if Path(part).is_file()]
    return (existing or named or [str(Path.home() / ".kube" / "config")])[0]


def active_cluster(config: dict[str, Any], context: str, cluster: str) -> dict[str, Any] | None:
    """The settings of the cluster that a kubeconfig points to, which tell whether another cluster is meant.

    None when there is none.
    """
    chosen = _context(config, context)
    return _named(config, "clusters", "cluster", cluster or chosen.get("cluster", ""))


def connection(config: dict[str, Any], context: str = "", cluster: str = "") -> Connection:
    """The API server that a parsed kubeconfig names.

    Raises `KubeconfigError`, also for a server that is not the rehearsal's.
    """
    rehearsed = os.environ.get(KUBECONFIG, "")
    chosen = _resolve(config, context, cluster)
    if _is_simulated_eks(config, context):
        if not rehearsed:
            raise KubeconfigError(
                "the kubeconfig logs in with `aws eks get-token`, so it belongs to a simulated cluster, but "
                f"{KUBECONFIG} does not say which control plane plays it; start the rehearsal with `make rehearse`"
            )
        return _resolve(parse(rehearsed), "", "", namespace=chosen.namespace)
    own = _resolve(parse(rehearsed), "", "").server if rehearsed else ""
    if own and chosen.server.rstrip("/") != own.rstrip("/"):
        raise KubeconfigError(
            f"the kubeconfig points to {chosen.server}, but a rehearsal applies only to its own control plane at {own}; "
            "unset KUBECONFIG, or name no kubeconfig in the stack"
        )
    if not own and urlsplit(chosen.server).hostname not in _LOOPBACK:
        raise KubeconfigError(
            f"the kubeconfig points to {chosen.server}, which is not on this machine; a rehearsal never leaves it"
        )
    return chosen


def own_connection(kubeconfig: Path) -> Connection:
    """The API server of a kubeconfig that the rehearsal itself wrote. Raises `KubeconfigError`."""
    return _resolve(parse(str(kubeconfig)), "", "")


def _context(config: dict[str, Any], context: str) -> dict[str, Any]:
    name = context or config.get("current-context", "")
    found = _named(config, "contexts", "context", name)
    if found is None and context:
        raise KubeconfigError(f"the kubeconfig has no context {context!r}")
    if found is None and name:
        raise KubeconfigError(f"the kubeconfig's current-context {name!r} is not among its contexts")
    return found or {}


def _named(config: dict[str, Any], section: str, field: str, name: str) -> dict[str, Any] | None:
    for entry in config.get(section) or []:
        if isinstance(entry, dict) and entry.get("name") == name and isinstance(entry.get(field), dict):
            found: dict[str, Any] = entry[field]
            return found
    return None


def _is_simulated_eks(config: dict[str, Any], context: str) -> bool:
    user = _named(config, "users", "user", _context(config, context).get("user", "")) or {}
    command = user.get("exec")
    if not isinstance(command, dict):
        return False
    program = Path(str(command.get("command", ""))).name
    arguments = [str(argument) for argument in command.get("args") or []]
    return program == "aws-iam-authenticator" or (program == "aws" and arguments[:2] == ["eks", "get-token"])


def _resolve(config: dict[str, Any], context: str, cluster: str, namespace: str = "") -> Connection:
    chosen = _context(config, context)
    found = _named(config, "clusters", "cluster", cluster or chosen.get("cluster", ""))
    if found is None:
        raise KubeconfigError(
            f"the kubeconfig has no cluster {cluster or chosen.get('cluster', '')!r}; set its current-context"
        )
    server = found.get("server")
    if not isinstance(server, str) or not server:
        raise KubeconfigError("the kubeconfig's cluster names no server")
    user = _named(config, "users", "user", chosen.get("user", "")) or {}
    credential = user
    if isinstance(user.get("exec"), dict) and not _is_simulated_eks(config, context):
        credential = _executed(user["exec"])
    return Connection(
        server=server,
        authority=_pem(found, "certificate-authority"),
        certificate=_pem(credential, "client-certificate"),
        key=_pem(credential, "client-key"),
        token=str(credential.get("token", "")),
        verify=not found.get("insecure-skip-tls-verify", False),
        namespace=namespace or chosen.get("namespace") or "default",
    )


def _pem(section: dict[str, Any], field: str) -> str:
    data, path = section.get(f"{field}-data"), section.get(field)
    try:
        if data:
            return base64.b64decode(data, validate=True).decode()
        return Path(path).read_text(encoding="utf-8") if path else ""
    except (binascii.Error, ValueError) as error:
        raise KubeconfigError(f"the kubeconfig's {field}-data is not base64") from error
    except OSError as error:
        raise KubeconfigError(f"the kubeconfig's {field} {path!r} can't be read: {error.strerror}") from error


def _executed(command: dict[str, Any]) -> dict[str, Any]:
    """What a credential plugin answers, under the names of a kubeconfig's user."""
    program = [str(command.get("command", "")), *(str(argument) for argument in command.get("args") or [])]
    environment = {entry["name"]: entry["value"] for entry in command.get("env") or []}
    request = json.dumps(
        {"apiVersion": command.get("apiVersion"), "kind": "ExecCredential", "spec": {"interactive": False}}
    )
    try:
        answer = subprocess.run(
            program,
            env={**os.environ, **environment, "KUBERNETES_EXEC_INFO": request},
            capture_output=True,
            timeout=_EXEC_TIMEOUT_SECONDS,
            check=True,
        )
        status = json.loads(answer.stdout)["status"]
    except (OSError, subprocess.SubprocessError, ValueError, KeyError) as error:
        raise KubeconfigError(
            f"the kubeconfig's credential program {program[0]!r} gave no credential ({type(error).__name__})"
        ) from error
    encoded = {
        field: base64.b64encode(status[answered].encode()).decode()
        for field, answered in (
            ("client-certificate-data", "clientCertificateData"),
            ("client-key-data", "clientKeyData"),
        )
        if status.get(answered)
    }
    return {**encoded, "token": status.get("token", "")}


def tls(connection: Connection) -> ssl.SSLContext:
    """How to speak TLS to an API server. Raises `KubeconfigError` when the certificates cannot be used."""
    try:
        context = ssl.create_default_context(cadata=connection.authority or None)
        if not connection.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if connection.certificate:
            # The ssl module takes a client's key from a file only: one that nobody else can read and that is gone at
            # once.
            descriptor, path = tempfile.mkstemp()
            try:
                with os.fdopen(descriptor, "w", encoding="ascii") as file:
                    file.write(f"{connection.certificate}\n{connection.key}")
                context.load_cert_chain(path)
            finally:
                Path(path).unlink()
    except (ssl.SSLError, ValueError) as error:
        raise KubeconfigError(f"the certificates in the kubeconfig can't be used: {error}") from error
    return context
