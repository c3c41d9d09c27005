"""Follow the list of deltas of a source: bring a local copy to the newest version, and prove it by its SHA-256."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from msgspec import Struct

from watcher.core.durable_files import replace_file
from watcher.core.errors import FetchError, UsageError
from watcher.fetch.base import Fetcher, NotModified
from watcher.site.delta_files import NOTIFICATION, SIGNED
from watcher.site.deltas import DeltaError, ListedFile, Notification, apply_delta, read_version, sha256
from watcher.site.signatures import SignatureError, Verifier


class FollowStep(StrEnum):
    """How a copy was brought to the newest version."""

    UNCHANGED = "unchanged"
    DELTAS = "deltas"
    SNAPSHOT = "snapshot"


class Followed(Struct, frozen=True, kw_only=True):
    """What one run did. `deltas` is how many were applied, `fetched` the bytes of all files but the notification."""

    notification: Notification
    step: FollowStep
    deltas: int
    fetched: int


class Follower:
    """Follows one list of deltas at `place`, the address of its folder, into the file `copy`."""

    def __init__(self, place: str, copy: Path, fetcher: Fetcher, verifier: Verifier | None = None) -> None:
        self._place = place.rstrip("/") + "/"
        self._copy = copy
        self._fetcher = fetcher
        self._verifier = verifier
        self._fetched = 0

    def follow(self) -> Followed:
        """Bring the copy to the newest version, in one step for its readers.

        Raises FetchError for what the server sends, UsageError for a file that is not a copy of this source.
        """
        notification = self._read_notification()
        old = self._read_copy(notification)
        if old is not None and sha256(old) == notification.snapshot.sha256:
            return Followed(notification=notification, step=FollowStep.UNCHANGED, deltas=0, fetched=0)
        deltas = self._find_deltas(notification, old)
        new = self._apply(old, deltas) if old is not None and deltas else None
        if new is None or sha256(new) != notification.snapshot.sha256:
            new, deltas = self._fetch(notification.snapshot), ()
        with replace_file(self._copy) as temporary:
            temporary.write_bytes(new)
        return Followed(
            notification=notification,
            step=FollowStep.DELTAS if deltas else FollowStep.SNAPSHOT,
            deltas=len(deltas),
            fetched=self._fetched,
        )

    def _read_notification(self) -> Notification:
        try:
            data = self._get(SIGNED if self._verifier else NOTIFICATION)
            return Notification.read(self._verifier.open(data) if self._verifier else data)
        except SignatureError as error:
            raise FetchError("bad_signature", f"{self._place}{SIGNED}: {error}", transient=False) from error
        except DeltaError as error:
            raise FetchError("bad_delta", f"{self._place}{NOTIFICATION}: {error}", transient=False) from error

    def _read_copy(self, notification: Notification) -> bytes | None:
        """Return the copy as it is; None if there is not one yet, or if it is of another session.

        Raises UsageError for a file that is something else, FetchError for a copy that is newer than the notification:
        someone may serve an old one.
        """
        try:
            data = self._copy.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise UsageError(f"{self._copy}: {error.strerror}") from None
        try:
            version = read_version(data)
        except DeltaError as error:
            raise UsageError(f"{self._copy}: is not a copy that watcher follow wrote ({error})") from None
        if version.source != notification.source:
            raise UsageError(f"{self._copy}: is a copy of {version.source}, not of {notification.source}")
        if version.session != notification.session:
            return None
        if version.version > notification.version:
            words = f"{self._place} serves version {notification.version}, and the copy has {version.version} already"
            raise FetchError("bad_delta", words, transient=True)
        return data

    def _find_deltas(self, notification: Notification, old: bytes | None) -> Sequence[ListedFile]:
        return (notification.find_deltas(read_version(old).version) or ()) if old is not None else ()

    def _apply(self, copy: bytes, deltas: Sequence[ListedFile]) -> bytes | None:
        """Return a copy with some deltas applied; None if they do not fit, because the copy is damaged."""
        try:
            for delta in deltas:
                copy = apply_delta(copy, self._fetch(delta))
        except DeltaError:
            return None
        return copy

    def _fetch(self, listed: ListedFile) -> bytes:
        data = self._get(listed.file)
        if sha256(data) != listed.sha256:
            raise FetchError(
                "bad_delta", f"{self._place}{listed.file}: not the bytes that were announced", transient=True
            )
        self._fetched += len(data)
        return data

    def _get(self, name: str) -> bytes:
        response = self._fetcher.fetch(self._place + name)
        assert not isinstance(response, NotModified)  # noqa: S101 - no condition was sent
        return response.body


def find_place(text: str) -> str:
    """Return the address of a list of deltas: a URL as it is, a folder as a `file:` URL. Raises UsageError."""
    if urlsplit(text).scheme in ("http", "https", "file"):
        return text
    folder = Path(text)
    if not folder.is_dir():
        raise UsageError(f"{text}: is neither a URL nor a folder")
    return folder.resolve().as_uri()
