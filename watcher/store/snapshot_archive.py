"""The archive `snapshots/`: the exact bytes of every release, in one file `SOURCE/SHA256.zst` each.

A snapshot is compressed against an earlier one of its source (`zstd -d --patch-from=PREFIX --long=27` reads it).
docs/archive.md has the format and the measurements.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import sys
import tempfile
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from watcher.core.clock import SystemClock
from watcher.core.errors import StoreError, UsageError
from watcher.core.operations import earliest_name
from watcher.store import zstd_frames
from watcher.store.prefix_choice import choose_prefix, is_next_step
from watcher.store.snapshot_file import (
    MAX_SNAPSHOT,
    SHA256,
    SnapshotInfo,
    read_frames,
    read_info,
    verify_checksum,
    write_snapshot_file,
)
from watcher.store.zstd_frames import Prefix

if sys.version_info >= (3, 14):
    from compression.zstd import ZstdError
else:
    from backports.zstd import ZstdError

_CACHE_BYTES = 12 * 2**20  # of decoded snapshots; the prefix of the next one is among them
_SOURCE = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_SUFFIX = ".zst"
_BUSY_SECONDS, _LOCK_PAUSE = 30.0, 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """A file in the archive that is damaged or does not belong there."""

    path: Path
    reason: str


class SnapshotArchive:
    """All snapshots under one folder, which is created with the first. For one thread.

    Processes that write to the folder of one source wait for each other.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._infos: dict[str, dict[str, SnapshotInfo]] = {}  # by source and SHA-256
        self._versions: dict[str, int] = {}  # by source: the folder's time of modification when its receipts were read
        self._decoded: OrderedDict[tuple[str, str], bytes] = OrderedDict()
        self._next_step: dict[str, str] = {}  # by source: the snapshot that the next longer step goes back to

    def store_snapshot(
        self,
        data: bytes,
        *,
        source: str,
        observed: str | None,
        origin: str,
        registry: str,
        format: str,  # noqa: A002 - the config's word
        near: str | None = None,
        live: bool = False,
        accepted: bool = True,
        named: str | None = None,
        sha256: str = "",
    ) -> SnapshotInfo:
        """Store a snapshot and return its receipt. The same bytes are stored once, with the earliest observation.

        `sha256` saves the computation where the caller knows it. `near` is the most similar snapshot, that of the
        release before. A receipt that was not `accepted` takes the present values once its bytes are; an accepted one
        stays accepted. Raises StoreError; nothing is stored then.
        """
        if len(data) > MAX_SNAPSHOT:
            raise StoreError(f"a snapshot of {len(data)} bytes is larger than the {MAX_SNAPSHOT} that are kept")
        sha256 = sha256 or hashlib.sha256(data).hexdigest()
        with self._locked(source):
            infos = self._read_infos(source)
            stored = infos.get(sha256)
            if stored is not None:
                return self._merge(stored, observed=observed, origin=origin, live=live, accepted=accepted, named=named)
            number = max((info.number for info in infos.values()), default=-1) + 1
            info = SnapshotInfo(
                source=source,
                sha256=sha256,
                size=len(data),
                number=number,
                prefix=_choose_usable_prefix(infos, number, near),
                observed=observed,
                origin=origin,
                registry=registry,
                format=format,
                live=live,
                accepted=accepted,
                named=named,
                sequence=self._next_sequence(source) if live else None,
            )
            return self._store_new(info, data)

    @contextmanager
    def _locked(self, source: str) -> Iterator[None]:
        """Keep other processes from writing snapshots of a source during the block; read what they wrote before.

        Raises StoreError if another process keeps the lock.
        """
        folder = self._folder(source)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(folder, os.O_RDONLY)
        except OSError as error:
            raise StoreError(f"{folder}: cannot be written: {error.strerror}") from error
        try:
            _lock(descriptor, folder)
            if self._versions.get(source) != os.fstat(descriptor).st_mtime_ns:
                self._forget_infos(source)
            yield
        finally:
            os.close(descriptor)

    def _next_sequence(self, source: str) -> int:
        """Return the number of the next release that a check was served (`SnapshotInfo.sequence`)."""
        infos = self._read_infos(source).values()
        numbers = [info.sequence for info in infos if info.sequence is not None]
        return max((*numbers, *(number for info in infos for number in info.return_sequences.values())), default=-1) + 1

    def _store_new(self, info: SnapshotInfo, data: bytes) -> SnapshotInfo:
        """Write a new snapshot; keep it, and the one that the next longer step goes back to, decoded.

        It is stored in full if its prefix is damaged or missing: it may be the very one that is missing.
        """
        with ExitStack() as decoding:
            prefix = None
            if info.prefix is not None:
                try:
                    prefix = decoding.enter_context(self._decode(info.source, info.prefix))
                except StoreError:
                    info = replace(info, prefix=None)
            self._write(info, zstd_frames.compress(data, prefix))
        if is_next_step(info.number):
            self._next_step[info.source] = info.sha256
        elif (step := (info.source, self._next_step.get(info.source, ""))) in self._decoded:
            self._decoded.move_to_end(step)
        self._cache(info.source, info.sha256, data)
        return info

    def _merge(
        self,
        stored: SnapshotInfo,
        *,
        observed: str | None,
        origin: str,
        live: bool,
        accepted: bool,
        named: str | None,
    ) -> SnapshotInfo:
        """Update the receipt of a snapshot that is stored again, and return it."""
        stored_refused, stored = stored, replace(stored, refused=None) if accepted else stored
        if not stored.accepted:
            updated = replace(stored, observed=observed, origin=origin, live=live, accepted=True, named=named)
            if live and (updated.sequence is None or observed != stored.observed):  # or it is another hold of it
                updated = replace(updated, sequence=self._next_sequence(stored.source))
            if not live:
                updated = replace(updated, sequence=None)
            info = updated if accepted else stored
        else:
            info = replace(stored, live=stored.live or live, named=earliest_name(stored.named, named))
            if live and not stored.live:
                info = replace(info, sequence=self._next_sequence(stored.source))
            if observed and (stored.observed is None or observed < stored.observed):
                info = replace(info, observed=observed, origin=origin)
        return self._rewrite(stored_refused, info)

    def preview_receipt(
        self, source: str, sha256: str, *, observed: str | None, live: bool
    ) -> tuple[str | None, int | None]:
        """Return the `observed` and `sequence` that a snapshot would have if it were stored and accepted with this."""
        stored = self._read_infos(source).get(sha256)
        if stored is None or not stored.accepted:
            is_same = stored is not None and stored.sequence is not None and stored.observed == observed
            sequence = stored.sequence if stored is not None and is_same else self._next_sequence(source)
            return observed, sequence if live else None
        sequence = self._next_sequence(source) if live and not stored.live else stored.sequence
        return min(filter(None, (observed, stored.observed)), default=None), sequence

    def record_refusal(self, source: str, sha256: str, reason: str | None) -> None:
        """Record why a snapshot can be no release, in a sentence; None: it is one. Nothing without the snapshot."""
        stored = self._read_infos(source).get(sha256)
        if stored is None or stored.refused == reason:
            return
        with self._locked(source):
            stored = self._read_info(source, sha256)
            self._rewrite(stored, replace(stored, refused=reason))

    def withdraw(self, source: str, sha256: str) -> None:
        """Make a snapshot one that is not accepted, so that no rebuild makes a release of it."""
        with self._locked(source):
            stored = self._read_info(source, sha256)
            self._rewrite(stored, replace(stored, accepted=False))

    def forget_return(self, source: str, sha256: str, at: str) -> None:
        """Remove a time at which a snapshot came back (`record_return`)."""
        with self._locked(source):
            stored = self._read_info(source, sha256)
            sequences = {other: number for other, number in stored.return_sequences.items() if other != at}
            returned = tuple(other for other in stored.returned if other != at)
            self._rewrite(stored, replace(stored, returned=returned, return_sequences=sequences))

    def record_return(self, source: str, sha256: str, at: str) -> int | None:
        """Record that a snapshot came back after newer ones and was accepted; return the `sequence` of that.

        Raises StoreError if it is missing.
        """
        with self._locked(source):
            stored = self._read_info(source, sha256)
            if at not in stored.returned:
                sequences = {**stored.return_sequences, at: self._next_sequence(source)}
                returned = (*stored.returned, at)
                stored = self._rewrite(stored, replace(stored, returned=returned, return_sequences=sequences))
            return stored.return_sequences.get(at)

    def record_repeat(self, source: str, sha256: str, at: str) -> None:
        """Record that an imported copy was served at a UTC time. Raises StoreError if the snapshot is missing."""
        with self._locked(source):
            stored = self._read_info(source, sha256)
            if at not in stored.again:
                self._rewrite(stored, replace(stored, again=tuple(sorted({*stored.again, at}))))

    def _read_info(self, source: str, sha256: str) -> SnapshotInfo:
        info = self._read_infos(source).get(sha256)
        if info is None:
            raise StoreError(f"{self._path(source, sha256)}: this snapshot is missing; restore it from a backup")
        return info

    def _rewrite(self, stored: SnapshotInfo, info: SnapshotInfo) -> SnapshotInfo:
        """Replace the receipt of a snapshot; its frames stay."""
        if info != stored:
            path = self._path(stored.source, stored.sha256)
            try:
                verify_checksum(path)
                frames = read_frames(path)
            except (OSError, ValueError) as error:
                raise StoreError(f"{path}: damaged ({error}); restore it from a backup") from error
            self._write(info, frames)
        return info

    def read_snapshot(self, source: str, sha256: str) -> bytes:
        """Return the bytes of a snapshot, checked against its SHA-256. Raises StoreError if damaged or missing."""
        if (data := self._decoded.get((source, sha256))) is not None:
            return data
        with self._decode(source, sha256) as decoded:
            return decoded.part(0, decoded.size)

    def list_snapshots(self, source: str | None = None) -> Iterator[SnapshotInfo]:
        """Yield the receipts of a source, or of all, by source and SHA-256; no snapshot is decoded."""
        for name in self.list_sources() if source is None else [source]:
            yield from sorted(self._read_infos(name).values(), key=lambda info: info.sha256)

    def refresh(self, source: str) -> None:
        """Read the receipts of a source again if another process wrote one since they were read."""
        folder = self._folder(source)
        if folder.is_dir() and self._versions.get(source) != folder.stat().st_mtime_ns:
            self._forget_infos(source)

    def list_sources(self) -> list[str]:
        """Return the sources that have snapshots, by name."""
        if not self._root.is_dir():
            return []
        names = sorted(entry.name for entry in self._root.iterdir() if entry.is_dir() and _SOURCE.fullmatch(entry.name))
        return [name for name in names if any((self._root / name).glob("*" + _SUFFIX))]

    def find_damage(self, source: str | None = None, progress: Callable[[], None] = lambda: None) -> Iterator[Damage]:
        """Decode every snapshot and yield what is damaged; `progress` is called for each. Removes temporary files."""
        for name in self.list_sources() if source is None else [source]:
            # In the order of their numbers: the prefix of each was decoded just before.
            for path in self._list_folder(name):
                if path.name.endswith(".tmp"):
                    with self._locked(name):  # nobody is writing it
                        path.unlink(missing_ok=True)
                elif path.suffix == _SUFFIX:
                    progress()
                    if (reason := self._find_damage(name, path)) is not None:
                        yield Damage(path=path, reason=reason)
                else:
                    yield Damage(path=path, reason="is not a snapshot and was not written by registry-watcher")

    def list_files(self) -> Iterator[Path]:
        """Yield the file of every snapshot, each source in the order in which its snapshots were stored."""
        for name in self.list_sources():
            yield from (path for path in self._list_folder(name) if path.suffix == _SUFFIX)

    def _list_folder(self, source: str) -> list[Path]:
        """Return the files of a source as they are at one moment: other ones, then snapshots by their numbers."""
        if not self._folder(source).is_dir():
            return []
        with self._locked(source):
            numbers = {self._path(source, sha256): info.number for sha256, info in self._read_infos(source).items()}
            return sorted(self._folder(source).iterdir(), key=lambda path: (numbers.get(path, -1), path.name))

    def find_damage_of(self, path: Path) -> str | None:
        """Return why the file of a snapshot in this archive is damaged; None if it is whole."""
        with suppress(StoreError):
            self._read_infos(path.parent.name)[path.stem] = read_info(path)  # it may be new since they were read
        return self._find_damage(path.parent.name, path)

    def _find_damage(self, source: str, path: Path) -> str | None:
        try:
            info = read_info(path)
            if info.sha256 != path.stem or info.source != source:
                return "is the snapshot of another name"
            self._decoded.pop((source, info.sha256), None)
            self.read_snapshot(source, info.sha256)
            verify_checksum(path)
        except StoreError as error:
            return str(error).removeprefix(f"{path}: ")
        except (OSError, ValueError) as error:
            return f"damaged ({error}); restore the file from a backup, or remove it and fetch or import it again"
        return None

    @contextmanager
    def _decode(self, source: str, sha256: str) -> Iterator[Prefix]:
        """Yield a snapshot, checked against its SHA-256. Large ones are kept in temporary files, not in memory."""
        chain = self._read_chain(source, sha256)
        with ExitStack() as files:
            try:
                decoded = self._decode_chain(source, sha256, chain, files, check_all=False)
            except StoreError:
                # One of the chain is damaged. Checking each against its own SHA-256 raises the error of the right one.
                decoded = self._decode_chain(source, sha256, chain, files, check_all=True)
            if chain and chain[0].size <= zstd_frames.WHOLE:  # the others of the chain are rarely read again
                self._cache(source, sha256, decoded.part(0, decoded.size))
            yield decoded

    def _read_chain(self, source: str, sha256: str) -> list[SnapshotInfo]:
        """Return a snapshot and its prefixes, up to the first that is stored in full or is in the cache."""
        chain: list[SnapshotInfo] = []
        step: str | None = sha256
        while step is not None and (source, step) not in self._decoded:
            info = self._read_infos(source).get(step)
            if info is None and self._path(source, step).exists():
                self._forget_infos(source)  # another process stored it meanwhile
                info = self._read_infos(source).get(step)
            if info is None:
                raise StoreError(
                    f"{self._path(source, step)}: this snapshot is missing; restore it from a backup, or fetch or "
                    "import the release again"
                )
            if info in chain:
                raise StoreError(f"{self._path(source, step)}: its prefixes form a loop; restore it from a backup")
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
        path = self._path(info.source, info.sha256)
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

    def _cache(self, source: str, sha256: str, data: bytes) -> None:
        """Keep a decoded snapshot for the next call, unless it is large."""
        if len(data) > zstd_frames.WHOLE:
            return
        self._decoded[source, sha256] = data
        self._decoded.move_to_end((source, sha256))
        while len(self._decoded) > 1 and sum(map(len, self._decoded.values())) > _CACHE_BYTES:
            self._decoded.popitem(last=False)

    def _folder(self, source: str) -> Path:
        if not _SOURCE.fullmatch(source):
            raise UsageError(f"{source!r} is not a source name: lower-case letters, digits and . _ -, 64 at most")
        return self._root / source

    def _path(self, source: str, sha256: str) -> Path:
        if not SHA256.fullmatch(sha256):
            raise UsageError(f"{sha256!r} is not a SHA-256")
        return self._folder(source) / (sha256 + _SUFFIX)

    def _read_infos(self, source: str) -> dict[str, SnapshotInfo]:
        """Return the receipts of a source, read from disk once. Leaves out damaged ones; `find_damage` names them."""
        if source not in self._infos:
            infos: dict[str, SnapshotInfo] = {}
            folder = self._folder(source)
            if folder.is_dir():
                self._versions[source] = folder.stat().st_mtime_ns
            for path in folder.glob("*" + _SUFFIX) if folder.is_dir() else ():
                with suppress(StoreError):
                    info = read_info(path)
                    infos[info.sha256] = info
            self._infos[source] = infos
        return self._infos[source]

    def _write(self, info: SnapshotInfo, frames: bytes) -> None:
        write_snapshot_file(self._path(info.source, info.sha256), info, frames)
        self._infos[info.source][info.sha256] = info
        self._mark_written(info.source)

    def _mark_written(self, source: str) -> None:
        """Give the folder a time of modification that it never had: clocks go back, and tick rarely."""
        folder = self._folder(source)
        status = folder.stat()
        version = max(status.st_mtime_ns, self._versions.get(source, 0) + 1)
        with suppress(PermissionError):  # another user's folder: then the receipts are read again each time
            os.utime(folder, ns=(status.st_atime_ns, version))
            self._versions[source] = folder.stat().st_mtime_ns

    def _forget_infos(self, source: str) -> None:
        self._infos.pop(source, None)
        self._versions.pop(source, None)
        self._read_infos(source)


def _lock(descriptor: int, folder: Path) -> None:
    """Lock a folder for this process until the descriptor is closed. Raises StoreError if another one keeps it."""
    clock = SystemClock()
    end = clock.monotonic() + _BUSY_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if clock.monotonic() > end:
                raise StoreError(f"{folder}: another process is writing snapshots; try again") from None
            clock.sleep(_LOCK_PAUSE)
        else:
            return


def _choose_usable_prefix(infos: Mapping[str, SnapshotInfo], number: int, near: str | None) -> str | None:
    prefix = choose_prefix(infos, number, near)
    return None if prefix is None or infos[prefix].size < zstd_frames.SMALLEST_PREFIX else prefix


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
