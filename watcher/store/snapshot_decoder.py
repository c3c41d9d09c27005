"""Decodes a snapshot through the chain of snapshots that it is compressed against, and keeps a few decoded ones."""

from __future__ import annotations

import hashlib
import sys
import tempfile
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import BinaryIO

from watcher.core.errors import StoreError
from watcher.store import zstd_frames
from watcher.store.snapshot_file import SnapshotInfo, read_frames
from watcher.store.snapshot_receipts import SnapshotReceipts
from watcher.store.zstd_frames import Prefix

if sys.version_info >= (3, 14):
    from compression.zstd import ZstdError
else:
    from backports.zstd import ZstdError

_CACHE_BYTES = 12 * 2**20  # of decoded snapshots; the prefix of the next one is among them


class SnapshotDecoder:
    """Decodes the snapshots that have a receipt; lives as long as they. For one thread."""

    def __init__(self, receipts: SnapshotReceipts) -> None:
        self._receipts = receipts
        self._decoded: OrderedDict[tuple[str, str], bytes] = OrderedDict()  # by source and SHA-256; last used last

    def read(self, source: str, sha256: str) -> bytes:
        """Return the bytes of a snapshot, checked against its SHA-256. Raises StoreError if damaged or missing."""
        if (data := self._decoded.get((source, sha256))) is not None:
            return data
        with self.decode(source, sha256) as decoded:
            return decoded.part(0, decoded.size)

    @contextmanager
    def decode(self, source: str, sha256: str) -> Iterator[Prefix]:
        """Yield a snapshot, checked against its SHA-256. Large ones are kept in temporary files, not in memory."""
        chain = self._read_chain(source, sha256)
        with ExitStack() as files:
            try:
                decoded = self._decode_chain(source, sha256, chain, files, check_all=False)
            except StoreError:
                # One of the chain is damaged. Checking each against its own SHA-256 raises the error of the right one.
                decoded = self._decode_chain(source, sha256, chain, files, check_all=True)
            if chain and chain[0].size <= zstd_frames.WHOLE:  # the others of the chain are rarely read again
                self.keep(source, sha256, decoded.part(0, decoded.size))
            yield decoded

    def keep(self, source: str, sha256: str, data: bytes) -> None:
        """Keep a decoded snapshot for the next call, unless it is large; the least recently used ones go."""
        if len(data) > zstd_frames.WHOLE:
            return
        self._decoded[source, sha256] = data
        self._decoded.move_to_end((source, sha256))
        while len(self._decoded) > 1 and sum(map(len, self._decoded.values())) > _CACHE_BYTES:
            self._decoded.popitem(last=False)

    def keep_longer(self, source: str, sha256: str) -> None:
        """Count a snapshot as used now, if it is kept."""
        if (source, sha256) in self._decoded:
            self._decoded.move_to_end((source, sha256))

    def forget(self, source: str, sha256: str) -> None:
        """Read a snapshot from its file the next time."""
        self._decoded.pop((source, sha256), None)

    def _read_chain(self, source: str, sha256: str) -> list[SnapshotInfo]:
        """Return a snapshot and its prefixes, up to the first that is stored in full or is kept."""
        chain: list[SnapshotInfo] = []
        step: str | None = sha256
        while step is not None and (source, step) not in self._decoded:
            info = self._receipts.find(source, step)
            if info is None:
                raise StoreError(
                    f"{self._receipts.path_of(source, step)}: this snapshot is missing; restore it from a backup, or "
                    "fetch or import the release again"
                )
            if info in chain:
                path = self._receipts.path_of(source, step)
                raise StoreError(f"{path}: its prefixes form a loop; restore it from a backup")
            chain.append(info)
            step = info.prefix
        return chain

    def _decode_chain(
        self, source: str, sha256: str, chain: list[SnapshotInfo], files: ExitStack, *, check_all: bool
    ) -> Prefix:
        """Decode a chain from its end; only the wanted snapshot is checked, or all of the chain."""
        start = chain[-1].prefix if chain else sha256
        decoded = zstd_frames.from_bytes(self._decoded[source, start]) if start is not None else None
        for info in reversed(chain):
            pieces = self._decode_one(info, decoded, check=check_all or info is chain[0])
            if info.size > zstd_frames.WHOLE:
                decoded = _write_temporary(info, pieces, files.enter_context(tempfile.TemporaryFile()))  # noqa: SIM115
            else:
                decoded = zstd_frames.from_bytes(b"".join(pieces))
        if decoded is None:
            raise StoreError(f"{source}: no snapshot {sha256}")
        return decoded

    def _decode_one(self, info: SnapshotInfo, prefix: Prefix | None, *, check: bool) -> Iterator[bytes]:
        path = self._receipts.file_of(info.source, info.sha256)
        advice = "restore the file from a backup, or remove it and fetch or import the release again"
        digest = hashlib.sha256()
        try:
            for piece in zstd_frames.decompress(read_frames(path), prefix, info.size):
                if check:
                    digest.update(piece)
                yield piece
        except (OSError, ZstdError, EOFError, ValueError) as error:
            raise StoreError(f"{path}: damaged ({error}); {advice}") from error
        if check and digest.hexdigest() != info.sha256:
            raise StoreError(f"{path}: damaged (its content has another SHA-256); {advice}")


def _write_temporary(info: SnapshotInfo, pieces: Iterable[bytes], file: BinaryIO) -> Prefix:
    """Write a large snapshot to a temporary file and return it as a prefix that reads from there."""

    def read_part(start: int, end: int) -> bytes:
        file.seek(start)
        return file.read(end - start)

    try:
        file.writelines(pieces)
    except OSError as error:
        raise StoreError(f"a temporary file cannot be written: {error.strerror}") from error
    return Prefix(size=info.size, part=read_part)
