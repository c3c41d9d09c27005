"""The product: how a release travels. Read this file first.

    fetch → archive → read → place among the releases → compare with its neighbours → judge → history and outbox

`Intake.take` does all of it for the bytes of one release, wherever they come from; `check` fetches them first. The
bytes are safe in the archive before anything else is written; then the release, its versions, changes, events and
the deliveries they cause are committed together or not at all. Taking the same bytes again changes nothing.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Protocol

from watcher.archive import Archive
from watcher.contents import Reads, read
from watcher.errors import FetchError, ParseError, StoreError
from watcher.fetch import Fetched, NotModified, Validators
from watcher.judge import explain
from watcher.model import Comparison, Content, Delivery, Release, Severity
from watcher.order import Label, in_order
from watcher.registries.table import REGISTRIES
from watcher.store.checks import Check, Checks
from watcher.store.database import Database
from watcher.store.deliveries import Deliveries
from watcher.store.history import History, Neighbour, NewRelease, Step
from watcher.store.queries import Queries, StoredRelease
from watcher.times import to_text

_KEPT_CONTENTS = 3

Compose = Callable[[Comparison], Iterable[Delivery]]
Admit = Callable[[bytes], "Taken | None"]


class Fetches(Protocol):
    """What a release comes from: the network, or the list of what a folder holds. Raises FetchError."""

    def fetch(self, url: str, validators: Validators | None = None) -> Fetched | NotModified: ...


class Outcome(StrEnum):
    """What came of some bytes, or of a check."""

    BASELINE = "baseline"  # the first release of a source: there is nothing to compare it with, nobody is alerted
    CHANGED = "changed"  # a release newer than all there were
    INSERTED = "inserted"  # a release older than the newest, put where it belongs
    UNCHANGED = "unchanged"  # the newest release, byte for byte or by the server's word
    COSMETIC = "cosmetic"  # other bytes, the same release: a snapshot is kept
    STALE = "stale"  # a release that newer ones followed: a server that lags, not a change
    HELD = "held"  # what was served is not believed until it is served again
    FAILED = "failed"  # a check that could not be done; nothing was changed


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What came of the bytes of one release. `comparison`: against the release before it, where there is one."""

    outcome: Outcome
    sha256: str = ""
    release: StoredRelease | None = None
    comparison: Comparison | None = None
    reason: str | None = None
    message: str | None = None


@dataclass(slots=True)
class _Memory:
    """What was read last, so that the next release costs what changed."""

    reads: Reads = field(default_factory=Reads)
    contents: dict[str, Content] = field(default_factory=dict)

    def keep(self, content: Content) -> None:
        self.contents.pop(content.digest, None)
        self.contents[content.digest] = content
        while len(self.contents) > _KEPT_CONTENTS:
            del self.contents[next(iter(self.contents))]


class Intake:
    """Takes the releases of one source into archive and history. For one thread."""

    def __init__(
        self,
        source: str,
        *,
        registry: str,
        format: str,  # noqa: A002 - the config's word
        database: Database,
        archive: Archive,
        severities: Mapping[str, Severity] | None = None,
        document: str = "",
    ) -> None:
        """`document` is the id that the published document must have, where the registry's rules do not say.

        A document without one, which says where the registry moved, is taken too.
        """
        self.source = source
        self.registry = REGISTRIES[registry]
        self._document = document
        self._format = format
        self._database = database
        self._archive = archive
        self._severities = severities or {}
        self._history = History(database, source, self.registry)
        self._queries = Queries(database)
        self._memory = _Memory()

    def take(
        self,
        data: bytes,
        *,
        origin: str,
        observed: str | None = None,
        live: bool = False,
        compose: Compose | None = None,
        also: Callable[[], None] = lambda: None,
    ) -> Taken:
        """Take one release.

        `observed` is the UTC time at which it was seen, `live` says that we saw it ourselves. `compose` makes the
        deliveries for a release newer than all there were; `also` is committed in the same transaction. Raises
        ParseError where the bytes are no release of this source: nothing is kept of them then.
        """
        sha256 = hashlib.sha256(data).hexdigest()
        known = self._queries.release_of(self.source, sha256=sha256)
        content = None
        if known is None:
            content = read(data, self.registry, self._format, self._memory.reads)
            if self._document and content.document not in ("", self._document):
                raise ParseError("wrong_registry", f"this is {content.document!r}, not {self._document!r}")
            known = self._queries.release_of(self.source, digest=content.digest)
        latest = self._queries.latest(self.source)
        near = known or latest
        self._archive.keep(
            data,
            source=self.source,
            observed=observed,
            origin=origin,
            registry=self.registry.id,
            format=self._format,
            near=near.release.sha256 if near else None,
            live=live and (known is None or known == latest),
        )
        if known is not None:
            return self._again(known, sha256, len(data), observed, live=live, cosmetic=content is not None, also=also)
        assert content is not None  # noqa: S101 - it was read because the bytes were not known
        self._memory.keep(content)
        new = NewRelease(content=content, sha256=sha256, observed=observed, live=live, dated="")
        return self._insert(new, len(data), compose, also)

    def _again(
        self,
        known: StoredRelease,
        sha256: str,
        size: int,
        observed: str | None,
        *,
        live: bool,
        cosmetic: bool,
        also: Callable[[], None],
    ) -> Taken:
        """The same release, in the same bytes or others."""
        latest = self._queries.latest(self.source)
        with self._database.transaction():
            self._history.add_snapshot(known.row, sha256, size, observed)
            if observed:
                self._history.observed(known.row, observed, live=live and known == latest)
            also()
        placed = in_order(self._history.labels())
        if [each.digest for each in placed] != [each.digest for each in self._queries.releases(self.source)]:
            self.rebuild()
        if latest is not None and known.row != latest.row and live:
            message = (
                f"the release of {known.release.published} was served again, older than {latest.release.published}"
            )
            return Taken(outcome=Outcome.STALE, sha256=sha256, release=known, reason="older_release", message=message)
        return Taken(outcome=Outcome.COSMETIC if cosmetic else Outcome.UNCHANGED, sha256=sha256, release=known)

    def _insert(self, new: NewRelease, size: int, compose: Compose | None, also: Callable[[], None]) -> Taken:
        releases = self._queries.releases(self.source) if self.source in self._queries.sources() else []
        digest = new.content.digest
        label = Label(digest=digest, published=new.content.published, observed=new.observed, live=new.live)
        placed = in_order([*self._history.labels(), label]) if releases else in_order([label])
        if [each.digest for each in placed if each.digest != digest] != [each.digest for each in releases]:
            # What this release shows puts others in another order: rare enough to derive the source anew.
            self.rebuild()
            also()
            return Taken(outcome=Outcome.INSERTED, sha256=new.sha256, release=self._release(digest))
        index = [each.digest for each in placed].index(digest)
        before = releases[index - 1] if index else None
        after = releases[index] if index < len(releases) else None
        left, right = (self._neighbour(each) if each else None for each in (before, after))
        into = self._step(left.content, new.content) if left else None
        out_of = self._step(new.content, right.content) if right else None
        with self._database.transaction():
            row = self._history.add_release(replace(new, dated=placed[index].dated), left, right, into, out_of)
            self._history.add_snapshot(row, new.sha256, size, new.observed)
            self._history.redate({each.digest: each.dated for each in placed})
            release = self._release(digest)
            comparison = self._comparison(before.release, release.release, into) if before and into else None
            if compose and comparison and after is None:
                Deliveries(self._database).add(compose(comparison), now=new.observed or to_text(datetime.now(UTC)))
            also()
        outcome = (
            Outcome.BASELINE if before is None and after is None else Outcome.INSERTED if after else Outcome.CHANGED
        )
        return Taken(outcome=outcome, sha256=new.sha256, release=release, comparison=comparison)

    def rebuild(self, progress: Callable[[int, int], None] = lambda done, total: None) -> int:  # noqa: ARG005
        """Derive the source's history from the archive again and return how many releases it has; all or nothing."""
        receipts = list(self._archive.receipts(self.source))
        found: dict[str, list[tuple[str, str | None, int, bool]]] = {}
        labels: dict[str, Label] = {}
        for number, receipt in enumerate(sorted(receipts, key=lambda each: each.observed or ""), 1):
            content = self._read_kept(receipt.sha256)
            live = receipt.live
            label = Label(digest=content.digest, published=content.published, observed=receipt.observed, live=live)
            labels[content.digest] = _merged(labels.get(content.digest), label)
            found.setdefault(content.digest, []).append((receipt.sha256, receipt.observed, receipt.size, live))
            progress(number, 2 * len(receipts))
        placed = in_order(labels.values())
        with self._database.transaction():
            self._history.forget()
            left: Neighbour | None = None
            for number, each in enumerate(placed, 1):
                left = self._rebuild_release(each.dated, labels[each.digest], found[each.digest], left)
                progress(len(receipts) + number, len(receipts) + len(placed))
        return len(placed)

    def _rebuild_release(
        self, dated: str, label: Label, snapshots: Sequence[tuple[str, str | None, int, bool]], left: Neighbour | None
    ) -> Neighbour:
        # The snapshot that was there first speaks for the release, as it did when it came in.
        first = min(snapshots, key=lambda each: (each[1] is None, each[1] or "", each[0]))
        content = self._read_kept(first[0])
        new = NewRelease(content=content, sha256=first[0], observed=label.observed, live=label.live, dated=dated)
        into = self._step(left.content, content) if left else None
        row = self._history.add_release(new, left, None, into, None)
        for sha256, observed, size, _ in snapshots:
            self._history.add_snapshot(row, sha256, size, observed)
        return Neighbour(id=row, place=self._release(content.digest).place, content=content)

    def _read_kept(self, sha256: str) -> Content:
        try:
            return read(self._archive.read(self.source, sha256), self.registry, self._format, self._memory.reads)
        except ParseError as error:
            raise StoreError(f"{self.source}: snapshot {sha256[:12]} cannot be read any more: {error}") from error

    def _neighbour(self, release: StoredRelease) -> Neighbour:
        content = self._memory.contents.get(release.digest) or self._read_kept(release.release.sha256)
        self._memory.keep(content)
        return Neighbour(id=release.row, place=release.place, content=content)

    def _release(self, digest: str) -> StoredRelease:
        release = self._queries.release_of(self.source, digest=digest)
        if release is None:
            raise StoreError(f"{self.source}: release {digest[:12]} was written and is not there")
        return release

    def _step(self, old: Content, new: Content) -> Step:
        changes, events = explain(self.registry, old, new, self._severities)
        return Step(changes=changes, events=events)

    def _comparison(self, old: Release, new: Release, into: Step) -> Comparison:
        return Comparison(source=self.source, old=old, new=new, changes=into.changes, events=into.events)


def _merged(one: Label | None, other: Label) -> Label:
    """One release seen several times: the earliest observation counts, and whether any was our own."""
    if one is None:
        return other
    observed = min((each for each in (one.observed, other.observed) if each), default=None)
    return replace(one, observed=observed, live=one.live or other.live)


def check(
    intake: Intake,
    url: str,
    *,
    fetcher: Fetches,
    checks: Checks,
    compose: Compose,
    now: datetime,
    clock: Callable[[], float] = time.monotonic,
    admit: Admit = lambda _: None,
) -> Taken:
    """Look at a source once and take what is new, unless `admit` says what is to come of it instead.

    A check that fails changes nothing but the record of checks; the error is in what is returned, not raised.
    StoreError is raised: with a damaged history nothing can be recorded.
    """
    started = clock()
    at = to_text(now)

    def record(taken: Taken, validators: Validators | None) -> None:
        checks.add(
            Check(
                source=intake.source,
                at=at,
                outcome=taken.outcome,
                reason=taken.reason,
                message=taken.message,
                sha256=taken.sha256 or None,
                release_id=taken.release.row if taken.release else None,
                seconds=round(clock() - started, 3),
            ),
            url=url,
            registry=intake.registry.id,
            validators=(validators.etag, validators.last_modified) if validators else None,
        )

    try:
        etag, last_modified = checks.validators(intake.source, url)
        answer = fetcher.fetch(
            url, Validators(etag=etag, last_modified=last_modified) if etag or last_modified else None
        )
        if isinstance(answer, NotModified):
            taken = Taken(outcome=Outcome.UNCHANGED)
            record(taken, None)
            return taken
        taken = admit(answer.body) or intake.take(
            answer.body, origin=answer.url, observed=at, live=True, compose=compose
        )
        # A stale server's validators would let it answer "not modified" with the old release for ever.
        record(taken, None if taken.outcome in (Outcome.STALE, Outcome.HELD) else answer.validators)
    except (FetchError, ParseError) as error:
        taken = Taken(outcome=Outcome.FAILED, reason=error.reason, message=str(error))
        record(taken, None)
    return taken
