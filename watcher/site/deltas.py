"""The list of deltas of one source, after NRTMv4 and RRDP (RFC 8182): a snapshot, numbered changes, a notification.

Version N of a source is its Nth release. A *copy* is its whole content as lines of JSON: a header, then one line for
each item, sorted. The snapshot is the newest copy. The delta of version N has the lines that turn the copy of version
N - 1 into that of version N, byte for byte: the SHA-256 of the snapshot in the notification proves a copy that deltas
made. The session changes when the history was derived again in another way; a copy of another session is of no use.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, Self

from msgspec import Struct, to_builtins

from watcher.core.model import Item, Release
from watcher.core.patterns import regex
from watcher.render.document import release_document

SCHEMA = 1
_FILE_NAME = regex(r"[a-z]+-[0-9]+-[0-9a-f]{12}\.jsonl")
_PUT, _REMOVE = '{"put":', '{"remove":'
_BEFORE_KEY, _AFTER_KEY = '{"section":', '},"status":'  # a quote inside a text is escaped, so neither is in one
_HEADER = ("type", "schema", "source", "session", "version")


class DeltaError(ValueError):
    """A copy, a delta or a notification that is not one, or does not fit."""


class Version(Struct, frozen=True, kw_only=True):
    """What the header of a copy or a delta says about its version; `release` has the release document."""

    source: str
    session: str
    version: int
    release: Mapping[str, Any]

    @classmethod
    def of_release(cls, release: Release, session: str, number: int) -> Self:
        return cls(source=release.source, session=session, version=number, release=release_document(release))

    def write(self, kind: str) -> str:
        """Return the line of a header; `kind` is `copy` or `delta`."""
        return _dump({"type": kind, "schema": SCHEMA, **to_builtins(self)})


class ListedFile(Struct, frozen=True, kw_only=True):
    """A file that a notification lists: its version, its name beside the notification, SHA-256 and size."""

    version: int
    file: str
    sha256: str
    size: int

    @classmethod
    def of_data(cls, kind: str, version: int, data: bytes) -> Self:
        """Name a file after what it has, so that a name never has other bytes."""
        digest = sha256(data)
        return cls(version=version, file=f"{kind}-{version}-{digest[:12]}.jsonl", sha256=digest, size=len(data))


class Notification(Struct, frozen=True, kw_only=True):
    """The newest version of a source, its snapshot, and the deltas up to it in order, without a gap."""

    source: str
    session: str
    version: int
    published: str | None
    snapshot: ListedFile
    deltas: tuple[ListedFile, ...]

    def write(self) -> bytes:
        document = {"schema": SCHEMA, "type": "notification", **to_builtins(self)}
        return f"{json.dumps(document, indent=1)}\n".encode()

    @classmethod
    def read(cls, data: bytes) -> Self:
        """Return the notification that some bytes are. Raises DeltaError."""
        try:
            document = json.loads(data)
            if (document["schema"], document["type"]) != (SCHEMA, "notification"):
                raise DeltaError("not a notification of this version of the program")
            read = cls(
                source=str(document["source"]),
                session=str(document["session"]),
                version=int(document["version"]),
                published=document["published"],
                snapshot=_read_listed(document["snapshot"]),
                deltas=tuple(map(_read_listed, document["deltas"])),
            )
        except (KeyError, TypeError, ValueError, RecursionError) as error:
            raise error if isinstance(error, DeltaError) else DeltaError("not a notification") from error
        numbers = [delta.version for delta in read.deltas]
        if read.snapshot.version != read.version or numbers != [
            *range(read.version - len(numbers) + 1, read.version + 1)
        ]:
            raise DeltaError("a notification with a gap")
        return read

    def find_deltas(self, version: int) -> tuple[ListedFile, ...] | None:
        """Return the deltas from a version to the newest one; None if some have expired or the snapshot is smaller."""
        missing = self.version - version
        if not 0 <= missing <= len(self.deltas):
            return None
        wanted = self.deltas[len(self.deltas) - missing :]
        return wanted if sum(delta.size for delta in wanted) < self.snapshot.size else None


def _read_listed(document: Mapping[str, Any]) -> ListedFile:
    listed = ListedFile(
        version=int(document["version"]),
        file=str(document["file"]),
        sha256=str(document["sha256"]),
        size=int(document["size"]),
    )
    if not _FILE_NAME.fullmatch(listed.file):
        raise DeltaError(f"{listed.file[:80]!r} is not the name of a file beside the notification")
    return listed


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def write_copy(version: Version, items: Iterable[Item]) -> bytes:
    """Return the copy of a version."""
    return _join(version.write("copy"), {_identify(item): _write_item(item) for item in items})


def write_delta(version: Version, removed: Iterable[Item], added: Iterable[Item]) -> bytes:
    """Return the delta that leads to a version: the keys of removed items, and the added ones."""
    puts = {_identify(item): f"{_PUT}{_write_item(item)}}}" for item in added}
    removals = {name: f"{_REMOVE}{name}}}" for name in map(_identify, removed) if name not in puts}
    return _join(version.write("delta"), removals | puts)


def apply_delta(copy: bytes, delta: bytes) -> bytes:
    """Return the copy of the next version. Raises DeltaError if the delta is not made for this copy."""
    before, lines = _split(copy, "copy")
    after, changes = _split(delta, "delta")
    if (before.source, before.session, before.version + 1) != (after.source, after.session, after.version):
        raise DeltaError(f"the delta of version {after.version} is not for version {before.version}")
    items = {_name_line(line): line for line in lines}
    for line in changes:
        if line.startswith(_PUT):
            item = line.removeprefix(_PUT).removesuffix("}")
            items[_name_line(item)] = item
        elif items.pop(line.removeprefix(_REMOVE).removesuffix("}"), None) is None:
            raise DeltaError(f"the delta of version {after.version} removes what is not there")
    return _join(after.write("copy"), items)


def read_version(copy: bytes) -> Version:
    """Return what the header of a copy says. Raises DeltaError."""
    return _split(copy.partition(b"\n")[0] + b"\n", "copy")[0]


def _split(data: bytes, kind: str) -> tuple[Version, list[str]]:
    """Return header and lines of a copy or a delta."""
    try:
        head, *lines = data.decode().removesuffix("\n").split("\n")
    except UnicodeDecodeError as error:
        raise DeltaError("not UTF-8") from error
    header = _parse(head)
    if not {*_HEADER, "release"} <= {*header} or (header["type"], header["schema"]) != (kind, SCHEMA):
        raise DeltaError(f"not a {kind} of this version of the program")
    values = {name: header[name] for name in ("source", "session", "version", "release")}
    if not isinstance(values["version"], int):
        raise DeltaError(f"not a {kind}: its version is not a number")
    return Version(**values), lines


def _parse(line: str) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DeltaError("a line that is not JSON") from error
    if not isinstance(value, dict):
        raise DeltaError("a line that is not an object")
    return value


def _name_line(line: str) -> str:
    """Return the identity of the item on a line; parsing every line would take ten times as long."""
    name, mark, _ = line.partition(_AFTER_KEY)
    if not mark or not line.startswith(_BEFORE_KEY):
        raise DeltaError("a line that is not an item")
    return name + "}}"


def _identify(item: Item) -> str:
    return _dump({"section": str(item.section), "key": item.key.as_dict()})


def _write_item(item: Item) -> str:
    return _dump(
        {
            "section": str(item.section),
            "key": item.key.as_dict(),
            "status": str(item.status),
            "fields": dict(sorted(item.fields.items())),
        }
    )


def _dump(value: Mapping[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":"))  # ASCII: nothing in it hides, and a lone surrogate is kept


def _join(header: str, lines: Mapping[str, str]) -> bytes:
    return "".join(f"{line}\n" for line in (header, *(lines[name] for name in sorted(lines)))).encode("ascii")
