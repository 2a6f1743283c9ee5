"""The custom resource definitions that charts bring, from the Go modules of the projects that publish them.

No chart repository is needed for them: each operator's module holds the YAML files beside its code, and go.sum pins
their content. The versions are the newest that a Go module proxy serves for each module path; for kube-prometheus-stack
and external-secrets that is an older operator than the pinned chart's, with the same served API versions for what the
platform uses.
"""

import shutil
from pathlib import Path

from rehearsal.toolchain import go
from rehearsal.toolchain.errors import NotAvailable, ToolchainError
from rehearsal.toolchain.store import Say, obtain

MODULE = go.MODULES / "custom-resource-definitions"

SOURCES = {
    "cert-manager": ("github.com/cert-manager/cert-manager", "deploy/crds"),
    "external-secrets": ("github.com/external-secrets/external-secrets", "config/crds/bases"),
    "kube-prometheus-stack": ("github.com/prometheus-operator/prometheus-operator", "example/prometheus-operator-crd"),
}
"""For each chart: the Go module that holds the definitions, and the folder in it."""

DISK_GB = 0.3


def version() -> str:
    """Names the set, by the version of each source: two sets with the same name hold the same definitions."""
    return "-".join(go.required_version(MODULE, path) for path, _folder in SOURCES.values())


def ensure_definitions(cache: Path, say: Say) -> Path:
    """The folder with `<chart name>/*.yaml`. Raises ToolchainError when Go or the network is missing."""
    folder = cache / f"custom-resource-definitions-{version()}"
    return obtain(folder, lambda part: _collect(part, say), say, required=tuple(SOURCES))


def _collect(part: Path, say: Say) -> None:
    try:
        tool = go.find_go()
    except NotAvailable as reason:
        raise ToolchainError(
            "The custom resource definitions of the charts can't be had.",
            f"install Go {go.WANTED_GO} or newer: they are published as parts of Go modules.",
            [f"the Go modules of their projects: {reason}"],
        ) from reason
    say("getting the custom resource definitions of the charts")
    for chart, (path, folder) in SOURCES.items():
        source = go.download(tool, MODULE, path, say=say) / folder
        files = [file for file in sorted(source.glob("*.yaml")) if file.name != "kustomization.yaml"]
        if not files:
            raise ToolchainError(
                f"The module {path} holds no definitions in {folder}.",
                "correct SOURCES in rehearsal/toolchain/definitions.py.",
            )
        (part / chart).mkdir()
        for file in files:
            shutil.copyfile(file, part / chart / file.name)
