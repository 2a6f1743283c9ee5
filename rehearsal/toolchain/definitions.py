"""The custom resource definitions that charts bring, from the projects that publish them.

No chart repository is needed for them: each operator's Go module holds the YAML files beside its code, and so does the
archive of its sources where there is no Go. Whichever way they come, each file must have the SHA-256 that is committed
here. The versions are the newest that a Go module proxy serves under each module path; for kube-prometheus-stack,
external-secrets and the AWS Load Balancer Controller (chart 3.2.2) that is an older operator than the pinned chart's, with
the same served API versions for what the platform uses.
"""

import re
import shutil
import tarfile
from dataclasses import dataclass
from pathlib import Path

from rehearsal.say import Say
from rehearsal.toolchain import download, go
from rehearsal.toolchain.disk import require_free
from rehearsal.toolchain.errors import NotAvailable, ToolchainError
from rehearsal.toolchain.store import CHECKSUMS, obtain, sha256

MODULE = go.MODULES / "custom-resource-definitions"
"""Beside go.mod and go.sum: `SHA256SUMS`, the checksums of every definition."""


@dataclass(frozen=True)
class Source:
    """Where a chart's definitions are: the Go module, the folder in it, and the project where that is not the module's path."""

    module: str
    folder: str
    project: str = ""

    @property
    def archive(self) -> str:
        """Address of the sources of the pinned version. A version that Go made up names its commit at the end."""
        version = go.required_version(MODULE, self.module)
        made_up = re.fullmatch(r"v0\.0\.0-\d{14}-([0-9a-f]{12})", version)
        revision = made_up[1] if made_up else f"refs/tags/{version}"
        return ARCHIVE.format(project=self.project or self.module, revision=revision)


SOURCES = {
    "cert-manager": Source("github.com/cert-manager/cert-manager", "deploy/crds"),
    "external-secrets": Source("github.com/external-secrets/external-secrets", "config/crds/bases"),
    "kube-prometheus-stack": Source(
        "github.com/prometheus-operator/prometheus-operator", "example/prometheus-operator-crd"
    ),
    "aws-load-balancer-controller": Source(
        "sigs.k8s.io/aws-load-balancer-controller",
        "config/crd/bases",
        project="github.com/kubernetes-sigs/aws-load-balancer-controller",
    ),
    "keda": Source("github.com/kedacore/keda/v2", "config/crd/bases", project="github.com/kedacore/keda"),
    "cloudnative-pg": Source("github.com/cloudnative-pg/cloudnative-pg", "config/crd/bases"),
}
"""By chart."""

DISK_GB = 0.4
"""The six modules or archives, unpacked, in 10^9 bytes."""

ARCHIVE = "https://{project}/archive/{revision}.tar.gz"


DEFINITION = r"(?!kustomization\.)[^/]+\.yaml"


def version() -> str:
    """Names the set, by the version of each source: two sets with the same name hold the same definitions."""
    return "-".join(go.required_version(MODULE, source.module) for source in SOURCES.values())


def ensure_definitions(cache: Path, say: Say) -> Path:
    """The folder with `<chart name>/*.yaml`.

    Raises ToolchainError when they can't be had, or are not what they should be.
    """
    folder = cache / f"custom-resource-definitions-{version()}"
    return obtain(folder, lambda part: _collect(part, say), say, required=tuple(SOURCES))


def _collect(part: Path, say: Say) -> None:
    require_free({part: DISK_GB}, "the custom resource definitions of the charts")
    say("getting the custom resource definitions of the charts")
    for chart in SOURCES:
        (part / chart).mkdir()
    try:
        tool = go.find_go()
    except NotAvailable as no_go:
        try:
            _from_archives(part, say)
        except (NotAvailable, tarfile.TarError, LookupError) as no_archive:
            raise ToolchainError(
                "The custom resource definitions of the charts can't be had.",
                f"install Go {go.WANTED_GO} or newer, or connect to the internet.",
                [f"the Go modules of their projects: {no_go}", f"the archives of their projects: {no_archive}"],
            ) from no_archive
    else:
        for chart, source in SOURCES.items():
            folder = go.download(tool, MODULE, source.module, say=say) / source.folder
            for file in folder.glob("*.yaml"):
                if re.fullmatch(DEFINITION, file.name):
                    shutil.copyfile(file, part / chart / file.name)
    _check(part)


def _from_archives(part: Path, say: Say) -> None:
    for chart, source in SOURCES.items():
        packed = part / "archive.tar.gz"
        # No checksum is published for these archives: what counts is checked below, file by file.
        download.fetch(source.archive, packed, None, say)
        download.take_out(packed, rf"[^/]+/{re.escape(source.folder)}/{DEFINITION}", part / chart)


def _check(part: Path) -> None:
    """Raises ToolchainError unless exactly the committed files are there."""
    lines = (MODULE / CHECKSUMS).read_text().splitlines()
    expected = {name: digest for digest, name in (line.split("  ", 1) for line in lines)}
    found = {str(file.relative_to(part)): sha256(file) for file in part.rglob("*") if file.is_file()}
    wrong = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
    if wrong:
        raise ToolchainError(
            f"The custom resource definitions are not those that {MODULE / CHECKSUMS} lists: {', '.join(wrong[:5])}"
            + (f" and {len(wrong) - 5} more." if wrong[5:] else "."),
            "don't use them; after a change of versions in go.mod beside it, read the new files and list their checksums.",
        )
