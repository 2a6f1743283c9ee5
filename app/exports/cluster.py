"""`python -m app.exports.cluster`: keep Kubernetes' objects as files, from a pod, with the rights of its service account."""

import json
import ssl
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import structlog
from pydantic import StringConstraints

from app.command import run
from app.exports.objects import ApiError, collect
from app.exports.place import Place, PlaceError, name_for, place_at
from app.exports.settings import CopyName
from app.settings import Environment

ARCHIVE = "objects.tar.gz"

log = structlog.get_logger()


class ClusterExportSettings(Environment):
    """Environment of the export. The last two are Kubernetes' usual places; tests give others."""

    exports_place: str
    exports_name: CopyName | None = None
    kubernetes_api: Annotated[str, StringConstraints(pattern=r"^https://")] = "https://kubernetes.default.svc"
    service_account_folder: Path = Path("/var/run/secrets/kubernetes.io/serviceaccount")


class PodsApi:
    """The API server as a pod reaches it."""

    def __init__(self, server: str, folder: Path) -> None:
        self._server, self._folder = server, folder
        self._context = ssl.create_default_context(cafile=str(folder / "ca.crt"))

    def get(self, path: str, accept: str) -> Mapping[str, Any]:
        """The answer to a path. Raises ApiError."""
        # Read each time: the kubelet replaces a token before it expires.
        headers = {"Accept": accept, "Authorization": f"Bearer {(self._folder / 'token').read_text().strip()}"}
        request = urllib.request.Request(f"{self._server}{path}", headers=headers)  # noqa: S310 - https, by the settings
        try:
            with urllib.request.urlopen(request, context=self._context, timeout=60) as answer:  # noqa: S310
                found: Mapping[str, Any] = json.load(answer)
        except urllib.error.HTTPError as error:
            raise ApiError(error.code, f"GET {path}: {error.code} {error.reason}") from None
        except (OSError, ValueError) as error:
            raise ApiError(0, f"GET {path}: {error}") from None
        return found


def export(api: PodsApi, place: Place, name: str) -> dict[str, Any]:
    """Make a copy; returns its manifest. Raises ApiError and PlaceError."""
    archive = collect(api.get)
    written = place.write(f"{name}/{ARCHIVE}", [archive.packed()])
    manifest = {**archive.manifest(), "archive": {"file": ARCHIVE, "bytes": written.bytes, "sha256": written.sha256}}
    place.complete(name, manifest)
    return manifest


def main() -> int:
    """Export; returns the process' exit status."""
    errors = (ApiError, PlaceError, OSError)
    return run(
        ClusterExportSettings, _export, "export_failed", errors, "the copy has no manifest and counts for nothing"
    )


def _export(settings: ClusterExportSettings) -> None:
    name = settings.exports_name or name_for(datetime.now(tz=UTC))
    place = place_at(settings.exports_place, settings.aws_region)
    manifest = export(PodsApi(settings.kubernetes_api, settings.service_account_folder), place, name)
    log.info("exported", copy=name, objects=manifest["objects"], bytes=manifest["archive"]["bytes"])


if __name__ == "__main__":
    sys.exit(main())
