"""Where the tools come from, and what a person is told when they can't be had.

Nothing here builds or downloads for long.
"""

import hashlib
import http.server
import io
import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rehearsal import places
from rehearsal.toolchain import (
    ToolchainError,
    control_plane,
    definitions,
    disk,
    download,
    engine,
    go,
    monitoring,
    store,
    ways,
)
from rehearsal.toolchain.errors import NotAvailable
from rehearsal.toolchain.pace import Pace


def silent(_line: str) -> None:
    """Takes progress and forgets it."""


def script(file: Path, text: str) -> Path:
    """An executable shell script."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)
    return file


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def nothing_reachable(monkeypatch: pytest.MonkeyPatch) -> None:
    """No official site answers, whatever network this machine has."""
    monkeypatch.setattr(download, "reachable", lambda _url: False)


@pytest.fixture
def no_go(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No Go, and no pulumi: a PATH with the usual programs alone, and no Go in its standard place."""
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.setattr(go, "STANDARD_PLACE", str(tmp_path / "nowhere"))


# ---- the cache
# --------------------------------------------------------------------------------------------------------------------------


def made_tool(folder: Path, content: str = "the tool") -> Callable[[Path], None]:
    def make(part: Path) -> None:
        assert part != folder, "a tool is made under a temporary name"
        (part / "tool").write_text(content)
        (part / "link").symlink_to("tool")

    return make


def refused(_part: Path) -> None:
    raise AssertionError("what is in the cache must not be made again")


def test_a_tool_in_the_cache_is_used_as_it_is(tmp_path: Path) -> None:
    folder = store.obtain(tmp_path / "tool-1", made_tool(tmp_path / "tool-1"), silent)
    assert store.obtain(folder, refused, silent, required=("tool", "link")) == folder
    check = subprocess.run(
        ["sha256sum", "-c", store.CHECKSUMS], cwd=folder, capture_output=True, text=True, check=False
    )
    assert check.returncode == 0, "the checksums are those that sha256sum computes"


@pytest.mark.parametrize("harm", ["changed", "missing", "checksums missing", "link missing"])
def test_a_damaged_tool_is_found_out_and_made_again(tmp_path: Path, said: list[str], harm: str) -> None:
    folder = store.obtain(tmp_path / "tool-1", made_tool(tmp_path / "tool-1"), silent)
    if harm == "changed":
        (folder / "tool").write_text("the fool")
    else:
        (folder / {"missing": "tool", "checksums missing": store.CHECKSUMS, "link missing": "link"}[harm]).unlink()
    store.obtain(folder, made_tool(folder, "made again"), said.append, required=("tool", "link"))
    assert (folder / "tool").read_text() == "made again"
    assert any("damaged" in line for line in said)


def test_a_build_that_fails_leaves_nothing_half_made(tmp_path: Path) -> None:
    def fails(part: Path) -> None:
        (part / "half").write_text("half a tool")
        raise RuntimeError("interrupted")

    with pytest.raises(RuntimeError, match="interrupted"):
        store.obtain(tmp_path / "tool-1", fails, silent)
    assert [entry.name for entry in tmp_path.iterdir() if entry.is_dir()] == []


def test_the_remains_of_a_killed_build_are_removed_by_the_next(tmp_path: Path) -> None:
    remains = tmp_path / ".tool-1.4711.part"
    remains.mkdir()
    (remains / "half").write_text("half a tool")
    store.obtain(tmp_path / "tool-1", made_tool(tmp_path / "tool-1"), silent)
    assert not remains.exists()


def _obtain_slowly(folder: Path, journal: Path) -> None:
    def make(part: Path) -> None:
        with journal.open("a") as written:
            written.write("made\n")
        time.sleep(0.5)
        (part / "tool").write_text("the tool")

    store.obtain(folder, make, silent)


def test_two_rehearsals_at_once_build_a_tool_once(tmp_path: Path) -> None:
    spawning = multiprocessing.get_context("spawn")
    both = [spawning.Process(target=_obtain_slowly, args=(tmp_path / "tool-1", tmp_path / "journal")) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join(60)
    assert [process.exitcode for process in both] == [0, 0]
    assert (tmp_path / "journal").read_text() == "made\n"


@pytest.mark.usefixtures("nothing_reachable", "no_go")
def test_a_corrupted_engine_in_the_cache_is_refused(tmp_path: Path, said: list[str]) -> None:
    folder = tmp_path / f"pulumi-{engine.VERSION}"

    def make(part: Path) -> None:
        (part / "pulumi").write_text("engine")
        (part / engine.EXEC).write_text("exec")

    store.obtain(folder, make, silent)
    assert engine.ensure_engine(tmp_path, silent) == folder
    (folder / "pulumi").write_text("something else")
    with pytest.raises(ToolchainError):  # there is nothing to make it again with; that it is not used is the point
        engine.ensure_engine(tmp_path, said.append)
    assert any("pulumi is not the file that was put there" in line for line in said)
    assert not folder.exists()


# ---- the engine on PATH
# -----------------------------------------------------------------------------------------------------------------


def test_an_old_pulumi_on_path_is_passed_over_with_both_versions(tmp_path: Path, said: list[str]) -> None:
    script(tmp_path / "pulumi", "echo v3.100.0")
    with pytest.raises(NotAvailable):
        engine.on_path(said.append, str(tmp_path))
    [line] = said
    assert "v3.100.0" in line
    assert "3.256.0 or newer" in line


@pytest.mark.parametrize("answer", ["v4.0.0", "nonsense", ""])
def test_a_pulumi_of_another_generation_is_passed_over(tmp_path: Path, answer: str) -> None:
    script(tmp_path / "pulumi", f"echo '{answer}'")
    with pytest.raises(NotAvailable, match="below 4"):
        engine.on_path(silent, str(tmp_path))


def test_a_pulumi_without_its_language_host_is_passed_over(tmp_path: Path) -> None:
    script(tmp_path / "pulumi", "echo v3.260.1")
    with pytest.raises(NotAvailable, match="no pulumi-language-python beside it"):
        engine.on_path(silent, str(tmp_path))


def test_a_complete_and_new_enough_pulumi_on_path_is_used(tmp_path: Path) -> None:
    script(tmp_path / "bin" / "pulumi", "echo v3.260.1")
    for name in (engine.LANGUAGE_HOST, engine.EXEC):
        script(tmp_path / "bin" / name, "exit 0")
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "pulumi").symlink_to(tmp_path / "bin" / "pulumi")
    assert engine.on_path(silent, str(tmp_path / "linked")) == tmp_path / "bin"


# ---- what is missing is named
# -----------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("nothing_reachable", "no_go")
def test_missing_go_is_named_with_everything_that_was_tried(tmp_path: Path) -> None:
    for ensure in (engine.ensure_engine, control_plane.ensure_control_plane, definitions.ensure_definitions):
        with pytest.raises(ToolchainError) as refusal:
            ensure(tmp_path, silent)
        assert "Go is not installed" in str(refusal.value)
        assert "install Go 1.26 or newer" in str(refusal.value)
    with pytest.raises(ToolchainError) as refusal:
        engine.ensure_engine(tmp_path, silent)
    assert [attempt.split(":")[0] for attempt in refusal.value.tried] == [
        "a pulumi on PATH",
        "the official release",
        "a build with Go",
    ]


def test_a_go_that_is_too_old_is_named_with_its_version(tmp_path: Path) -> None:
    script(tmp_path / "go", """echo '{"GOVERSION": "go1.19.8", "GOMODCACHE": "/x", "GOCACHE": "/x"}'""")
    with pytest.raises(NotAvailable, match=r"go1\.19\.8; Go 1\.26 or newer is needed"):
        go.find_go(str(tmp_path))


def test_too_little_disk_is_said_before_the_build_with_both_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = shutil.disk_usage(tmp_path)._replace(free=1_200_000_000)
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda _place: free)
    tool = go.Go(script(tmp_path / "go", "touch called"), "1.26.8", tmp_path / "modules", tmp_path / "objects")
    with pytest.raises(ToolchainError, match=r"4\.0 GB needed, 1\.2 GB free"):
        go.build(tool, tmp_path, ".", tmp_path / "out", versions={}, disk_gb=4.0, log=tmp_path / "log", say=silent)
    assert not (tmp_path / "called").exists()


def failing_build(tmp_path: Path, words: str) -> ToolchainError:
    tool = go.Go(script(tmp_path / "go", f"echo '{words}' >&2; exit 1"), "1.26.8", tmp_path, tmp_path)
    with pytest.raises(ToolchainError) as refusal:
        go.build(tool, tmp_path, ".", tmp_path / "pulumi", versions={}, disk_gb=0.001, log=tmp_path / "log", say=silent)
    return refusal.value


def test_a_build_that_fails_shows_the_end_of_its_log_and_where_the_log_is(tmp_path: Path) -> None:
    refusal = str(failing_build(tmp_path, "main.go:3: undefined: frobnicate"))
    assert "undefined: frobnicate" in refusal
    assert str(tmp_path / "log") in refusal


@pytest.mark.parametrize(
    "words",
    [
        "go: example.org/m@v1: Get https://proxy/: dial tcp: lookup proxy on 127.0.0.1:53: no such host",
        "go: example.org/m@v1: Get https://proxy/: dial tcp 192.0.2.1:443: connect: network is unreachable",
    ],
)
def test_no_network_at_all_is_called_that(tmp_path: Path, words: str) -> None:
    refusal = str(failing_build(tmp_path, words))
    assert "no network" in refusal
    assert "GOPROXY" in refusal


def test_without_a_network_the_real_go_says_so_within_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOPROXY", "http://127.0.0.1:9")  # the discard port: nobody listens
    monkeypatch.setenv("GOMODCACHE", str(tmp_path / "modules"))
    monkeypatch.setenv("GONOSUMDB", "*")
    with pytest.raises(ToolchainError) as refusal:
        definitions.ensure_definitions(tmp_path / "cache-of-tools", silent)
    assert "connection refused" in str(refusal.value)
    assert "connect to the internet" in str(refusal.value)


def test_an_interrupted_build_ends_its_compilers(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    tool = go.Go(script(tmp_path / "go", f"sleep 300 & echo $! $$ > {pids}; wait"), "1.26.8", tmp_path, tmp_path)

    class Interrupting(Pace):
        def due(self) -> bool:
            if pids.exists() and pids.read_text().strip():
                raise KeyboardInterrupt
            return False

    with pytest.raises(KeyboardInterrupt):
        go.build(
            tool,
            tmp_path,
            ".",
            tmp_path / "x",
            versions={},
            disk_gb=0.001,
            log=tmp_path / "log",
            say=silent,
            pace=Interrupting(silent),
        )
    for pid in pids.read_text().split():
        end = time.monotonic() + 10
        while (status := Path(f"/proc/{pid}/status")).exists() and "\nState:\tZ" not in status.read_text():
            assert time.monotonic() < end, f"process {pid} of the build is still running"
            time.sleep(0.05)


def test_progress_comes_while_a_build_runs(tmp_path: Path, said: list[str]) -> None:
    tool = go.Go(
        script(tmp_path / "go", "echo 'go: downloading a v1' >&2; sleep 0.6; echo some/package >&2; sleep 0.6"),
        "1",
        tmp_path,
        tmp_path,
    )
    go.build(
        tool, tmp_path, ".", tmp_path / "pulumi", versions={}, disk_gb=0.001, log=tmp_path / "log", say=said.append,
        pace=Pace(said.append, interval_seconds=0.3),
    )  # fmt: skip
    assert any("1 modules downloaded" in line for line in said)
    assert any("1 packages compiled (now some/package)" in line for line in said)


# ---- official downloads, from a site on this machine
# ------------------------------------------------------------------------------------


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A web site on the loopback that serves a folder."""
    folder = tmp_path / "site"
    folder.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments, directory=str(folder))  # type: ignore[arg-type]

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", folder
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


def packed(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            entry.mode = 0o755
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def publish(folder: Path, path: str, content: bytes | str) -> None:
    file = folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content.encode() if isinstance(content, str) else content)


def publish_engine(folder: Path, checksum: str | None = None) -> None:
    archive = packed(
        {
            "pulumi/pulumi": b"engine",
            "pulumi/pulumi-language-python": b"host",
            f"pulumi/{engine.EXEC}": b"exec",
            "pulumi/pulumi-watch": b"-",
        }
    )
    name = f"pulumi-v{engine.VERSION}-linux-x64.tar.gz"
    publish(folder, f"v{engine.VERSION}/{name}", archive)
    publish(
        folder, f"v{engine.VERSION}/pulumi-{engine.VERSION}-checksums.txt", f"{checksum or digest(archive)}  {name}\n"
    )


@pytest.fixture
def linux_on_amd64(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr("platform.machine", lambda: "x86_64")


@pytest.mark.usefixtures("no_go", "linux_on_amd64")
def test_the_official_engine_is_taken_where_its_site_is_reachable(
    tmp_path: Path, site: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "RELEASES", site[0])
    publish_engine(site[1])
    folder = engine.ensure_engine(tmp_path / "cache", silent)
    assert (folder / "pulumi").read_text() == "engine"
    assert (folder / "pulumi-language-python").read_text() == "host"
    assert not (folder / "pulumi-watch").exists()
    shutil.rmtree(site[1])
    assert engine.ensure_engine(tmp_path / "cache", silent) == folder


@pytest.mark.usefixtures("no_go", "linux_on_amd64")
def test_a_download_with_another_checksum_than_published_is_refused(
    tmp_path: Path, site: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "RELEASES", site[0])
    publish_engine(site[1], checksum="0" * 64)
    with pytest.raises(ToolchainError) as refusal:
        engine.ensure_engine(tmp_path / "cache", silent)
    assert "its makers published 0000" in str(refusal.value)
    assert list((tmp_path / "cache").glob("pulumi*/")) == []


def publish_control_plane(folder: Path) -> None:
    for program in control_plane.KUBERNETES_PROGRAMS:
        path = f"v{control_plane.KUBERNETES}/bin/linux/amd64/{program}"
        publish(folder, path, program)
        publish(folder, f"{path}.sha256", digest(program.encode()))
    name = f"etcd-v{control_plane.ETCD}-linux-amd64"
    archive = packed({f"{name}/etcdctl": b"-", f"{name}/etcd": b"etcd"})
    publish(folder, f"v{control_plane.ETCD}/{name}.tar.gz", archive)
    publish(folder, f"v{control_plane.ETCD}/SHA256SUMS", f"{digest(archive)}  {name}.tar.gz\n")
    images = {
        "kwok/kwok": (control_plane.KWOK, "usr/local/bin/kwok", b"kwok"),
        "metrics-server/metrics-server": (control_plane.METRICS_SERVER, "metrics-server", b"metrics-server"),
    }
    for image, (version, path, content) in images.items():
        layer = packed({path: content})
        publish(folder, f"{image}/blobs/sha256:{digest(layer)}", layer)
        manifest = json.dumps({"layers": [{"digest": f"sha256:{digest(layer)}"}]})
        publish(folder, f"{image}/manifests/sha256:{digest(manifest.encode())}", manifest)
        platforms = [("arm64", "0" * 64), ("amd64", digest(manifest.encode()))]
        index = {
            "manifests": [
                {"digest": f"sha256:{sha}", "platform": {"os": "linux", "architecture": name}}
                for name, sha in platforms
            ]
        }
        publish(folder, f"{image}/manifests/v{version}", json.dumps(index))


@pytest.mark.usefixtures("no_go", "linux_on_amd64")
def test_the_official_control_plane_is_put_together_from_its_projects_releases(
    tmp_path: Path, site: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("KUBERNETES_SITE", "ETCD_SITE", "IMAGES_SITE"):
        monkeypatch.setattr(control_plane, name, site[0])
    publish_control_plane(site[1])
    folder = control_plane.ensure_control_plane(tmp_path / "cache", silent)
    assert {program: (folder / program).read_text() for program in control_plane.PROGRAMS} == {
        name: name for name in control_plane.PROGRAMS
    }
    assert all(os.access(folder / program, os.X_OK) for program in control_plane.PROGRAMS)
    assert sorted(entry.name for entry in folder.iterdir()) == sorted([*control_plane.PROGRAMS, store.CHECKSUMS])


def publish_definitions(folder: Path) -> None:
    """Archives as the projects' site makes them, with the definitions that are in this machine's cache."""
    have = definitions.ensure_definitions(places.cache(), silent)
    for chart, source in definitions.SOURCES.items():
        root, inside = f"{chart}-of-some-version", source.folder
        files = {f"{root}/{inside}/{file.name}": file.read_bytes() for file in (have / chart).glob("*.yaml")}
        others = {f"{root}/{inside}/kustomization.yaml": b"-", f"{root}/other/a.yaml": b"-"}
        publish(folder, source.archive.removeprefix("https://"), packed({**files, **others}))


@pytest.mark.usefixtures("no_go")
def test_without_go_the_definitions_come_from_the_projects_archives(
    tmp_path: Path, site: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_definitions(site[1])
    monkeypatch.setattr(definitions, "ARCHIVE", site[0] + "/{project}/archive/{revision}.tar.gz")
    folder = definitions.ensure_definitions(tmp_path / "cache", silent)
    listed = (definitions.MODULE / store.CHECKSUMS).read_text()
    assert (folder / store.CHECKSUMS).read_text() == listed


@pytest.mark.usefixtures("no_go")
def test_a_definition_that_is_not_the_committed_one_is_refused_by_name(
    tmp_path: Path, site: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    forged = tmp_path / "pins"
    shutil.copytree(definitions.MODULE, forged)
    sums = (forged / store.CHECKSUMS).read_text().splitlines()
    (forged / store.CHECKSUMS).write_text("\n".join(["0" * 64 + sums[0][64:], *sums[1:]]) + "\n")
    publish_definitions(site[1])
    monkeypatch.setattr(definitions, "MODULE", forged)
    monkeypatch.setattr(definitions, "ARCHIVE", site[0] + "/{project}/archive/{revision}.tar.gz")
    with pytest.raises(
        ToolchainError, match=r"aws-load-balancer-controller/elbv2\.k8s\.aws_albtargetcontrolconfigs\.yaml"
    ):
        definitions.ensure_definitions(tmp_path / "cache", silent)


def test_the_archive_of_a_version_without_a_tag_is_that_of_its_commit() -> None:
    assert [definitions.SOURCES[chart].archive for chart in ("cert-manager", "aws-load-balancer-controller")] == [
        "https://github.com/cert-manager/cert-manager/archive/refs/tags/v1.21.2.tar.gz",
        "https://github.com/kubernetes-sigs/aws-load-balancer-controller/archive/93ff3b5fdaad.tar.gz",
    ]


def test_a_site_that_does_not_answer_costs_seconds_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "_reachable", {})
    for proxy in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(proxy, raising=False)
    asked: list[tuple[str, int]] = []

    def deaf(address: tuple[str, int]) -> bool:
        asked.append(address)
        time.sleep(30)
        return True

    monkeypatch.setattr(download, "_connects", deaf)
    monkeypatch.setattr(download, "CONNECT_SECONDS", 0.2)
    began = time.monotonic()
    assert [download.reachable("https://releases.example/a"), download.reachable("https://releases.example/b")] == [
        False,
        False,
    ]
    assert time.monotonic() - began < 5
    assert asked == [("releases.example", 443)]


# ---- the pins
# ---------------------------------------------------------------------------------------------------------------------------


def test_every_pinned_module_has_the_checksum_that_a_build_needs() -> None:
    for module in (engine.MODULE, control_plane.MODULE, definitions.MODULE):
        sums = (module / "go.sum").read_text()
        lines = [
            line.strip().removeprefix("require ").removeprefix("replace ")
            for line in (module / "go.mod").read_text().splitlines()
        ]
        replaced = dict(line.split(" => ") for line in lines if " => " in line)
        required = [
            line.removesuffix(" // indirect")
            for line in lines
            if len(line.split(" // ")[0].split()) == 2 and " v" in line
        ]
        assert required
        for pin in required:
            held = replaced.get(pin.split()[0], pin)
            assert f"{held}/go.mod h1:" in sums, f"{held} is not in {module.name}/go.sum"


def test_a_module_with_another_checksum_than_pinned_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forged = tmp_path / "definitions"
    shutil.copytree(definitions.MODULE, forged)
    sums = (forged / "go.sum").read_text()
    first = next(line for line in sums.splitlines() if "cert-manager" in line and "/go.mod" not in line)
    (forged / "go.sum").write_text(sums.replace(first.split()[-1], "h1:" + "A" * 43 + "="))
    monkeypatch.setattr(definitions, "MODULE", forged)
    with pytest.raises(ToolchainError):
        definitions.ensure_definitions(tmp_path / "cache", silent)
    assert not list((tmp_path / "cache").glob("custom-resource-definitions*/"))


def test_the_definitions_of_every_chart_are_there() -> None:
    folder = definitions.ensure_definitions(places.cache(), silent)
    names = {
        chart: {file.stem.split("_")[-1] for file in (folder / chart).glob("*.yaml")} for chart in definitions.SOURCES
    }
    assert {"servicemonitors", "podmonitors", "prometheusrules", "alertmanagerconfigs"} <= names[
        "kube-prometheus-stack"
    ]
    assert {"externalsecrets", "secretstores", "clustersecretstores"} <= names["external-secrets"]
    assert {"certificates", "issuers", "clusterissuers"} <= names["cert-manager"]
    assert {"targetgroupbindings", "ingressclassparams"} <= names["aws-load-balancer-controller"]
    for file in folder.rglob("*.yaml"):
        assert "kind: CustomResourceDefinition\n" in file.read_text(), f"{file} holds no definition"


def test_another_recipe_gives_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = control_plane.recipe()
    copied = tmp_path / "kubernetes"
    shutil.copytree(control_plane.MODULE, copied)
    monkeypatch.setattr(control_plane, "MODULE", copied)
    assert control_plane.recipe() == before
    (copied / "main.go").write_text((copied / "main.go").read_text() + "\n// changed\n")
    assert control_plane.recipe() != before


# ---- monitoring's tools
# --------------------------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("nothing_reachable", "no_go")
def test_monitoring_that_can_t_be_had_names_each_of_its_three_ways(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MARLINSPIKE_CACHE", str(tmp_path))
    with pytest.raises(ToolchainError) as refused_:
        monitoring.ensure_monitoring(silent)
    said = str(refused_.value)
    assert "Prometheus 3.7.3 can't be had." in said, "0.307.3 is the version of its Go module"
    assert [line.split(":")[1] for line in said.splitlines() if "tried" in line] == [
        " the official release",
        " Debian's package",
        " a build with Go",
    ]


def test_programs_come_out_of_a_debian_package_without_installing_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = tmp_path / "content" / "usr" / "bin" / "prometheus-alertmanager"
    script(content, "echo version 0.25.0")
    with tarfile.open(tmp_path / "content.tar", "w") as packed:
        packed.add(tmp_path / "content", "./")
    path = tmp_path / "path"
    script(path / "apt-get", "[ $3 = update ] || touch alertmanager.deb")
    script(path / "dpkg-deb", f"cat {tmp_path / 'content.tar'}")
    monkeypatch.setenv("PATH", f"{path}:{os.environ['PATH']}")
    (folder := tmp_path / "part").mkdir()
    ways.from_debian("alertmanager", {"usr/bin/prometheus-alertmanager": "alertmanager"}, folder)
    assert [file.name for file in folder.iterdir()] == ["alertmanager"]
    assert monitoring.version_of(folder / "alertmanager") == "0.25.0"

    script(path / "apt-get", "echo 'E: Unable to locate package' >&2; exit 100")
    with pytest.raises(NotAvailable, match="Unable to locate package"):
        ways.from_debian("alertmanager", {}, folder)
