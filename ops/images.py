"""Whether an image exists, asked of the registry that its name tells."""

import base64
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import boto3  # type: ignore[import-untyped]
import httpx
from botocore.exceptions import ClientError  # type: ignore[import-untyped]

from infra.recovery import REGISTRY_HOST
from ops.aws import asked
from ops.errors import OpsError

ANSWER_SECONDS = 20.0

KINDS = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)
"""Without them a registry answers with a form of its choice, or that there is none (OCI distribution specification, "Pull")."""

DOCKER_HUB = "docker.io"
ON_NODES = "localhost"
"""The host of names that were given on a node (`kind load`, `k3d image import`): no registry has them."""

CHALLENGE = re.compile(r'(\w+)="([^"]*)"')

Say = Callable[[str], None]


@dataclass(frozen=True)
class Reference:
    """The parts of an image's name: `host[:port]`, repository, and tag or digest."""

    host: str
    repository: str
    version: str

    @classmethod
    def of(cls, image: str) -> "Reference":
        """As Docker reads names: what comes first is a host when it has a dot or a port, or is `localhost`."""
        name, _, digest = image.partition("@")
        tag = ""
        if ":" in name.rsplit("/", 1)[-1]:
            name, _, tag = name.rpartition(":")
        first, _, rest = name.partition("/")
        if rest and ("." in first or ":" in first or first == ON_NODES):
            return cls(first, rest, digest or tag)
        return cls(DOCKER_HUB, name if "/" in name else f"library/{name}", digest or tag)


def require(image: str, say: Say, *, rehearsed: bool) -> None:
    """Returns when the registry has the image, or when there is none to ask; which, `say` hears. Raises OpsError otherwise."""
    reference, amazon = Reference.of(image), REGISTRY_HOST.match(image)
    if reference.host == ON_NODES:
        say(f"{image} is on the nodes, or nowhere: no registry is asked")
    elif amazon and rehearsed:
        say(f"{image} is not looked up: in a rehearsal nobody plays its registry")
    elif amazon:
        _in_ecr(amazon["account"], amazon["region"], reference)
    else:
        _in_registry(reference)


def _in_ecr(account: str, region: str, reference: Reference) -> None:
    key = "imageDigest" if reference.version.startswith("sha256:") else "imageTag"
    with asked(f"{reference.host} can't be asked for the image"):
        try:
            boto3.client("ecr", region_name=region).describe_images(
                registryId=account, repositoryName=reference.repository, imageIds=[{key: reference.version}]
            )
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("ImageNotFoundException", "RepositoryNotFoundException"):
                raise
            raise _missing(reference) from None


def _in_registry(reference: Reference) -> None:
    host = "registry-1.docker.io" if reference.host == DOCKER_HUB else reference.host
    # A registry on this machine has no certificate, as Docker assumes too.
    scheme = "http" if host.partition(":")[0] in ("localhost", "127.0.0.1") else "https"
    address = f"{scheme}://{host}/v2/{reference.repository}/manifests/{reference.version}"
    login = _login(reference.host)
    try:
        with httpx.Client(timeout=ANSWER_SECONDS, follow_redirects=True) as client:
            answer = client.head(address, headers={"Accept": KINDS})
            if answer.status_code == httpx.codes.UNAUTHORIZED:
                authorization = _authorization(client, answer.headers.get("www-authenticate", ""), login)
                answer = client.head(address, headers={"Accept": KINDS, **authorization})
    except httpx.HTTPError as error:
        raise OpsError(f"{reference.host} can't be asked for the image: {error}") from None
    if answer.status_code == httpx.codes.NOT_FOUND:
        raise _missing(reference)
    if answer.status_code != httpx.codes.OK:
        raise OpsError(
            f"{reference.host} answers {answer.status_code} when asked for {reference.repository}:{reference.version}; log in, "
            f"as in: docker login {reference.host}"
        )


def _authorization(client: httpx.Client, challenge: str, login: str | None) -> dict[str, str]:
    """The header that answers a challenge: the login itself, or a token of the service that the challenge names."""
    basic = {"Authorization": f"Basic {login}"} if login else {}
    if not challenge.lower().startswith("bearer"):
        return basic
    asked = dict(CHALLENGE.findall(challenge))
    realm = asked.pop("realm", "")
    answer = client.get(realm, params=asked, headers=basic)
    answer.raise_for_status()
    document = answer.json()
    return {"Authorization": f"Bearer {document.get('token') or document.get('access_token')}"}


def _login(host: str) -> str | None:
    """What `docker login` wrote for a host, if it wrote it into its file; never shown."""
    try:
        known = json.loads((Path.home() / ".docker" / "config.json").read_text()).get("auths") or {}
    except (OSError, ValueError):
        return None
    name = "https://index.docker.io/v1/" if host == DOCKER_HUB else host
    login = (known.get(name) or {}).get("auth")
    try:
        return str(login) if login and b":" in base64.b64decode(login) else None
    except ValueError:
        return None


def _missing(reference: Reference) -> OpsError:
    separator = "@" if reference.version.startswith("sha256:") else ":"
    return OpsError(
        f"{reference.host} has no image {reference.repository}{separator}{reference.version}: push it first, or correct the "
        "name. Nothing was done."
    )
