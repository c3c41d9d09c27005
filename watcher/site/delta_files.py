"""Make the files of one source's list of deltas from its history."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence

from msgspec import Struct

from watcher.site.deltas import DeltaError, ListedFile, Notification, Version, sha256, write_copy, write_delta
from watcher.store.history_reader import HistoryReader
from watcher.store.history_rows import StoredRelease

KEPT = 25  # deltas in a notification; a follower that missed more takes the snapshot
NOTIFICATION, SIGNED = "notification.json", "notification.jws"
_SESSIONS = uuid.UUID("0c1c3e0a-6d0a-5d0e-8a56-0f4e3cf0b7a1")  # sessions are derived from it: it never changes


class DeltaFiles(Struct, frozen=True, kw_only=True):
    """A notification, and the files that it names by their names."""

    notification: Notification
    files: dict[str, bytes]


def make_delta_files(
    history: HistoryReader, source: str, releases: Sequence[StoredRelease], published: bytes | None
) -> DeltaFiles:
    """Return the list of deltas of a source; `published` is the notification that followers have read so far.

    An append-only history gives the same bytes whenever they are made. The session ends where the version that was
    published last is not what the history says of it now.
    """
    version = len(releases)
    session = _choose_session(history, source, releases, published)
    snapshot_data = _write_copy(history, source, releases, version, session)
    snapshot = ListedFile.of_data("snapshot", version, snapshot_data)
    files = {snapshot.file: snapshot_data}
    deltas = []
    for number, data in _write_deltas(history, source, releases, session):
        deltas.append(ListedFile.of_data("delta", number, data))
        files[deltas[-1].file] = data
    notification = Notification(
        source=source,
        session=session,
        version=version,
        published=releases[-1].release.published,
        snapshot=snapshot,
        deltas=tuple(deltas),
    )
    return DeltaFiles(notification=notification, files=files)


def _choose_session(
    history: HistoryReader, source: str, releases: Sequence[StoredRelease], published: bytes | None
) -> str:
    try:
        before = Notification.read(published) if published is not None else None
    except DeltaError:
        before = None
    if before is None or before.source != source:
        return str(uuid.uuid5(_SESSIONS, f"{source} {releases[0].digest}"))
    if before.version <= len(releases):
        data = _write_copy(history, source, releases, before.version, before.session)
        if sha256(data) == before.snapshot.sha256:
            return before.session
    return str(uuid.uuid5(_SESSIONS, f"{before.session} {before.version} {releases[-1].digest}"))


def _write_copy(
    history: HistoryReader, source: str, releases: Sequence[StoredRelease], version: int, session: str
) -> bytes:
    stored = releases[version - 1]
    items = [state.item for state in history.versions.find(source, at=stored)]
    return write_copy(Version.of_release(stored.release, session, version), items)


def _write_deltas(
    history: HistoryReader, source: str, releases: Sequence[StoredRelease], session: str
) -> Iterator[tuple[int, bytes]]:
    """Yield the newest deltas, the oldest first, each with its version."""
    for number in range(max(2, len(releases) - KEPT + 1), len(releases) + 1):
        old, new = releases[number - 2 : number]
        _, content = history.read_content_pair(source, old, new)
        removed, added = (content.delta.removed, content.delta.added) if content.delta else ((), ())
        yield number, write_delta(Version.of_release(new.release, session, number), removed, added)
