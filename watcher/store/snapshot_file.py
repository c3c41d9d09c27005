"""The file of one snapshot: a skippable zstd frame that holds its receipt (JSON), then the frames of its bytes.

A file with its final name is whole (`replace_file`). docs/archive.md describes the format.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct, field
from msgspec.structs import asdict

from watcher.core.durable_files import replace_file
from watcher.core.errors import StoreError
from watcher.core.operator_files import open_regular_file, read_regular_file
from watcher.core.patterns import regex

MAX_SNAPSHOT = 2**30  # bytes; the configuration cannot allow a larger fetch (`[fetch] max_bytes`)
SUFFIX = ".zst"
SHA256 = regex(r"[0-9a-f]{64}")
_SCHEMA = 1
_SKIPPABLE = 0x184D2A50  # RFC 8878 section 3.1.2
_HEADER = struct.Struct("<II")
_MAX_RECEIPT = 65536
_CHECKSUM = regex(rb', "crc32": "([0-9a-f]{8})"\}\Z')  # at the end of a receipt, of all that is before it
_OPTIONAL = ("returned", "again", "refused", "was_release", "sequence", "return_sequences", "accepted_by")
_STORED_NAMES = {"accepted": "believed"}  # fields whose key in a receipt is another word


class ReceiptConflict(StoreError):  # noqa: N818 - the writer tries again; users rarely see it
    """Another host wrote a receipt of the source since its receipts were read (`shared_receipts`)."""


class SnapshotInfo(Struct, frozen=True, kw_only=True):
    """The receipt of a snapshot: everything about it but its bytes.

    `prefix` is the snapshot it is compressed against; `number` counts in its source from 0. `observed` is the UTC time
    it was first seen, None if it has no date. `origin` is a URL, a file name or `git:REPO:PATH@COMMIT`; `registry` and
    `format` say how to read it again. `live`: a check was served it as the newest. `accepted` is False for a
    snapshot that is held or was rejected, which is in no history. `returned` are the UTC times at which it came back
    after newer releases and was accepted; `again` those at which imported, undated copies say that it was served.
    `named` is the earliest time that an imported file of it was named after (`release_order.Label`). `refused` says why
    it became no release although it is accepted: it cannot be read or judged; None for any other. `was_release`: it was
    in the history before that, so it was alerted. `sequence` numbers the live snapshots of a source and
    the times in `returned` (`return_sequences`) in the order in which checks were served them (`release_order.Label`).
    `accepted_by`: what ended its last hold (`Hold.by`), None for a snapshot that was not held.
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
    accepted: bool
    returned: tuple[str, ...] = ()
    again: tuple[str, ...] = ()
    named: str | None = None
    refused: str | None = None
    was_release: bool = False
    sequence: int | None = None
    return_sequences: Mapping[str, int] = field(default_factory=dict)
    accepted_by: str | None = None


def write_snapshot_file(path: Path, file: bytes) -> None:
    """Write a snapshot's file, or replace it. Raises StoreError; the file is then as it was before."""
    with _raising(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with replace_file(path) as temporary:
            temporary.write_bytes(file)


def write_file(path: Path, file: bytes) -> None:
    """Write a file that gets its name later. Raises StoreError."""
    with _raising(path):
        path.write_bytes(file)


@contextmanager
def _raising(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(f"{path}: cannot be written: {error.strerror}") from error


def join_file(info: SnapshotInfo, frames: bytes) -> bytes:
    """Return the file of a snapshot."""
    fields = {_STORED_NAMES.get(name, name): value for name, value in asdict(info).items()}
    for name in _OPTIONAL:
        if fields[name] in (None, (), {}) or fields[name] is False:  # a sequence can be 0
            del fields[name]
    receipt = json.dumps({"schema": _SCHEMA, **fields}, ensure_ascii=False).encode()
    receipt = receipt[:-1] + b', "crc32": "%08x"}' % _compute_checksum(receipt, frames)
    return join_receipt(receipt, frames)


def join_receipt(receipt: bytes, frames: bytes) -> bytes:
    """Return the file of a snapshot, of the two parts that `split_file` returns."""
    return _HEADER.pack(_SKIPPABLE, len(receipt)) + receipt + frames


def read_frames(path: Path) -> bytes:
    """Return the frames of a snapshot. Raises OSError or ValueError."""
    return split_file(read_regular_file(path))[1]


def verify_checksum(path: Path) -> None:
    """Raise ValueError if a byte of a snapshot's file changed since it was written, or OSError.

    The SHA-256 proves the snapshot. This proves the receipt too, and the bits of a frame that decoders ignore (RFC 8878
    section 3.1.1.1.1.3). A receipt that was written without a checksum cannot be verified.
    """
    verify_parts(*split_file(read_regular_file(path)))


def verify_parts(receipt: bytes, frames: bytes) -> None:
    """Raise ValueError if a receipt and frames do not belong to each other as they were written (`verify_checksum`)."""
    match = _CHECKSUM.search(receipt)
    if match is None and b'"crc32"' not in receipt:
        return
    if match is None or _compute_checksum(receipt[: match.start()] + b"}", frames) != int(match[1], 16):
        raise ValueError("its receipt or its frames have another checksum")


def _compute_checksum(receipt: bytes, frames: bytes) -> int:
    return zlib.crc32(frames, zlib.crc32(receipt))


def read_info(path: Path) -> SnapshotInfo:
    """Return the receipt of a snapshot without reading its bytes. Raises StoreError."""
    try:
        with open_regular_file(path) as file:
            receipt, _ = split_file(file.read(_HEADER.size + _MAX_RECEIPT))
    except (OSError, ValueError) as error:
        raise StoreError(f"{path}: its receipt cannot be read ({error}); restore it from a backup") from error
    return parse_receipt(receipt, path)


def parse_receipt(receipt: bytes, place: object) -> SnapshotInfo:
    """Return the receipt of a snapshot. Raises StoreError that begins with the `place` where it is stored."""
    try:
        fields = json.loads(receipt)
        schema = fields.pop("schema")
        fields.pop("crc32", None)
        fields |= {name: fields.pop(stored) for name, stored in _STORED_NAMES.items()}
        fields |= {name: tuple(fields.get(name, ())) for name in ("returned", "again")}
        info = SnapshotInfo(**fields)
        _validate(info)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise StoreError(f"{place}: its receipt cannot be read ({error}); restore it from a backup") from error
    if schema != _SCHEMA:
        raise StoreError(f"{place}: written by a newer registry-watcher; upgrade")
    return info


def split_file(file: bytes) -> tuple[bytes, bytes]:
    """Return the receipt and the frames of a file. Raises ValueError."""
    if len(file) < _HEADER.size:
        raise ValueError("the file is too short")
    magic, length = _HEADER.unpack_from(file)
    end = _HEADER.size + length
    if magic != _SKIPPABLE or length > _MAX_RECEIPT or len(file) < end:
        raise ValueError("the file does not begin with a receipt")
    return file[_HEADER.size : end], file[end:]


def _validate(info: SnapshotInfo) -> None:
    names = (info.sha256, *filter(None, (info.prefix,)))
    if not all(isinstance(name, str) and SHA256.fullmatch(name) for name in names):
        raise ValueError("a SHA-256 in it is not valid")
    if not all(type(number) is int and number >= 0 for number in (info.size, info.number)):
        raise ValueError("a number in it is not valid")
    if info.size > MAX_SNAPSHOT:
        raise ValueError(f"its size is larger than {MAX_SNAPSHOT} bytes")
