"""Where copies are kept: a prefix of an S3 bucket, or a folder. What is written is measured, and nothing half-written counts.

A copy is a folder of its own, named by when it was made, and complete once its manifest is there: that is written last.
"""

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

from botocore.config import Config  # type: ignore[import-untyped]
from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]
from botocore.session import get_session  # type: ignore[import-untyped]

MANIFEST = "manifest.json"

PART_BYTES = 32 * 1024 * 1024
"""Of a multipart upload. S3 takes 10,000 parts (S3 user guide, "Multipart upload limits"): copies of up to 312 GiB, with two
parts in memory at a time."""

READ_BYTES = 1024 * 1024


class PlaceError(Exception):
    """A copy can't be written or read; the message says why."""


@dataclass(frozen=True)
class Written:
    """What was written: its size in bytes, and its SHA-256 in hexadecimal."""

    bytes: int
    sha256: str


def name_for(time: datetime) -> str:
    """The name of a copy that is made at that time: it sorts, and is good in a path and in a Kubernetes name."""
    return time.astimezone(UTC).strftime("%Y-%m-%dt%H-%M-%Sz")


class Place(ABC):
    """Files by path. Everything raises PlaceError."""

    def write(self, path: str, chunks: Iterable[bytes]) -> Written:
        """Write a file of whatever length, which is there as a whole or not at all, and check its size where it lies."""
        digest, size = hashlib.sha256(), 0

        def measured() -> Iterator[bytes]:
            nonlocal size
            for chunk in chunks:
                digest.update(chunk)
                size += len(chunk)
                yield chunk

        self._write(path, measured())
        found = self.size(path)
        if found != size:
            raise PlaceError(f"{path} has {found} bytes where it lies, and {size} were sent; make the copy again")
        return Written(size, digest.hexdigest())

    def complete(self, copy: str, manifest: Mapping[str, Any]) -> None:
        """Write the manifest of a copy, which makes it one."""
        text = json.dumps({**manifest, "name": copy}, indent=2, sort_keys=True, default=str) + "\n"
        self.write(f"{copy}/{MANIFEST}", [text.encode()])

    def manifest(self, copy: str) -> dict[str, Any]:
        """What is known of a copy."""
        try:
            found: dict[str, Any] = json.loads(b"".join(self.read(f"{copy}/{MANIFEST}")))
        except ValueError:
            raise PlaceError(f"{copy}/{MANIFEST} is no JSON; choose another copy") from None
        return found

    def names(self) -> list[str]:
        """Of the copies that are complete, oldest first."""
        return sorted(path.removesuffix(f"/{MANIFEST}") for path in self._paths() if path.endswith(f"/{MANIFEST}"))

    @abstractmethod
    def _paths(self) -> Iterator[str]: ...

    @abstractmethod
    def _write(self, path: str, chunks: Iterator[bytes]) -> None: ...

    @abstractmethod
    def size(self, path: str) -> int | None:
        """Of a file, in bytes; None where there is none."""

    @abstractmethod
    def read(self, path: str) -> Iterator[bytes]:
        """A file in chunks."""


class Folder(Place):
    """A folder of this machine."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def _write(self, path: str, chunks: Iterator[bytes]) -> None:
        target = self._root / path
        part = target.with_name(f"{target.name}.part")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with part.open("wb") as file:
                file.writelines(chunks)
            part.replace(target)
        except OSError as error:
            raise PlaceError(f"{target} can't be written: {error}") from None
        finally:
            part.unlink(missing_ok=True)

    def _paths(self) -> Iterator[str]:
        return (str(path.relative_to(self._root)) for path in self._root.glob(f"*/{MANIFEST}"))

    def size(self, path: str) -> int | None:
        """Of a file, in bytes; None where there is none."""
        target = self._root / path
        return target.stat().st_size if target.is_file() else None

    def read(self, path: str) -> Iterator[bytes]:
        """A file in chunks."""
        try:
            with (self._root / path).open("rb") as file:
                while chunk := file.read(READ_BYTES):
                    yield chunk
        except OSError as error:
            raise PlaceError(f"{self._root / path} can't be read: {error}") from None


class S3(Place):
    """A prefix of a bucket. Each part arrives with its own SHA-256, which S3 compares.

    Writing asks for s3:PutObject, s3:AbortMultipartUpload and s3:ListBucket only: who writes copies can't read them.
    """

    def __init__(self, bucket: str, prefix: str, region: str | None, part_bytes: int = PART_BYTES) -> None:
        self._bucket, self._prefix, self._part_bytes = bucket, prefix, part_bytes
        retries = Config(retries={"mode": "standard", "max_attempts": 5})
        self._client = get_session().create_client("s3", region_name=region, config=retries)

    def _key(self, path: str) -> str:
        return f"{self._prefix}/{path}" if self._prefix else path

    def _write(self, path: str, chunks: Iterator[bytes]) -> None:
        where = {"Bucket": self._bucket, "Key": self._key(path)}
        parts = _parts(chunks, self._part_bytes)
        first, second = next(parts, b""), next(parts, None)
        try:
            if second is None:
                self._client.put_object(**where, Body=first, ChecksumAlgorithm="SHA256")
            else:
                self._in_parts(where, chain([first, second], parts))
        except (BotoCoreError, ClientError) as error:
            raise PlaceError(f"s3://{self._bucket}/{self._key(path)} can't be written: {error}") from None

    def _in_parts(self, where: Mapping[str, str], parts: Iterator[bytes]) -> None:
        upload = self._client.create_multipart_upload(**where, ChecksumAlgorithm="SHA256")["UploadId"]
        try:
            done = []
            for number, part in enumerate(parts, 1):
                answer = self._client.upload_part(
                    **where, UploadId=upload, PartNumber=number, Body=part, ChecksumAlgorithm="SHA256"
                )
                done.append({"PartNumber": number, "ETag": answer["ETag"], "ChecksumSHA256": answer["ChecksumSHA256"]})
            self._client.complete_multipart_upload(**where, UploadId=upload, MultipartUpload={"Parts": done})
        except BaseException:
            # Also when whoever sends has failed: its parts would cost, and no listing shows them.
            self._client.abort_multipart_upload(**where, UploadId=upload)
            raise

    def _paths(self) -> Iterator[str]:
        prefix = self._key("")
        try:
            for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix):
                yield from (each["Key"].removeprefix(prefix) for each in page.get("Contents", []))
        except (BotoCoreError, ClientError) as error:
            raise PlaceError(f"s3://{self._bucket}/{prefix} can't be listed: {error}") from None

    def size(self, path: str) -> int | None:
        """Of a file, in bytes; None where there is none. By a listing, which shows no content."""
        key = self._key(path)
        try:
            found = self._client.list_objects_v2(Bucket=self._bucket, Prefix=key, MaxKeys=1).get("Contents", [])
        except (BotoCoreError, ClientError) as error:
            raise PlaceError(f"s3://{self._bucket}/{key} can't be looked for: {error}") from None
        return int(found[0]["Size"]) if found and found[0]["Key"] == key else None

    def read(self, path: str) -> Iterator[bytes]:
        """A file in chunks."""
        key = self._key(path)
        try:
            yield from self._client.get_object(Bucket=self._bucket, Key=key)["Body"].iter_chunks(READ_BYTES)
        except (BotoCoreError, ClientError) as error:
            raise PlaceError(f"s3://{self._bucket}/{key} can't be read: {error}") from None


def _parts(chunks: Iterator[bytes], size: int) -> Iterator[bytes]:
    """The same bytes in parts of `size`, the last one shorter; one empty part of nothing."""
    buffer = bytearray()
    for chunk in chunks:
        buffer += chunk
        while len(buffer) >= size:
            yield bytes(buffer[:size])
            del buffer[:size]
    if buffer:
        yield bytes(buffer)


def place_at(address: str, region: str | None = None) -> Place:
    """The place of an address: s3://BUCKET/PREFIX, or an absolute folder. Raises PlaceError for another one."""
    if address.startswith("s3://"):
        bucket, _, prefix = address.removeprefix("s3://").partition("/")
        if bucket:
            return S3(bucket, prefix.strip("/"), region)
    elif address.startswith("/"):
        return Folder(Path(address))
    raise PlaceError(f"{address} is no place for copies; write s3://BUCKET/PREFIX, or an absolute folder")
