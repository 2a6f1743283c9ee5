"""Kubernetes' programs: official release binaries, else one multi-call binary built from the pinned Go module."""

import hashlib
import json
from pathlib import Path

from rehearsal.say import Say
from rehearsal.toolchain import download, go, machine
from rehearsal.toolchain.errors import NotAvailable
from rehearsal.toolchain.go import Go
from rehearsal.toolchain.ways import Way, by_go, first_open

MODULE = go.MODULES / "kubernetes"


def _version(path: str) -> str:
    return go.required_version(MODULE, path).removeprefix("v")


KUBERNETES = _version("k8s.io/kubernetes")
ETCD = _version("go.etcd.io/etcd/server/v3")
KWOK = _version("sigs.k8s.io/kwok")
METRICS_SERVER = _version("sigs.k8s.io/metrics-server")

BINARY = "kubernetes"
KUBERNETES_PROGRAMS = (
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "kube-proxy",
    "kubectl",
)
PROGRAMS = (*KUBERNETES_PROGRAMS, "etcd", "kwok", "metrics-server")
"""The names under which the programs are found in the folder: links to the one binary, or the official binaries themselves."""

VERSIONS = {
    "k8s.io/component-base/version.gitVersion": f"v{KUBERNETES}",
    "k8s.io/component-base/version.gitMajor": KUBERNETES.split(".")[0],
    "k8s.io/component-base/version.gitMinor": KUBERNETES.split(".")[1],
    "k8s.io/component-base/version.gitTreeState": "clean",
    "k8s.io/client-go/pkg/version.gitVersion": f"v{KUBERNETES}",
    "sigs.k8s.io/kwok/pkg/consts.Version": KWOK,
}
"""Variables that the projects' own builds set: the API server tells its version by them, and clients decide by it."""

DISK_GB = 3.2
"""From empty caches, in 10^9 bytes. Measured on Linux x86-64: modules 0.75; build cache with that of the engine 2.9."""

KUBERNETES_SITE = "https://dl.k8s.io/release"
ETCD_SITE = "https://github.com/etcd-io/etcd/releases/download"
IMAGES_SITE = "https://registry.k8s.io/v2"


def recipe() -> str:
    """Eight digits that change with the source, the pins or the versions of the multi-call binary.

    A cached one of another recipe is not used.
    """
    digest = hashlib.sha256()
    for name in ("main.go", "go.mod", "go.sum"):
        digest.update((MODULE / name).read_bytes())
    digest.update(json.dumps(VERSIONS).encode())
    return digest.hexdigest()[:8]


def ensure_control_plane(cache: Path, say: Say) -> Path:
    """The folder with etcd, the Kubernetes programs, kwok and metrics-server, each under its own name.

    Raises ToolchainError with what was tried.
    """
    title = f"Kubernetes {KUBERNETES}'s control plane"
    official = Way(
        "the official releases",
        cache / f"kubernetes-{KUBERNETES}-official",
        PROGRAMS,
        lambda folder: _official(folder, say),
    )
    here = by_go(
        title,
        cache / f"kubernetes-{KUBERNETES}-{recipe()}",
        PROGRAMS,
        "6 to 9 min on 2 cores",
        say,
        lambda tool, folder: _build(tool, folder, cache, say),
    )
    return first_open(title, [official, here], say)


def _build(tool: Go, folder: Path, cache: Path, say: Say) -> None:
    log = cache / "logs" / f"kubernetes-{KUBERNETES}.log"
    go.build(tool, MODULE, ".", folder / BINARY, versions=VERSIONS, disk_gb=DISK_GB, log=log, say=say)
    for program in PROGRAMS:
        (folder / program).symlink_to(BINARY)


def _official(folder: Path, say: Say) -> None:
    if machine.operating_system() != "linux":
        raise NotAvailable("Kubernetes publishes its control plane's programs for Linux only")
    architecture = machine.architecture()
    for program in KUBERNETES_PROGRAMS:
        url = f"{KUBERNETES_SITE}/v{KUBERNETES}/bin/linux/{architecture}/{program}"
        published = download.fetch_text(f"{url}.sha256").strip()
        download.fetch(url, folder / program, published, say)

    archive = f"etcd-v{ETCD}-linux-{architecture}"
    site = f"{ETCD_SITE}/v{ETCD}"
    download.fetch_release(site, f"{archive}.tar.gz", "SHA256SUMS", f"{archive}/etcd", folder, say)
    _from_image("kwok/kwok", f"v{KWOK}", architecture, "kwok", folder, say)
    _from_image("metrics-server/metrics-server", f"v{METRICS_SERVER}", architecture, "metrics-server", folder, say)
    for program in PROGRAMS:
        (folder / program).chmod(0o755)


def _from_image(image: str, tag: str, architecture: str, program: str, folder: Path, say: Say) -> None:
    """Takes one program out of an official container image, for projects that publish no program with a checksum.

    Everything in an image is named by its SHA-256, and so checked on the way.
    """
    site = f"{IMAGES_SITE}/{image}"
    index = json.loads(download.fetch_text(f"{site}/manifests/{tag}"))
    for listed in index["manifests"]:
        if listed.get("platform", {}).get("os") == "linux" and listed["platform"].get("architecture") == architecture:
            break
    else:
        raise NotAvailable(f"the image {image}:{tag} has nothing for linux/{architecture}")
    manifest = download.fetch_text(f"{site}/manifests/{listed['digest']}")
    if f"sha256:{hashlib.sha256(manifest.encode()).hexdigest()}" != listed["digest"]:
        raise NotAvailable(f"the image {image}:{tag} is not what its index says")
    packed = folder / f"{program}.layer"
    for layer in reversed(json.loads(manifest)["layers"]):  # the program is the last thing that is put into an image
        digest: str = layer["digest"]
        download.fetch(f"{site}/blobs/{digest}", packed, digest.removeprefix("sha256:"), say)
        try:
            download.take_out(packed, rf"(\./)?([\w./-]+/)?{program}", folder)
            return
        except KeyError:
            packed.unlink(missing_ok=True)
    raise NotAvailable(f"the image {image}:{tag} does not hold {program}")
