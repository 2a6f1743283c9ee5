"""The application's image, built by buildah of app/Dockerfile on Debian's Python: what is in it, and that it runs locked up."""

import json
import os
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from packaging.requirements import Requirement

from rehearsal import places
from rehearsal.image import application
from rehearsal.image.buildah import Buildah
from rehearsal.image.inspection import PACKAGES, Image
from rehearsal.image.sbom import bill
from rehearsal.real_node.requirements import hindrance, install
from tests.app.servers import eventually, free_port

NAME = "localhost/marlinspike-app:test"
SOURCE = places.repository() / "app"
NOT_IN_IT = re.compile(r"(ba|da|z|k)?sh|busybox|perl.*|apt.*|dpkg.*|pip.*|su|sudo|mount|curl|wget|gcc|cc|ld")


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    reason = hindrance()
    if reason:
        pytest.skip(f"no image can be built on this machine: {reason}")
    install(["buildah", "runc"], print)
    return Image(application.build(tmp_path_factory.mktemp("image") / "app.tar", NAME, print))


def test_it_is_started_as_the_dockerfile_says(image: Image) -> None:
    config = image.config
    assert config["User"] == "10001:10001"
    assert (config["Entrypoint"], config["Cmd"]) == (["/usr/bin/python3"], ["-m", "app"])
    assert config["Healthcheck"]["Test"] == ["CMD", "/usr/bin/python3", "-m", "app.healthcheck"]
    assert "PYTHONPATH=/srv:/srv/packages" in config["Env"]


def test_its_labels_say_what_it_is_made_of(image: Image) -> None:
    prefix = "org.opencontainers.image."
    labels = {
        key.removeprefix(prefix): value for key, value in image.config["Labels"].items() if key.startswith(prefix)
    }
    revision, _ = application.origin(SOURCE)
    assert labels["version"] == application.version(SOURCE)
    assert labels["revision"] == revision
    assert labels["base.name"].startswith("localhost/marlinspike-python:")
    assert labels.keys() == {"title", "description", "licenses", "version", "revision", "base.name"}


def test_it_has_no_shell_no_package_manager_and_nothing_that_its_user_may_change(image: Image) -> None:
    programs = {Path(path).name for path, member in image.files.items() if "bin/" in path and not member.isdir()}
    assert "python3" in programs
    assert {name for name in programs if NOT_IN_IT.fullmatch(name)} == set()
    assert {path for path, member in image.files.items() if member.mode & (stat.S_ISUID | stat.S_ISGID)} == set()
    writable = {path for path, member in image.files.items() if member.mode & stat.S_IWOTH and not member.issym()}
    assert writable == set()
    assert {(member.uid, member.gid) for path, member in image.files.items() if path.startswith("srv")} == {(0, 0)}


def test_it_is_smaller_than_200_mb(image: Image) -> None:
    assert 50e6 < image.size < 200e6


def test_it_has_every_file_of_the_application_data_and_migrations_too(image: Image) -> None:
    ignored = {".dockerignore", "Dockerfile", "README.md", "pyproject.toml", "requirements.txt"}
    tracked = subprocess.run(["git", "ls-files", "."], cwd=SOURCE, capture_output=True, text=True, check=True).stdout
    wanted = {f"srv/app/{path}" for path in tracked.split("\n") if path and path not in ignored}
    found = {
        path for path, member in image.files.items() if path.startswith("srv/app/") and not member.isdir()
    }  # bytecode beside each module
    assert wanted
    assert {path for path in found if not path.endswith(".pyc")} == wanted
    modules = [path for path in wanted if path.endswith(".py")]
    assert sum(path.endswith(".pyc") for path in found) == len(modules)


def test_it_has_the_locked_packages_and_no_others(image: Image) -> None:
    [library] = [path for path in image.files if re.fullmatch(r"usr/lib/python3\.\d+", path)]
    version = library.rpartition("python")[2]
    here = {
        "python_version": version,
        "python_full_version": f"{version}.99",
        "sys_platform": "linux",
        "implementation_name": "cpython",
    }
    lines = re.findall(r"^[a-z][^\\\n]*==[^\\\n]*", (SOURCE / "requirements.txt").read_text(), re.MULTILINE)
    locked = [Requirement(line) for line in lines]
    wanted = {
        (each.name, str(each.specifier).removeprefix("=="))
        for each in locked
        if each.marker is None or each.marker.evaluate(here)
    }
    found = {
        (re.sub(r"[-_.]+", "-", str(each["Name"])).lower(), str(each["Version"])) for each in image.python_packages()
    }
    # The one condition on a patch version, which the image's file names do not tell.
    assert {each for each in found ^ wanted if each[0] != "async-timeout"} == set()
    assert not [path for path in image.files if path.startswith(f"{PACKAGES}/bin/")]


def test_its_bill_of_materials_lists_what_is_in_it(image: Image) -> None:
    text = bill(image)
    assert text == bill(image)
    said = json.loads(text)
    assert said["metadata"]["component"]["version"] == application.version(SOURCE)
    components = {each["purl"].partition("?")[0]: each for each in said["components"]}
    assert len(components) == len(image.python_packages()) + len(image.debian_packages())
    [fastapi] = [each for each in image.python_packages() if each["Name"] == "fastapi"]
    assert components[f"pkg:pypi/fastapi@{fastapi['Version']}"]["licenses"] == [{"license": {"id": "MIT"}}]
    assert [purl for purl in components if purl.startswith("pkg:deb/debian/libc6@")]


def test_a_second_build_from_nothing_gives_the_same_bytes(image: Image, tmp_path: Path) -> None:
    """Another store, so that no step is taken from the first: packages are installed and compiled again."""
    store = Buildah(tmp_path / "store")
    try:
        again = Image(application.build(tmp_path / "again.tar", NAME, print, store=store))
    finally:
        store.clear()
    assert again.manifest["Layers"] == image.manifest["Layers"]
    assert again.identity == image.identity
    assert again.archive.read_bytes() == image.archive.read_bytes()


def test_make_image_tells_what_it_has_made(image: Image) -> None:
    command = [sys.executable, "-m", "rehearsal.image", "--base"]
    done = subprocess.run([*command, "local"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    first, *lines = done.stdout.strip().split("\n")
    said = dict(line.split(maxsplit=1) for line in (each.replace("health check", "health") for each in lines))
    assert first == f"localhost/marlinspike-app:{application.version(SOURCE)}, {image.identity}"
    assert said["size"].startswith(f"{image.size / 1e6:.0f} MB, ")
    assert re.fullmatch(r"3\.\d+\.\d+", said["Python"])
    assert (said["user"], said["health"]) == ("10001:10001", "CMD /usr/bin/python3 -m app.healthcheck")
    assert json.loads((places.outputs() / "image" / "local.sbom.json").read_text())["bomFormat"] == "CycloneDX"
    refused = subprocess.run([*command, "alpine"], capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    assert "there is no base alpine" in refused.stderr


class Running:
    """A container of the image, run by runc alone: read-only, as its user, without any capability."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.folder = name, folder

    def runc(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = ["runc", "--root", str(self.folder / "runc"), *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    def python(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.runc("exec", self.name, "/usr/bin/python3", *arguments)


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def running(image: Image, tmp_path: Path, port: int) -> Iterator[Running]:
    store, container = application.engine(), ""
    running = Running(f"marlinspike-{os.getpid()}", tmp_path)
    settings = {
        "PORT": str(port),
        "METRICS_PORT": str(free_port()),
        "DATABASE_HOST": "127.0.0.1",
        "DATABASE_PORT": str(free_port()),
        "DATABASE_NAME": "quotes",
        "DATABASE_USER": "quotes",
        "DATABASE_TLS": "disable",
        "DATABASE_POOL_SIZE": "2",
        "DATABASE_AUTHENTICATION": "password",
        "DATABASE_PASSWORD_FILE": "/etc/passwd",  # nobody will ever ask for it: there is no database
        "CACHE_HOST": "127.0.0.1",
        "CACHE_PORT": str(free_port()),
        "CACHE_TLS": "false",
        "CACHE_AUTHENTICATION": "password",
        "CACHE_PASSWORD_FILE": "/etc/passwd",
    }
    try:
        container = store("from", "--quiet", "--pull-never", NAME)
        running.runc("spec", "--bundle", str(tmp_path))
        file = tmp_path / "config.json"
        spec = json.loads(file.read_text())
        user, group = map(int, image.config["User"].split(":"))
        spec["root"] = {"path": store("mount", container), "readonly": True}
        spec["process"] |= {
            "terminal": False,
            "user": {"uid": user, "gid": group},
            "args": image.config["Entrypoint"] + image.config["Cmd"],
            "env": image.config["Env"] + [f"{key}={value}" for key, value in settings.items()],
            "cwd": image.config["WorkingDir"],
            "capabilities": {},
            "noNewPrivileges": True,
        }
        # With the machine's own loopback, where the test asks.
        spec["linux"]["namespaces"] = [each for each in spec["linux"]["namespaces"] if each["type"] != "network"]
        file.write_text(json.dumps(spec))
        log = (tmp_path / "log").open("w")
        process = subprocess.Popen(
            ["runc", "--root", str(tmp_path / "runc"), "run", "--bundle", str(tmp_path), running.name],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        try:
            yield running
        finally:
            running.runc("delete", "--force", running.name)
            process.wait(timeout=20)
            log.close()
    finally:
        if container:
            store("rm", container)


def test_it_answers_on_a_read_only_disk_as_its_user_without_privileges(running: Running, port: int) -> None:
    eventually(lambda: httpx.get(f"http://127.0.0.1:{port}/healthz").is_success, 60)
    healthy = running.python("-m", "app.healthcheck")
    assert healthy.returncode == 0, healthy.stderr
    seen = running.python(
        "-c",
        "import os, json; s = dict(l.split(':') for l in open('/proc/self/status') if ':' in l and 'Cap' in l); "
        "print(json.dumps([os.getuid(), os.getgid(), s['CapEff'].strip(), s['CapBnd'].strip(), os.access('/srv', os.W_OK)]))",
    )
    assert json.loads(seen.stdout) == [10001, 10001, "0" * 16, "0" * 16, False]
    assert "Read-only file system" in running.python("-c", "open('/srv/packages/new', 'w')").stderr
    # The check must be able to fail, or it says nothing.
    assert (
        running.runc("exec", "--env", "PORT=1", running.name, "/usr/bin/python3", "-m", "app.healthcheck").returncode
        == 1
    )
