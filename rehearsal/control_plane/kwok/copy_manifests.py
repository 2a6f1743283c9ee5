"""Copies the manifests that ship inside the Go module of KWOK, so that they are there with downloaded programs as well.

    python -m rehearsal.control_plane.kwok.copy_manifests

Run it again after the version in `rehearsal/toolchain/go/kubernetes/go.mod` has changed; it needs Go. Two values are
changed on the way: see NODE_USAGE.
"""

from pathlib import Path

from rehearsal.toolchain import go

FOLDER = Path(__file__).resolve().parent
MODULE = "sigs.k8s.io/kwok"
GO_MODULE = go.MODULES / "kubernetes"

# Of KWOK's twelve kinds those that are used; the Metric is given to KWOK as a file.
DEFINITIONS = ("stages", "resourceusages", "clusterresourceusages")
BEHAVIOUR = (
    "stage/node/fast/node-initialize.yaml",
    "stage/node/heartbeat-with-lease/node-heartbeat-with-lease.yaml",
    "stage/pod/fast/pod-ready.yaml",
    "stage/pod/fast/pod-complete.yaml",
    "stage/pod/fast/pod-delete.yaml",
    "metrics/usage/usage-from-annotation.yaml",
)
METRICS = ("metrics/resource/metrics-resource.yaml",)

# metrics-server drops a node whose counters are 0, and KWOK's are while no pod runs there:
# every node has the usage of a system of its own, 50m of CPU and 300Mi of memory.
NODE_USAGE = {
    "'node.CumulativeUsage(\"cpu\")'": "'node.CumulativeUsage(\"cpu\") + 0.05 * node.SinceSecond()'",
    "'node.Usage(\"memory\")'": "'node.Usage(\"memory\") + 314572800.0'",
}


def main() -> None:
    """Writes the three files beside this one."""
    version = go.required_version(GO_MODULE, MODULE)
    kustomize = go.download(go.find_go(), GO_MODULE, MODULE, say=print) / "kustomize"
    definitions = [kustomize / f"crd/bases/kwok.x-k8s.io_{plural}.yaml" for plural in DEFINITIONS]
    _write("custom-resource-definitions.yaml", version, definitions)
    _write("behaviour.yaml", version, [kustomize / name for name in BEHAVIOUR])
    _write("metrics.yaml", version, [kustomize / name for name in METRICS], NODE_USAGE)


def _write(name: str, version: str, sources: list[Path], changes: dict[str, str] | None = None) -> None:
    header = (
        f"# From the Go module {MODULE} {version} (Apache License 2.0, The Kubernetes Authors), folder kustomize.\n"
    )
    header += "# Made by rehearsal/control_plane/kwok/copy_manifests.py: don't edit it by hand.\n"
    if changes:
        header += "# Changed: simulated nodes have some usage of their own, see there.\n"
    text = "".join(f"---\n{source.read_text().strip().removeprefix('---').strip()}\n" for source in sources)
    for old, new in (changes or {}).items():
        if text.count(old) != 1:
            raise SystemExit(
                f"{name}: {old} is there {text.count(old)} times, expected once; this version of KWOK differs"
            )
        text = text.replace(old, new)
    (FOLDER / name).write_text(header + text)


if __name__ == "__main__":
    main()
