"""The application's image on its way to the registry: pushed once for what is in it, named by its digest from then on.

python -m scripts.images [--archive FILE] STACK...

The registry and the repository are those that the stack files name in `app.image`. Needs skopeo, and for ECR the aws command with
credentials of the role marlinspike-push. Leaves the whole name in out/image/reference, and tells GitHub as output `image`.
"""

import argparse
import base64
import json
import os
import re
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import yaml

from rehearsal.image.errors import ImageError
from rehearsal.image.inspection import Image
from rehearsal.real_node.errors import RealNodeError
from rehearsal.real_node.requirements import install
from scripts.deliver import ROOT, DeliveryError, run

ARCHIVE = ROOT / "out" / "image" / "shipped.tar"
"""Which `make image BASE=shipped` leaves."""

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
"""Of images in Docker's format (Docker, "Image Manifest Version 2, Schema 2")."""

ECR = re.compile(r"[0-9]{12}\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com")

HERE = re.compile(r"(localhost|127\.0\.0\.1)(:[0-9]+)?")
"""A registry on this machine, which needs no TLS."""


@dataclass(frozen=True)
class Repository:
    """Where images of one name lie: `host/name`."""

    host: str
    name: str
    login: tuple[str, str] | None = field(default=None, repr=False)
    """User and password, if it wants one."""

    @property
    def secure(self) -> bool:
        """Whether it is asked over TLS: always, unless it is on this machine."""
        return not HERE.fullmatch(self.host)

    def digest(self, tag: str) -> str | None:
        """The digest of what has that tag, if anything has. Raises httpx.HTTPError (OCI distribution specification, "Pull")."""
        address = f"http{'s' if self.secure else ''}://{self.host}/v2/{self.name}/manifests/{tag}"
        answer = httpx.head(address, headers={"Accept": MANIFEST}, auth=self.login, timeout=30)
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        return str(answer.raise_for_status().headers["Docker-Content-Digest"])

    def push(self, archive: Path, tag: str) -> str:
        """Puts the image of an archive there under a tag; returns its digest. Raises DeliveryError."""
        with tempfile.TemporaryDirectory() as folder:
            digest, logins = Path(folder) / "digest", Path(folder) / "auth.json"
            secret = base64.b64encode(":".join(self.login).encode()).decode() if self.login else ""
            logins.touch(mode=0o600)
            logins.write_text(json.dumps({"auths": {self.host: {"auth": secret}} if secret else {}}))
            options = [
                f"--authfile={logins}",
                f"--digestfile={digest}",
                f"--dest-tls-verify={str(self.secure).lower()}",
            ]
            run("skopeo", "copy", *options, f"docker-archive:{archive}", f"docker://{self.host}/{self.name}:{tag}")
            return digest.read_text().strip()


def repository(stacks: Sequence[str]) -> str:
    """The one repository of the stacks' `app.image`. Raises DeliveryError where they name several: an image is promoted."""
    named: Mapping[str, str] = {stack: _image(ROOT / f"Pulumi.{stack}.yaml") for stack in stacks}
    found = {re.sub(r"(@sha256:[0-9a-f]{64}|:[\w.-]+)$", "", image) for image in named.values()}
    if len(found) != 1:
        listed = ", ".join(f"{image} in Pulumi.{stack}.yaml" for stack, image in named.items())
        raise DeliveryError(
            f"app.image is in several repositories ({listed}); what staging has seen must be what prod gets, so name one"
        )
    return found.pop()


def _image(file: Path) -> str:
    config = yaml.safe_load(file.read_text())["config"]
    return next(str(section["image"]) for key, section in config.items() if key.endswith(":app"))


def tag_of(image: Image) -> str:
    """Version and the beginning of the digest of its settings: the same content has the same tag, which never moves."""
    version = image.config["Labels"]["org.opencontainers.image.version"]
    return f"{version}-{image.identity.removeprefix('sha256:')[:12]}"


def publish(archive: Path, whole_name: str) -> str:
    """Sees to it that the registry has the image of the archive; returns its name by digest. Raises DeliveryError."""
    host, _, name = whole_name.partition("/")
    to, tag = Repository(host, name, _login(host)), tag_of(Image(archive))
    try:
        digest = to.digest(tag)
    except httpx.HTTPError as error:
        raise DeliveryError(
            f"{host} does not tell whether it has {name}:{tag} ({error}); see that it can be reached"
        ) from None
    if digest is None:
        print(f"pushing {name}:{tag} to {host}")
        digest = to.push(archive, tag)
    else:
        print(f"{host} has {name}:{tag}")
    return f"{whole_name}@{digest}"


def _login(host: str) -> tuple[str, str] | None:
    """ECR's, for an hour or so (ECR user guide, "Private registry authentication"); other registries get none."""
    found = ECR.fullmatch(host)
    return ("AWS", run("aws", "ecr", "get-login-password", "--region", found[1]).strip()) if found else None


def main() -> int:
    """Status 1 where the image is not there, or does not get there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--archive", type=Path, default=ARCHIVE)
    parser.add_argument("stacks", nargs="+")
    given = parser.parse_args()
    try:
        if not given.archive.exists():
            raise DeliveryError(f"there is no {given.archive}; `make image BASE=shipped` makes it")
        whole_name = repository(given.stacks)
        install(["skopeo"], print)
        reference = publish(given.archive, whole_name)
    except (DeliveryError, ImageError, RealNodeError, OSError) as error:
        print(f"image: {error}")
        return 1
    (ROOT / "out" / "image").mkdir(parents=True, exist_ok=True)
    (ROOT / "out" / "image" / "reference").write_text(f"{reference}\n")
    print(f"{reference}\n  deploy it: make stack-deploy STACK={given.stacks[0]} IMAGE={reference}")
    output = os.environ.get("GITHUB_OUTPUT")
    if output:
        with Path(output).open("a") as file:
            file.write(f"image={reference}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
