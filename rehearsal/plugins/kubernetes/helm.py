"""Simulated Helm releases.

No chart is fetched and nothing of it runs, but its custom resource definitions exist once the release does.

So a ServiceMonitor that is declared without the operator's release, or not after it, fails as it would on a real
cluster.
"""

import os
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import yaml

from rehearsal.plugins.inputs import Problem
from rehearsal.plugins.kubernetes import readiness
from rehearsal.plugins.kubernetes.api import YAML, ApiError, ApiServer
from rehearsal.plugins.kubernetes.objects import Kind, new_name
from rehearsal.plugins.kubernetes.properties import Properties, plain
from rehearsal.plugins.wire import UNKNOWN, Asset, has_unknown
from rehearsal.variables import DEFINITIONS

_DEFINITION = Kind("apiextensions.k8s.io/v1", "CustomResourceDefinition")
_NAMESPACE = Kind("v1", "Namespace")
_AT_ONCE = 4
_EXACT_VERSION = re.compile(r"v?\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?")
_NAME_LENGTH = 53  # Helm's own limit: 63 less what templates put behind it
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
_DEFINITION_NAME = re.compile(rb"^metadata:\n(?:  [ ]*\S.*\n)*?  name: (\S+)$", re.MULTILINE)
REPLACING = ("name", "namespace")
"""The inputs whose change makes another release."""


def check(inputs: Mapping[str, Any]) -> list[Problem]:
    """The faults of a release's inputs beyond those of their types."""
    failures = []
    values = plain(inputs)
    chart, version = values.get("chart"), values.get("version")
    if isinstance(chart, str):
        repository = values.get("repositoryOpts") or {}
        named = repository is UNKNOWN or (isinstance(repository, Mapping) and repository.get("repo"))
        if not chart:
            failures.append(Problem("chart", "chart must name a chart"))
        elif not named and "://" not in chart and not chart.startswith((".", "/")):
            failures.append(
                Problem(
                    "repositoryOpts",
                    f"chart {chart!r} is in no repository: set repositoryOpts.repo, or give the chart as an oci:// address",
                )
            )
    if version is None:
        failures.append(
            Problem(
                "version",
                "a release must pin the exact chart version, or each deployment may install another one; set version",
            )
        )
    elif isinstance(version, str) and not _EXACT_VERSION.fullmatch(version):
        failures.append(
            Problem("version", f"{version!r} is no exact version such as 1.2.3; ranges install another chart each time")
        )
    name = values.get("name")
    if isinstance(name, str) and name and (len(name) > _NAME_LENGTH or not _NAME.fullmatch(name)):
        failures.append(
            Problem("name", f"release name {name!r} must be a DNS name of at most {_NAME_LENGTH} characters")
        )
    for index, file in enumerate(values.get("valueYamlFiles") or []):
        if not isinstance(file, Asset) and file is not UNKNOWN:
            failures.append(Problem(f"valueYamlFiles[{index}]", "must be an asset, such as pulumi.FileAsset"))
    return failures


def with_defaults(inputs: Properties, old: Properties, urn: str, seed: bytes, namespace: str) -> Properties:
    """The inputs with the release's name and namespace filled in; a generated name stays what it was."""
    filled = dict(inputs)
    if not filled.get("name"):
        filled["name"] = plain(old.get("name")) or new_name(urn, seed)[-_NAME_LENGTH:].lstrip("-.")
    if not filled.get("namespace"):
        filled["namespace"] = namespace or "default"
    return filled


def release_id(inputs: Mapping[str, Any]) -> str:
    """`namespace/name`."""
    return f"{plain(inputs['namespace'])}/{plain(inputs['name'])}"


def outputs(inputs: Properties, revision: int) -> Properties:
    """What a deployed release answers: its inputs, and the status that Helm would report."""
    values = plain(inputs)
    status = {
        "appVersion": UNKNOWN if has_unknown(values.get("version")) else "",
        "chart": chart_name(inputs),
        "name": values["name"],
        "namespace": values["namespace"],
        "revision": revision,
        "status": "deployed",
        "version": values["version"],
    }
    return {"resourceNames": {}, **inputs, "status": {key: value for key, value in status.items() if value != ""}}


def chart_name(inputs: Mapping[str, Any]) -> str:
    """The chart's own name: the last part of an address or a path, without an archive's version and ending."""
    chart = plain(inputs.get("chart", ""))
    last = str(chart).rstrip("/").rpartition("/")[2]
    return re.sub(r"-\d+\.\d+\.\d+.*\.tgz$", "", last)


def install(server: ApiServer, inputs: Properties, report: Callable[[str], None], cancelled: threading.Event) -> int:
    """What an installation leaves on the API server.

    The namespace when it is to be created, and the chart's custom resource definitions.

    As with Helm, definitions that are there already stay as they are. Returns how many the chart has. Raises `ApiError`
    in Helm's words for a missing namespace, `NotReadyError` for a definition that the API server does not take up.
    """
    values = plain(inputs)
    namespace = values["namespace"]
    if values.get("createNamespace"):
        try:
            server.create(
                {
                    "apiVersion": "v1",
                    "kind": "Namespace",
                    "metadata": {"name": namespace, "labels": {"name": namespace}},
                },
                "helm",
            )
        except ApiError as error:
            if error.code != 409:
                raise
    elif server.get(_NAMESPACE, "", namespace) is None:
        raise ApiError(404, "NotFound", f'create: failed to create: namespaces "{namespace}" not found')
    if values.get("skipCrds"):
        return 0
    documents = list(definitions(chart_name(inputs)))
    missing = [document for name, document in documents if server.get(_DEFINITION, "", name) is None]
    path = server.endpoint(_DEFINITION).path()
    report(f"creating {len(missing)} custom resource definitions")
    with ThreadPoolExecutor(_AT_ONCE) as pool:  # the API server needs half a second for a large one
        made = list(
            pool.map(lambda document: server.request("POST", path, {"fieldManager": "helm"}, document, YAML), missing)
        )
    for live in made:
        readiness.wait(server, live, {}, 0, lambda _: None, cancelled)
    server.forget_kinds()
    report("")
    return len(documents)


def definitions(chart: str) -> Iterator[tuple[str, bytes]]:
    """The custom resource definitions that a chart brings, as (name, YAML document)."""
    folder = os.environ.get(DEFINITIONS, "")
    if not folder or not chart:
        return
    for file in sorted((Path(folder) / chart).glob("*.y*ml")):
        for document in re.split(rb"^---[ \t]*$", file.read_bytes(), flags=re.MULTILINE):
            # The largest definitions have half a megabyte: only one that is written in an unusual way is parsed for its
            # name.
            quick = _DEFINITION_NAME.search(document)
            if quick:
                yield quick.group(1).decode().strip("\"'"), document
                continue
            loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
            parsed = yaml.load(document, loader)  # noqa: S506 - both are safe loaders
            if parsed:
                yield parsed["metadata"]["name"], document
