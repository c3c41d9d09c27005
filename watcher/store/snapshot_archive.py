"""The archive `snapshots/`: the exact bytes of every release, in one file `SOURCE/SHA256.zst` each.

A snapshot is compressed against an earlier one of its source (`zstd -d --patch-from=PREFIX --long=27` reads it).
docs/archive.md has the format and the measurements. The receipts are in `snapshot_receipts.py`, the bytes are read by
`snapshot_decoder.py`; this module stores, records and verifies.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, suppress
from functools import wraps
from pathlib import Path
from typing import ParamSpec, TypeVar

from msgspec import Struct
from msgspec.structs import asdict, replace

from watcher.core.clock import SystemClock
from watcher.core.errors import StoreError
from watcher.store import zstd_frames
from watcher.store.archive_location import ArchiveLocation
from watcher.store.prefix_choice import choose_prefix, is_next_step
from watcher.store.repeated_snapshot import Observation, merge_observation
from watcher.store.snapshot_decoder import SnapshotDecoder
from watcher.store.snapshot_file import MAX_SNAPSHOT, SUFFIX, ReceiptConflict, SnapshotInfo, read_info, verify_checksum
from watcher.store.snapshot_receipts import SnapshotReceipts

# The longest waits, in seconds, before a write is retried because another host wrote first. Each host waits a random
# part of them: without that, one that is a little slower than two others loses every time.
_WAITS = (0.1, 0.2, 0.4, 0.8, 1.6, 1.6, 1.6, 1.6, 1.6, 1.6)
_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")


def _retry_after_conflict(write: Callable[_Parameters, _Result]) -> Callable[_Parameters, _Result]:
    """Retry a write if another host wrote first: the next attempt reads what that host wrote, and decides again."""

    @wraps(write)
    def try_writes(*arguments: _Parameters.args, **named: _Parameters.kwargs) -> _Result:
        clock = SystemClock()
        for most in _WAITS:
            with suppress(ReceiptConflict):
                return write(*arguments, **named)
            clock.sleep(most * clock.jitter())
        return write(*arguments, **named)

    return try_writes


class Damage(Struct, frozen=True, kw_only=True):
    """A file in the archive that is damaged or does not belong there."""

    path: Path
    reason: str


class SnapshotArchive:
    """All snapshots of one place (`ArchiveLocation`); its folder is created with the first. For one thread.

    Processes that write to the folder of one source wait for each other.
    """

    def __init__(self, location: ArchiveLocation) -> None:
        self._receipts = SnapshotReceipts(location)
        self._decoder = SnapshotDecoder(self._receipts)
        self._next_step: dict[str, str] = {}  # by source: the snapshot that the next longer step goes back to

    @_retry_after_conflict
    def store_snapshot(
        self,
        data: bytes,
        observation: Observation,
        *,
        source: str,
        registry: str,
        format: str,  # noqa: A002 - the config's word
        near: str | None = None,
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
        with self._receipts.lock(source):
            if observation.live:
                observation = replace(observation, sequence=self._receipts.next_sequence(source))
            infos = self._receipts.read_all(source)
            if (stored := infos.get(sha256)) is not None:
                return self._receipts.rewrite(stored, merge_observation(stored, observation))
            number = self._receipts.next_number(source)
            info = SnapshotInfo(
                source=source,
                sha256=sha256,
                size=len(data),
                number=number,
                prefix=_choose_usable_prefix(infos, number, near),
                registry=registry,
                format=format,
                **asdict(observation),
            )
            return self._store_new(info, data)

    def _store_new(self, info: SnapshotInfo, data: bytes) -> SnapshotInfo:
        """Write a new snapshot; keep it, and the one that the next longer step goes back to, decoded.

        It is stored in full if its prefix is damaged or missing: it may be the very one that is missing.
        """
        with ExitStack() as decoding:
            prefix = None
            if info.prefix is not None:
                try:
                    prefix = decoding.enter_context(self._decoder.decode(info.source, info.prefix))
                except StoreError:
                    info = replace(info, prefix=None)
            info = self._receipts.write(info, zstd_frames.compress(data, prefix))
        if is_next_step(info.number):
            self._next_step[info.source] = info.sha256
        elif info.source in self._next_step:
            self._decoder.keep_longer(info.source, self._next_step[info.source])
        self._decoder.keep(info.source, info.sha256, data)
        return info

    def batch(self) -> AbstractContextManager[None]:
        """Let the snapshots that a block stores appear together at its end, or none after an error; one sync for each.

        Other processes wait until then to write snapshots of the same sources. Raises StoreError.
        """
        return self._receipts.batch()

    def preview_receipt(
        self, source: str, sha256: str, *, observed: str | None, live: bool
    ) -> tuple[str | None, int | None]:
        """Return the `observed` and `sequence` that a snapshot would have if it were stored and accepted with this."""
        sequence = self._receipts.next_sequence(source) if live else None
        stored = self._receipts.read_all(source).get(sha256)
        if stored is None:
            return observed, sequence
        info = merge_observation(stored, Observation(observed=observed, origin="", live=live, sequence=sequence))
        return info.observed, info.sequence

    @_retry_after_conflict
    def record_refusal(self, source: str, sha256: str, reason: str | None, *, was_release: bool = False) -> None:
        """Record why a snapshot can be no release, in a sentence; None: it is one. Ignores a missing snapshot.

        `was_release`: the history had it until now.
        """
        stored = self._receipts.read_all(source).get(sha256)
        if stored is None or stored.refused == reason:
            return
        with self._receipts.lock(source):
            stored = self._receipts.read(source, sha256)
            was_release = reason is not None and (was_release or stored.was_release)
            self._receipts.rewrite(stored, replace(stored, refused=reason, was_release=was_release))

    def was_release(self, source: str, sha256: str) -> bool:
        """Return whether a snapshot is refused and was in the history before (`SnapshotInfo.was_release`)."""
        stored = self._receipts.read_all(source).get(sha256)
        return stored is not None and stored.was_release

    @_retry_after_conflict
    def withdraw(self, source: str, sha256: str) -> None:
        """Make a snapshot one that is not accepted, so that no rebuild makes a release of it."""
        with self._receipts.lock(source):
            stored = self._receipts.read(source, sha256)
            self._receipts.rewrite(stored, replace(stored, accepted=False))

    @_retry_after_conflict
    def forget_return(self, source: str, sha256: str, at: str) -> None:
        """Remove a time at which a snapshot came back (`record_return`)."""
        with self._receipts.lock(source):
            stored = self._receipts.read(source, sha256)
            sequences = {other: number for other, number in stored.return_sequences.items() if other != at}
            returned = tuple(other for other in stored.returned if other != at)
            self._receipts.rewrite(stored, replace(stored, returned=returned, return_sequences=sequences))

    @_retry_after_conflict
    def record_return(self, source: str, sha256: str, at: str, accepted_by: str) -> int | None:
        """Record that a snapshot came back after newer ones and was accepted; return the `sequence` of that.

        `accepted_by` is what ended its hold (`SnapshotInfo`). Raises StoreError if it is missing.
        """
        with self._receipts.lock(source):
            stored = self._receipts.read(source, sha256)
            if at not in stored.returned:
                sequences = {**stored.return_sequences, at: self._receipts.next_sequence(source)}
                returned = (*stored.returned, at)
                info = replace(stored, returned=returned, return_sequences=sequences, accepted_by=accepted_by)
                stored = self._receipts.rewrite(stored, info)
            return stored.return_sequences.get(at)

    @_retry_after_conflict
    def record_repeat(self, source: str, sha256: str, at: str) -> None:
        """Record that an imported copy was served at a UTC time. Raises StoreError if the snapshot is missing."""
        with self._receipts.lock(source):
            stored = self._receipts.read(source, sha256)
            if at not in stored.again:
                self._receipts.rewrite(stored, replace(stored, again=tuple(sorted({*stored.again, at}))))

    def read_snapshot(self, source: str, sha256: str) -> bytes:
        """Return the bytes of a snapshot, checked against its SHA-256. Raises StoreError if damaged or missing."""
        return self._decoder.read(source, sha256)

    def list_snapshots(self, source: str | None = None) -> Iterator[SnapshotInfo]:
        """Yield the receipts of a source, or of all, by source and SHA-256; no snapshot is decoded."""
        for name in self.list_sources() if source is None else [source]:
            yield from sorted(self._receipts.read_all(name).values(), key=lambda info: info.sha256)

    def refresh(self, source: str) -> None:
        """Read the receipts of a source again if another process wrote one since they were read."""
        self._receipts.refresh(source)

    def find_missing(self, source: str, names: Collection[str]) -> list[Path]:
        """Return the path of each snapshot, of those with these SHA-256, that is missing."""
        return [self._receipts.path_of(source, name) for name in names if self._receipts.find(source, name) is None]

    def list_sources(self) -> list[str]:
        """Return the sources that have snapshots, by name."""
        return self._receipts.list_sources()

    def list_files(self) -> Iterator[Path]:
        """Yield the file of every snapshot, each source in the order in which its snapshots were stored."""
        for name in self.list_sources():
            yield from (path for path in self._receipts.list_files(name) if path.suffix == SUFFIX)

    def find_damage(self, source: str | None = None, progress: Callable[[], None] = lambda: None) -> Iterator[Damage]:
        """Decode every snapshot and yield what is damaged; `progress` is called for each. Removes temporary files."""
        for name in self.list_sources() if source is None else [source]:
            # In the order of their numbers: the prefix of each was decoded just before.
            for path in self._receipts.list_files(name):
                if path.name.endswith(".tmp"):
                    with self._receipts.lock(name):  # nobody is writing it
                        path.unlink(missing_ok=True)
                elif path.suffix == SUFFIX:
                    progress()
                    if (reason := self._find_damage(name, path)) is not None:
                        yield Damage(path=path, reason=reason)
                else:
                    yield Damage(path=path, reason="is not a snapshot and was not written by registry-watcher")

    def find_damage_of(self, path: Path) -> str | None:
        """Return why the file of a snapshot in this archive is damaged; None if it is whole."""
        self._receipts.read_file(path)
        return self._find_damage(path.parent.name, path)

    def _find_damage(self, source: str, path: Path) -> str | None:
        try:
            info = read_info(path)
            if info.sha256 != path.stem or info.source != source:
                return "is the snapshot of another name"
            self._decoder.forget(source, info.sha256)
            self._decoder.read(source, info.sha256)
            verify_checksum(path)
        except StoreError as error:
            return str(error).removeprefix(f"{path}: ")
        except (OSError, ValueError) as error:
            return f"damaged ({error}); restore the file from a backup, or remove it and fetch or import it again"
        return None


def _choose_usable_prefix(infos: Mapping[str, SnapshotInfo], number: int, near: str | None) -> str | None:
    prefix = choose_prefix(infos, number, near)
    return None if prefix is None or infos[prefix].size < zstd_frames.SMALLEST_PREFIX else prefix
