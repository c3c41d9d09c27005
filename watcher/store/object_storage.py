"""Objects in a bucket with the S3 API, through obstore (the extra `s3`).

An object that is there is never replaced: `create` writes with `If-None-Match: *`, and the server decides which of two
writers is first.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    NotFoundError,
    PermissionDeniedError,
    UnauthenticatedError,
)
from obstore.store import S3Store

from watcher.core.errors import ConfigError, StoreError
from watcher.core.texts import cut_text
from watcher.store.object_url import ObjectUrl

_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
_REGION = "us-east-1"  # servers that are not Amazon's accept any
_LONGEST_REASON = 500  # characters
_AT_ONCE = 8  # requests of one `get_all`


class ObjectStorage:
    """The objects under the prefix of a URL. May be used by several threads."""

    def __init__(self, url: ObjectUrl) -> None:
        """Raises ConfigError if the keys are missing; the server is not asked."""
        if not url.from_instance and not all(os.environ.get(name) for name in _KEYS):
            raise ConfigError(
                f"{url}: there is no key; set {' and '.join(_KEYS)} in the environment, or add credentials=instance to "
                "the URL where the host has a role"
            )
        self.url = url
        self._store = S3Store(
            url.bucket,
            prefix=url.prefix or None,
            endpoint=url.endpoint,
            region=url.region or os.environ.get("AWS_REGION", _REGION),
            client_options={"allow_http": True, "timeout": "60s", "connect_timeout": "10s"},
            retry_config={"max_retries": 4, "retry_timeout": timedelta(seconds=90)},
        )

    def create(self, key: str, data: bytes) -> bool:
        """Write an object; return False, and write nothing, if there is one. Raises StoreError.

        False may also mean that an earlier try wrote it and its answer was lost.
        """
        with self._errors(key):
            try:
                self._store.put(key, data, mode="create", use_multipart=False)
            except AlreadyExistsError:
                return False
        return True

    def get(self, key: str) -> bytes | None:
        """Return an object, None if it does not exist. Raises StoreError."""
        with self._errors(key):
            try:
                return bytes(self._store.get(key).bytes())
            except (NotFoundError, FileNotFoundError):
                return None

    def get_all(self, keys: Sequence[str]) -> list[bytes | None]:
        """Return several objects in the order of their keys. Raises StoreError."""
        if len(keys) <= 1:
            return [self.get(key) for key in keys]
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            return list(threads.map(self.get, keys))

    def list_keys(self, folder: str) -> list[str]:
        """Return the keys under a folder, in the order of their bytes. Raises StoreError."""
        with self._errors(folder):
            return sorted(str(entry["path"]) for page in self._store.list(folder) for entry in page)

    def list_folders(self) -> list[str]:
        """Return the names of the folders at the top, in the order of their bytes. Raises StoreError."""
        with self._errors(""):
            return sorted(path.rstrip("/") for path in self._store.list_with_delimiter()["common_prefixes"])

    @contextmanager
    def _errors(self, key: str) -> Iterator[None]:
        try:
            yield
        except (BaseError, OSError) as error:
            reason = " ".join(str(error).partition("\n\nDebug source:")[0].split())
            if "<Code>NoSuchBucket</Code>" in reason:
                reason = "there is no such bucket; create it"
            elif isinstance(error, UnauthenticatedError | PermissionDeniedError) or " 403 Forbidden" in reason:
                reason = f"the server refuses the key in AWS_ACCESS_KEY_ID, or its right to do this: {reason}"
            raise StoreError(f"{self.url}: {key or 'the bucket'}: {cut_text(reason, _LONGEST_REASON)}") from error
