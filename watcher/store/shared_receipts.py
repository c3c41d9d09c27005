"""An archive in object storage: what its folder on this host is a copy of. docs/archive.md has the keys.

    SOURCE/SHA256.zst           the file of a snapshot as it was first written: receipt and frames
    SOURCE/receipts/NUMBER      each receipt that was written, also again, in order: a log for one source

No object is ever replaced. A writer first reads the log to its end; the number of its own entry is the next one, and
the server refuses a second object of that name. So of two writers, on whatever hosts, one comes first and the other
one reads its entry and tries again: no lock is held by a host that may have died.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from watcher.core.durable_files import replace_file
from watcher.core.errors import ConfigError, StoreError
from watcher.core.extras import S3_IS_MISSING, is_installed
from watcher.core.lazy import load
from watcher.store.object_url import ObjectUrl
from watcher.store.snapshot_file import (
    SUFFIX,
    ReceiptConflict,
    SnapshotInfo,
    join_file,
    join_receipt,
    parse_receipt,
    split_file,
    verify_parts,
    write_snapshot_file,
)

if TYPE_CHECKING:
    from watcher.store import object_storage
else:
    object_storage = load("object_storage")

_POSITIONS = ".objects"  # the folder of the positions, which no source can be named
_DIGITS = 10
_BATCH = 64  # snapshots that are in memory at once while a folder is filled


class SharedReceipts:
    """The log of receipts in object storage, and how far each source in a folder has read it. For one thread.

    Call all but `list_sources` inside the folder's lock (`SnapshotReceipts.lock`).
    """

    def __init__(self, url: ObjectUrl, root: Path) -> None:
        """Raises ConfigError if the extra `s3` or the keys are missing; the server is not asked."""
        if not is_installed("obstore"):
            raise ConfigError(S3_IS_MISSING)
        self._storage = object_storage.ObjectStorage(url)
        self._root = root

    def list_sources(self) -> list[str]:
        """Return the names of all folders of the bucket, also of what others keep there. Raises StoreError."""
        return self._storage.list_folders()

    def pull(self, source: str) -> bool:
        """Write what other hosts stored to the folder; return whether there was anything.

        Raises StoreError; each file that was written then is whole.
        """
        position = self._read_position(source)
        keys = self._storage.list_keys(f"{source}/receipts") if position == 0 else []
        entries = [_require(entry, key) for key, entry in zip(keys, self._storage.get_all(keys), strict=True)]
        while (entry := self._storage.get(_name_entry(source, position + len(entries)))) is not None:
            entries.append(entry)
        latest = {parse_receipt(entry, self._storage.url).sha256: entry for entry in entries}
        if position == 0:
            self._refuse_others(source, latest)
        if entries:
            self._write_files(source, latest)
            self._write_position(source, position + len(entries))
        return bool(entries)

    def pull_again(self, source: str) -> None:
        """Write every snapshot that the folder lacks, and all receipts. Raises StoreError."""
        self._write_position(source, 0)
        self.pull(source)

    def push(self, info: SnapshotInfo, frames: bytes) -> tuple[SnapshotInfo, bytes]:
        """Add a receipt to the log, and its snapshot if it is new; return what to write to the folder.

        Another host may have stored the same snapshot compressed against another one: its frames stay and are
        returned. Raises ReceiptConflict if the log has entries that `pull` did not read, and StoreError.
        """
        key = f"{info.source}/{info.sha256}{SUFFIX}"
        is_new = not (self._root / key).exists()
        if is_new and not self._storage.create(key, join_file(info, frames)):
            receipt, frames = split_file(_require(self._storage.get(key), key))
            info = replace(info, prefix=parse_receipt(receipt, key).prefix)
        receipt, _ = split_file(join_file(info, frames))
        if not self._storage.create(_name_entry(info.source, self._read_position(info.source)), receipt):
            raise ReceiptConflict(f"{info.source}: another host is writing snapshots; try again")
        return info, frames

    def advance(self, source: str) -> None:
        """Record that the folder has what was pushed last; without it `pull` writes that again."""
        self._write_position(source, self._read_position(source) + 1)

    def _write_files(self, source: str, latest: Mapping[str, bytes]) -> None:
        """Write snapshots with their latest receipts; frames are those of the folder, or else of the bucket."""
        paths = {sha256: self._root / source / (sha256 + SUFFIX) for sha256 in latest}
        missing = [sha256 for sha256, path in paths.items() if not path.exists()]
        for start in range(0, len(missing), _BATCH):
            batch = missing[start : start + _BATCH]
            keys = [f"{source}/{sha256}{SUFFIX}" for sha256 in batch]
            for sha256, key, file in zip(batch, keys, self._storage.get_all(keys), strict=True):
                self._write_file(paths[sha256], latest[sha256], _require(file, key))
        for sha256 in latest.keys() - set(missing):
            self._write_file(paths[sha256], latest[sha256], paths[sha256].read_bytes())

    def _write_file(self, path: Path, receipt: bytes, file: bytes) -> None:
        try:
            _, frames = split_file(file)
            verify_parts(receipt, frames)
        except ValueError as error:
            raise StoreError(
                f"{path}: the snapshot in {self._storage.url}, or its copy here, is damaged ({error}); remove the file "
                "here, so that it is fetched again"
            ) from error
        whole = join_receipt(receipt, frames)
        if whole != file or not path.exists():
            write_snapshot_file(path, whole)

    def _refuse_others(self, source: str, latest: Mapping[str, bytes]) -> None:
        """Raise StoreError if the folder has snapshots that the bucket lacks: later ones would build on them."""
        others = {path.stem for path in (self._root / source).glob("*" + SUFFIX)} - latest.keys()
        if others:
            raise StoreError(
                f"{self._root / source}: has {len(others)} snapshots that {self._storage.url} has not; run `watcher "
                f"archive copy {self._root} '{self._storage.url}'`, or name another folder in `snapshots`"
            )

    def _read_position(self, source: str) -> int:
        """Return how many entries of the log the folder has."""
        try:
            stored = json.loads((self._root / _POSITIONS / source).read_bytes())
            return int(stored["position"]) if stored["url"] == str(self._storage.url) else 0
        except (OSError, ValueError, KeyError, TypeError):
            return 0  # all are read again, which is only slower

    def _write_position(self, source: str, position: int) -> None:
        path = self._root / _POSITIONS / source
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with replace_file(path) as temporary:
                temporary.write_text(json.dumps({"url": str(self._storage.url), "position": position}), "utf-8")
        except OSError as error:
            raise StoreError(f"{path}: cannot be written: {error.strerror}") from error


def _name_entry(source: str, position: int) -> str:
    return f"{source}/receipts/{position:0{_DIGITS}}"


def _require(data: bytes | None, key: str) -> bytes:
    if data is None:
        raise StoreError(f"{key}: is missing in the object storage; restore it from a backup of the bucket")
    return data
