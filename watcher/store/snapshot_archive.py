"""`snapshots/`: every release byte for byte, one file each, compressed against a release before it.

A file `SOURCE/SHA256.zst` is two zstd frames: a skippable one that holds the receipt (JSON), then the snapshot,
compressed with another snapshot as prefix (`zstd -d --patch-from=PREFIX --long=27` reads it). Files are written
beside their place, synced, renamed; a file that is there is whole. docs/archive.md has format and measurements.

Each snapshot counts in its source: number n is compressed against a snapshot of smaller number that makes the chains
short (`_ancestor`), so that any release is decoded in a few steps and a few full frames serve thousands of releases.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import struct
import sys
import tempfile
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import BinaryIO

from watcher.core.durable_files import sync_folder
from watcher.core.errors import StoreError, UsageError
from watcher.store import zstd_frames
from watcher.store.zstd_frames import Prefix

if sys.version_info >= (3, 14):
    from compression.zstd import ZstdError
else:
    from backports.zstd import ZstdError

_SCHEMA = 1
_SKIPPABLE = 0x184D2A50  # RFC 8878 section 3.1.2
_MAX_RECEIPT = 65536
MAX_SNAPSHOT = 2**30  # as much as the configuration can allow a fetch (`[fetch] max_bytes`)
_BASE = 8  # how many snapshots of one kind stand in a row before a longer step back is taken
_REMEMBERED = 12 * 2**20  # bytes of decoded snapshots kept: the next one's prefix is among them
_SOURCE = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_SUFFIX = ".zst"


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotInfo:
    """What is known of a snapshot besides its bytes.

    `prefix` is the snapshot it is compressed against, `number` counts in its source from 0. `observed` is the UTC time
    it was first seen, None where nobody dated it; `origin` a URL, a file name or `git:REPO:PATH@COMMIT`; `registry`
    and `format` say how it is to be read again. `live`: we saw it ourselves, as the newest there was. Not `believed`:
    it is held or was rejected, and stands in no history. `returned` are the UTC times at which it was believed to have
    come back after newer releases, `again` those at which imported copies that bear no date say that it stood.
    """

    source: str
    sha256: str
    size: int
    number: int
    prefix: str | None
    observed: str | None
    origin: str
    registry: str
    format: str
    live: bool
    believed: bool
    returned: tuple[str, ...] = ()
    again: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """A file in the archive that is not as it was written."""

    path: Path
    reason: str


class SnapshotArchive:
    """All snapshots under one folder, which is made when the first is kept. For one thread, one writing process."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._known: dict[str, dict[str, SnapshotInfo]] = {}
        self._decoded: OrderedDict[tuple[str, str], bytes] = OrderedDict()
        self._next_step: dict[str, str] = {}  # by source: what the next longer step goes back to

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
        believed: bool = True,
        sha256: str = "",
    ) -> SnapshotInfo:
        """Keep a snapshot and return its receipt. The same bytes are kept once; the earliest observation counts.

        `sha256` is the data's, where the caller knows it. `near` is the snapshot most like it, the release before it:
        the prefix unless the chain grew too long. What was kept as not `believed` and is kept again as believed counts
        from then on as it is kept now; never the other way round. Raises StoreError when it cannot be written: then
        nothing is there.
        """
        if len(data) > MAX_SNAPSHOT:
            raise StoreError(f"a snapshot of {len(data)} bytes is larger than the {MAX_SNAPSHOT} that are kept")
        sha256 = sha256 or hashlib.sha256(data).hexdigest()
        known = self._index(source)
        if sha256 not in known and self._path(source, sha256).exists():
            # Kept meanwhile by another process.
            del self._known[source]
            known = self._index(source)
        there = known.get(sha256)
        if there is not None:
            return self._again(there, observed=observed, origin=origin, live=live, believed=believed)
        number = max((receipt.number for receipt in known.values()), default=-1) + 1
        prefix = self._prefix(known, number, near)
        if prefix is not None and known[prefix].size < zstd_frames.SMALLEST_PREFIX:
            prefix = None
        receipt = SnapshotInfo(
            source=source,
            sha256=sha256,
            size=len(data),
            number=number,
            prefix=prefix,
            observed=observed,
            origin=origin,
            registry=registry,
            format=format,
            live=live,
            believed=believed,
        )
        if prefix is None:
            self._write(receipt, zstd_frames.compress(data, None))
        else:
            with self._unfolded(source, prefix) as before:
                self._write(receipt, zstd_frames.compress(data, before))
        if number % _BASE == 0:
            self._next_step[source] = sha256
        elif (step := (source, self._next_step.get(source, ""))) in self._decoded:
            self._decoded.move_to_end(step)
        self._remember(source, sha256, data)
        return receipt

    def _again(
        self, there: SnapshotInfo, *, observed: str | None, origin: str, live: bool, believed: bool
    ) -> SnapshotInfo:
        """What was kept already, with what is known of it now."""
        if not there.believed:
            found = replace(there, observed=observed, origin=origin, live=live, believed=True) if believed else there
        else:
            found = replace(there, live=there.live or live)
            if observed and (there.observed is None or observed < there.observed):
                found = replace(found, observed=observed, origin=origin)
        return self._rewrite(there, found)

    def record_return(self, source: str, sha256: str, at: str) -> None:
        """Remember that a snapshot came back after newer ones, and was believed. Raises StoreError where it is not."""
        there = self._there(source, sha256)
        if at not in there.returned:
            self._rewrite(there, replace(there, returned=(*there.returned, at)))

    def record_repeat(self, source: str, sha256: str, at: str) -> None:
        """Remember that an imported copy says that a snapshot stood at a time. Raises StoreError where it is not."""
        there = self._there(source, sha256)
        if at not in there.again:
            self._rewrite(there, replace(there, again=tuple(sorted({*there.again, at}))))

    def _there(self, source: str, sha256: str) -> SnapshotInfo:
        there = self._index(source).get(sha256)
        if there is None:
            raise StoreError(f"{self._path(source, sha256)}: this snapshot is missing; restore it from a backup")
        return there

    def _rewrite(self, there: SnapshotInfo, changed: SnapshotInfo) -> SnapshotInfo:
        """Another receipt for the same frame."""
        if changed != there:
            path = self._path(there.source, there.sha256)
            try:
                frame = _split(path.read_bytes())[1]
            except (OSError, ValueError) as error:
                raise StoreError(f"{path}: damaged ({error}); restore it from a backup") from error
            self._write(changed, frame)
        return changed

    def read_snapshot(self, source: str, sha256: str) -> bytes:
        """Return a snapshot, checked against its SHA-256. Raises StoreError when it is damaged or missing."""
        if (known := self._decoded.get((source, sha256))) is not None:
            return known
        with self._unfolded(source, sha256) as found:
            return found.part(0, found.size)

    def _chain(self, source: str, sha256: str) -> list[SnapshotInfo]:
        """What a snapshot is made from, itself first, up to the first that has no prefix or is decoded already."""
        chain: list[SnapshotInfo] = []
        step: str | None = sha256
        while step is not None and (source, step) not in self._decoded:
            receipt = self._index(source).get(step)
            if receipt is None:
                raise StoreError(
                    f"{self._path(source, step)}: this snapshot is missing; restore it from a backup, or fetch or "
                    "import the release again"
                )
            if receipt in chain:
                raise StoreError(f"{self._path(source, step)}: the snapshots it is made from go round in a circle")
            chain.append(receipt)
            step = receipt.prefix
        return chain

    @contextmanager
    def _unfolded(self, source: str, sha256: str) -> Iterator[Prefix]:
        """A snapshot, checked against its SHA-256. Large ones lie in temporary files meanwhile, not in memory."""
        chain = self._chain(source, sha256)
        with ExitStack() as files:
            try:
                found = self._unfold(source, sha256, chain, files, every=False)
            except StoreError:
                # Something is damaged: which of them it is, is seen where each is held against its own SHA-256.
                found = self._unfold(source, sha256, chain, files, every=True)
            if chain and chain[0].size <= zstd_frames.WHOLE:  # not what it was made from: that is rarely asked for
                self._remember(source, sha256, found.part(0, found.size))
            yield found

    def _unfold(self, source: str, sha256: str, chain: list[SnapshotInfo], files: ExitStack, *, every: bool) -> Prefix:
        """Make a snapshot from its chain; the last step is checked, or `every` one."""
        step = chain[-1].prefix if chain else sha256
        found = zstd_frames.whole(self._decoded[source, step]) if step is not None else None
        for receipt in reversed(chain):
            pieces = self._decode(receipt, found, check=every or receipt is chain[0])
            if receipt.size > zstd_frames.WHOLE:
                found = self._on_disk(receipt, pieces, files.enter_context(tempfile.TemporaryFile()))  # noqa: SIM115
            else:
                found = zstd_frames.whole(b"".join(pieces))
        if found is None:
            raise StoreError(f"{source}: no snapshot {sha256}")
        return found

    def list_snapshots(self, source: str | None = None) -> Iterator[SnapshotInfo]:
        """Yield what is kept, by source and SHA-256; no snapshot is decoded."""
        for name in self.list_sources() if source is None else [source]:
            yield from sorted(self._index(name).values(), key=lambda receipt: receipt.sha256)

    def list_sources(self) -> list[str]:
        """Return the sources that have a folder with snapshots."""
        if not self._root.is_dir():
            return []
        names = sorted(entry.name for entry in self._root.iterdir() if entry.is_dir() and _SOURCE.fullmatch(entry.name))
        return [name for name in names if any((self._root / name).glob("*" + _SUFFIX))]

    def find_damage(self, source: str | None = None, progress: Callable[[], None] = lambda: None) -> Iterator[Damage]:
        """Read everything back and yield what is damaged. Left-overs of interrupted writes are removed."""
        for name in self.list_sources() if source is None else [source]:
            numbers = {self._path(name, sha256): receipt.number for sha256, receipt in self._index(name).items()}
            # In the order they were kept: what one is made from was decoded just before.
            folder = self._folder(name)
            entries = folder.iterdir() if folder.is_dir() else ()
            for path in sorted(entries, key=lambda path: (numbers.get(path, -1), path.name)):
                if path.name.endswith(".tmp"):
                    path.unlink()
                elif path.suffix == _SUFFIX:
                    progress()
                    if (reason := self._verify(name, path)) is not None:
                        yield Damage(path=path, reason=reason)
                else:
                    yield Damage(path=path, reason="is no snapshot and was not written by registry-watcher")

    def _verify(self, source: str, path: Path) -> str | None:
        try:
            receipt = _receipt(path)
            if receipt.sha256 != path.stem or receipt.source != source:
                return "is the snapshot of another name"
            self._decoded.pop((source, receipt.sha256), None)
            self.read_snapshot(source, receipt.sha256)
        except StoreError as error:
            return str(error).removeprefix(f"{path}: ")
        return None

    def _prefix(self, known: dict[str, SnapshotInfo], number: int, near: str | None) -> str | None:
        """The snapshot to compress against: the nearest, unless it is time for a longer step back."""
        if not known:
            return None
        by_number = {receipt.number: receipt.sha256 for receipt in known.values()}
        ancestor = _ancestor(number)
        if ancestor == number - 1 and near in known and self._depth(known, near) < _max_depth(number):
            return near
        return by_number.get(ancestor, near if near in known else None)

    @staticmethod
    def _depth(known: dict[str, SnapshotInfo], sha256: str | None) -> int:
        depth = 0
        while sha256 is not None and depth <= len(known):
            receipt = known.get(sha256)
            sha256 = receipt.prefix if receipt else None
            depth += 1
        return depth

    @staticmethod
    def _on_disk(receipt: SnapshotInfo, pieces: Iterable[bytes], file: BinaryIO) -> Prefix:
        def part(start: int, end: int) -> bytes:
            file.seek(start)
            return file.read(end - start)

        try:
            file.writelines(pieces)
        except OSError as error:
            raise StoreError(f"a temporary file cannot be written: {error.strerror}") from error
        return Prefix(size=receipt.size, part=part)

    def _decode(self, receipt: SnapshotInfo, prefix: Prefix | None, *, check: bool) -> Iterator[bytes]:
        path = self._path(receipt.source, receipt.sha256)
        advice = "restore the file from a backup, or remove it and fetch or import the release again"
        digest = hashlib.sha256()
        try:
            for piece in zstd_frames.decompress(_split(path.read_bytes())[1], prefix, receipt.size):
                if check:
                    digest.update(piece)
                yield piece
        except (OSError, ZstdError, EOFError, ValueError) as error:
            raise StoreError(f"{path}: damaged ({error}); {advice}") from error
        if check and digest.hexdigest() != receipt.sha256:
            raise StoreError(f"{path}: damaged (its content has another SHA-256); {advice}")

    def _remember(self, source: str, sha256: str, data: bytes) -> None:
        """Keep a snapshot at hand that is likely to be asked for again; a large one is decoded again."""
        if len(data) > zstd_frames.WHOLE:
            return
        self._decoded[source, sha256] = data
        self._decoded.move_to_end((source, sha256))
        while len(self._decoded) > 1 and sum(map(len, self._decoded.values())) > _REMEMBERED:
            self._decoded.popitem(last=False)

    def _folder(self, source: str) -> Path:
        if not _SOURCE.fullmatch(source):
            raise UsageError(f"{source!r} is no name of a source: lower-case letters, digits and . _ -, 64 at most")
        return self._root / source

    def _path(self, source: str, sha256: str) -> Path:
        if not _SHA256.fullmatch(sha256):
            raise UsageError(f"{sha256!r} is no SHA-256")
        return self._folder(source) / (sha256 + _SUFFIX)

    def _index(self, source: str) -> dict[str, SnapshotInfo]:
        """The receipts of a source, read once. A damaged one is left out here; `verify` names it."""
        if source not in self._known:
            found: dict[str, SnapshotInfo] = {}
            folder = self._folder(source)
            for path in folder.glob("*" + _SUFFIX) if folder.is_dir() else ():
                with suppress(StoreError):
                    receipt = _receipt(path)
                    found[receipt.sha256] = receipt
            self._known[source] = found
        return self._known[source]

    def _write(self, receipt: SnapshotInfo, frame: bytes) -> None:
        path = self._path(receipt.source, receipt.sha256)
        temporary = path.with_suffix(f".{os.getpid()}.tmp")
        head = json.dumps({"schema": _SCHEMA, **asdict(receipt)}, ensure_ascii=False).encode()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with temporary.open("wb") as file:
                file.write(struct.pack("<II", _SKIPPABLE, len(head)) + head + frame)
                file.flush()
                os.fsync(file.fileno())
            temporary.rename(path)
            sync_folder(path.parent)
        except OSError as error:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise StoreError(f"{path}: cannot be written: {error.strerror}") from error
        self._known[receipt.source][receipt.sha256] = receipt


def _ancestor(number: int) -> int:
    """The number of the snapshot that this one is compressed against in a plain series.

    Written in base 8, the lowest digit that is not zero is made one less: 1 to 7 follow each other, 8 goes back to 0,
    9 to 8, 16 to 8, 64 to 0. A chain is then no longer than the sum of the digits.
    """
    step = 1
    while number and number % (step * _BASE) == 0:
        step *= _BASE
    return number - step


def _max_depth(number: int) -> int:
    """The longest chain that a series of this length has by itself."""
    digits = 1
    while _BASE**digits <= number:
        digits += 1
    return digits * (_BASE - 1) + 1


def _split(file: bytes) -> tuple[bytes, bytes]:
    """The receipt's text and the snapshot's frame."""
    if len(file) < struct.calcsize("<II"):
        raise ValueError("the file is too short")
    magic, length = struct.unpack_from("<II", file)
    if magic != _SKIPPABLE or length > _MAX_RECEIPT or len(file) < 8 + length:
        raise ValueError("the file does not begin with a receipt")
    return file[8 : 8 + length], file[8 + length :]


def _receipt(path: Path) -> SnapshotInfo:
    """Read the receipt of a file, without the snapshot."""
    try:
        with path.open("rb") as file:
            text, _ = _split(file.read(8 + _MAX_RECEIPT))
        fields = json.loads(text)
        schema = fields.pop("schema")
        receipt = SnapshotInfo(
            **{**fields, "returned": tuple(fields["returned"]), "again": tuple(fields.get("again", ()))}
        )
        _check(receipt)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise StoreError(f"{path}: its receipt cannot be read ({error}); restore it from a backup") from error
    if schema != _SCHEMA:
        raise StoreError(f"{path}: written by a newer registry-watcher; upgrade")
    return receipt


def _check(receipt: SnapshotInfo) -> None:
    names = (receipt.sha256, *filter(None, (receipt.prefix,)))
    if not all(isinstance(name, str) and _SHA256.fullmatch(name) for name in names):
        raise ValueError("a SHA-256 in it is none")
    if not all(type(number) is int and number >= 0 for number in (receipt.size, receipt.number)):
        raise ValueError("a number in it is none")
    if receipt.size > MAX_SNAPSHOT:
        raise ValueError("the size in it is more than is kept")
