"""The input of an ingest: bytes that may be a release, with where and when they were seen."""

from __future__ import annotations

import hashlib
from datetime import datetime

from msgspec import Struct
from msgspec.structs import force_setattr, replace

from watcher.core.model import Content
from watcher.core.times import to_text
from watcher.fetch.base import Response
from watcher.store.new_release import NewRelease
from watcher.store.snapshot_file import SnapshotInfo


class Candidate(Struct, frozen=True, kw_only=True):
    """Bytes that may be a release. `observed` is the UTC time at which they were seen, None if unknown.

    `live`: a check was served them at `observed`; otherwise they are imported. `named` orders releases of one
    date (`release_order.Label`); the time in it counts as `observed` for a document that has no date, like a CSV.
    """

    data: bytes
    origin: str
    observed: str | None = None
    live: bool = False
    named: str | None = None
    sha256: str = ""

    def __post_init__(self) -> None:
        if self.live and not self.observed:
            raise ValueError("a live candidate needs the time at which it was observed")
        force_setattr(self, "sha256", self.sha256 or hashlib.sha256(self.data).hexdigest())

    @classmethod
    def from_check(cls, response: Response, seen: datetime) -> Candidate:
        return cls(data=response.body, origin=response.url, observed=to_text(seen), live=True)

    @classmethod
    def from_snapshot(cls, snapshot: SnapshotInfo, data: bytes) -> Candidate:
        return cls(
            data=data,
            origin=snapshot.origin,
            observed=snapshot.observed,
            live=snapshot.live,
            named=snapshot.named,
            sha256=snapshot.sha256,
        )

    @property
    def seen(self) -> str:
        """The UTC time at which a check was served it. Only a live candidate is sure to have one."""
        if self.observed is None:
            raise ValueError("this candidate has no time at which it was observed")
        return self.observed

    def dated_by_name(self, published: str | None) -> Candidate:
        """Return it as observed at the time its file is named after, if nothing else dates it or its document."""
        time = (self.named or "").partition("/")[0]
        return self if published is not None else replace(self, observed=self.observed or time or None)

    def to_release(self, content: Content) -> NewRelease:
        """Return it as a release with this content. Placing it sets the day it counts for."""
        return NewRelease(
            content=content, sha256=self.sha256, observed=self.observed, live=self.live, dated="", named=self.named
        )
