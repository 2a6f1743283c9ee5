"""Whether an image exists: asked of Docker's own registry, with and without a login, and of ECR as moto plays it."""

import base64
import ctypes
import json
import secrets
from collections.abc import Iterator
from pathlib import Path

import boto3  # type: ignore[import-untyped]
import pytest
from moto import mock_aws
from moto.core import DEFAULT_ACCOUNT_ID

from ops.errors import OpsError
from ops.images import Reference, require
from rehearsal.toolchain.errors import NotAvailable
from tests.ops.registry import INDEX, REPOSITORY, push, registry

ECR = f"{DEFAULT_ACCOUNT_ID}.dkr.ecr.eu-west-3.amazonaws.com"
DIGEST = f"sha256:{'0' * 64}"


@pytest.mark.parametrize(
    ("image", "parts"),
    [
        (f"{ECR}/marlinspike/app:0.1.0", (ECR, "marlinspike/app", "0.1.0")),
        ("127.0.0.1:5001/marlinspike/app:0.1.0", ("127.0.0.1:5001", "marlinspike/app", "0.1.0")),
        (f"ghcr.io/owner/app@{DIGEST}", ("ghcr.io", "owner/app", DIGEST)),
        (f"ghcr.io/owner/app:1.0@{DIGEST}", ("ghcr.io", "owner/app", DIGEST)),
        ("postgres:18-alpine", ("docker.io", "library/postgres", "18-alpine")),
        ("valkey/valkey:8.2", ("docker.io", "valkey/valkey", "8.2")),
        ("docker.io/library/postgres:18", ("docker.io", "library/postgres", "18")),
        ("localhost/marlinspike-app:0.1.0", ("localhost", "marlinspike-app", "0.1.0")),
    ],
)
def test_names_are_read_as_docker_reads_them(image: str, parts: tuple[str, str, str]) -> None:
    assert Reference.of(image) == Reference(*parts)


@pytest.fixture(scope="module")
def login(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """A registry that wants a login, and that login: a user and a password, made for this run."""
    user, password = "tests", secrets.token_urlsafe(12)
    try:
        library = ctypes.CDLL("libcrypt.so.1")
    except OSError as reason:
        pytest.skip(str(reason))
    library.crypt.restype = ctypes.c_char_p
    salt = b"$2b$05$" + secrets.token_hex(11).encode()  # bcrypt, the only one that the registry takes
    line = f"{user}:{library.crypt(password.encode(), salt).decode()}"
    try:
        with registry(tmp_path_factory.mktemp("registry"), line) as host:
            push(host, "0.2.0", (user, password))
            yield host, f"{user}:{password}"
    except NotAvailable as reason:
        pytest.skip(str(reason))


def test_a_registry_that_wants_a_login_gets_docker_s(
    login: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host, known = login
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(OpsError, match=f"answers 401 .* docker login {host}"):
        require(f"{host}/{REPOSITORY}:0.2.0", print, rehearsed=False)
    (tmp_path / ".docker").mkdir()
    auth = base64.b64encode(known.encode()).decode()
    (tmp_path / ".docker" / "config.json").write_text(json.dumps({"auths": {host: {"auth": auth}}}))
    require(f"{host}/{REPOSITORY}:0.2.0", print, rehearsed=False)
    with pytest.raises(OpsError, match=r"has no image marlinspike/app:0.3.0") as refused:
        require(f"{host}/{REPOSITORY}:0.3.0", print, rehearsed=False)
    assert known.partition(":")[2] not in str(refused.value)


@pytest.fixture
def ecr(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An ECR repository with version 0.1.0; gives its digest."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        client = boto3.client("ecr", region_name="eu-west-3")
        client.create_repository(repositoryName="marlinspike/app")
        manifest = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "layers": []})
        put = client.put_image(repositoryName="marlinspike/app", imageManifest=manifest, imageTag="0.1.0")
        yield put["image"]["imageId"]["imageDigest"]


def test_ecr_is_asked_for_a_tag_and_for_a_digest(ecr: str) -> None:
    require(f"{ECR}/marlinspike/app:0.1.0", print, rehearsed=False)
    require(f"{ECR}/marlinspike/app@{ecr}", print, rehearsed=False)


@pytest.mark.parametrize("name", ["app:0.1.1", f"app@{DIGEST}", "other:0.1.0"])
@pytest.mark.usefixtures("ecr")
def test_what_ecr_does_not_have_is_refused(name: str) -> None:
    with pytest.raises(OpsError, match=r"has no image .*push it first"):
        require(f"{ECR}/marlinspike/{name}", print, rehearsed=False)


def test_without_credentials_ecr_cannot_be_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    for file in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(file, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # it keeps the credentials of the test before
    with pytest.raises(OpsError, match=r"can't be asked for the image: .*credentials"):
        require(f"{ECR}/marlinspike/app:0.1.0", print, rehearsed=False)


def test_where_there_is_no_registry_to_ask_that_is_said() -> None:
    said: list[str] = []
    require("localhost/marlinspike-app:0.1.0", said.append, rehearsed=False)
    require(f"{ECR}/marlinspike/app:0.1.0", said.append, rehearsed=True)
    assert "no registry is asked" in said[0]
    assert "in a rehearsal nobody plays its registry" in said[1]
