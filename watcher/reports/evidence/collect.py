"""Collect what proves an answer: the entry, its release, where in the bytes it is, and the chain of releases."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from watcher.core.errors import ParseError, UnreadableSnapshotError, UsageError
from watcher.core.model import MARKUP, Fields, Item, Section
from watcher.core.read_settings import ReadSettings
from watcher.core.times import LATEST
from watcher.formats.catalog import FORMATS
from watcher.formats.row_ranges import ByteRange, RowRanges
from watcher.registries.base import PATH
from watcher.registries.catalog import configured_registry
from watcher.render.safe_text import visible
from watcher.reports.entry import EntryHistory, Subject, find_entry, find_versions
from watcher.reports.evidence.verify import find_mentions, plain, sha256
from watcher.reports.observation import Gap, ObservationGaps
from watcher.store.history_reader import HistoryReader
from watcher.store.history_rows import EntryVersion, StoredRelease
from watcher.store.snapshot_archive import SnapshotArchive
from watcher.store.snapshot_file import SnapshotInfo

ChainRow = tuple[str, str, str, str | None, str | None, str]

_MOST_PORTS = 1024  # the words of one search
_AROUND = 50  # characters before and behind a mention


class LocatedItem(Struct, frozen=True, kw_only=True):
    """An item and the bytes that it was read from.

    `texts` are the fields that these bytes have word for word, `derived` the names of the fields that they say in
    another way (a reference that is an element in XML). `is_whole`: the range is the whole document, because rows of
    its format have no range of their own.
    """

    item: Item
    begin: int
    end: int
    is_whole: bool
    texts: tuple[str, ...]
    derived: tuple[str, ...]


class Evidence(Struct, frozen=True, kw_only=True):
    """Everything that a bundle says.

    `is_exact` unless the entries were found by a range that has the subject, or by a former name.
    Where the release has no entry about the subject, `words` are what it was searched for, `mentions` the text around
    each place that has one of them. `others` are the states of such entries in other releases, and of entries of these
    ports with other protocols in all releases.

    `on` is the day that was asked for, or `latest`. `named` are the ids of the contacts that each entry names.
    `window` are the UTC times between which the release was published, by the checks; `next_window` those of the
    release after it. `last_seen` is the UTC time of the last check that was served the newest release of its time.
    `gaps` are the times without a successful check from this release on until the next.
    """

    source: str
    what: str
    on: str
    entry: EntryHistory
    entries: tuple[LocatedItem, ...]
    contacts: tuple[LocatedItem, ...]
    named: Mapping[int, tuple[str, ...]]
    is_exact: bool
    words: tuple[str, ...]
    mentions: tuple[str, ...]
    others: tuple[EntryVersion, ...]
    release: StoredRelease
    before: StoredRelease | None
    after: StoredRelease | None
    receipt: SnapshotInfo
    data: bytes
    window: tuple[str | None, str | None]
    next_window: tuple[str | None, str | None]
    last_seen: str | None
    gaps: tuple[Gap, ...]
    chain: tuple[ChainRow, ...]

    @property
    def file_name(self) -> str:
        """The name of the release's bytes in the bundle."""
        suffixes = FORMATS[self.receipt.format].suffixes
        return f"release.{suffixes[0] if suffixes else 'bin'}"


def collect_evidence(
    history: HistoryReader,
    observation: ObservationGaps,
    archive: SnapshotArchive,
    source: str,
    what: str,
    subject: Subject,
    *,
    on: str = LATEST,
) -> Evidence:
    """Return the evidence for what a source said about a subject on a day, or that it said nothing.

    Raises UsageError if there is no release up to that day, StoreError if its bytes are missing or damaged.
    """
    entry = find_entry(history, observation, source, subject, at=on, title=what, is_required=False)
    words = () if entry.current else _list_words(what, subject)
    release = entry.release
    data = archive.read_snapshot(source, release.release.sha256)
    receipt = next(info for info in archive.list_snapshots(source) if info.sha256 == release.release.sha256)
    locator = _Locator(history, source, receipt, data)
    releases = history.list_releases(source)
    place = [stored.row for stored in releases].index(release.row)
    before = releases[place - 1] if place else None
    after = releases[place + 1] if place + 1 < len(releases) else None
    contacts = tuple(locator.locate_contact(item) for item in _list_contacts(history, entry))
    return Evidence(
        source=source,
        what=what,
        on=on,
        entry=entry,
        entries=tuple(locator.locate_entry(version.item) for version in entry.current),
        contacts=contacts,
        named={version.row: _list_named(version, entry.contacts) for version in entry.current},
        is_exact=bool(find_versions(history, source, subject, release)),
        words=words,
        mentions=tuple(_list_mentions(plain(data), words)) if words else (),
        others=tuple(find_versions(history, source, subject._replace(protocols=()), None)) if words else (),
        release=release,
        before=before,
        after=after,
        receipt=receipt,
        data=data,
        window=observation.find_window(before, release),
        next_window=observation.find_window(release, after) if after else (None, None),
        last_seen=observation.checks.find_last_seen(source, "9999"),
        gaps=tuple(_list_gaps(observation, release, after)),
        chain=link_releases(releases),
    )


def link_releases(releases: Sequence[StoredRelease]) -> tuple[ChainRow, ...]:
    """Return a row for each release, the oldest first; the link of each is made of its row and the link before it."""
    rows: list[ChainRow] = []
    link = ""
    for stored in releases:
        release = stored.release
        row = (release.id, stored.dated, release.sha256, release.published, release.observed)
        link = sha256(json.dumps([link, *row]).encode())
        rows.append((*row, link))
    return tuple(rows)


def _list_words(what: str, subject: Subject) -> tuple[str, ...]:
    """Return the words of which an entry about a subject would have one: its ports, or the spellings of its name."""
    if sum(high - low + 1 for low, high in subject.ports) > _MOST_PORTS:
        raise UsageError(f"no entry {what!r}; evidence that nobody is named is of at most {_MOST_PORTS} ports")
    return (*(str(port) for low, high in subject.ports for port in range(low, high + 1)), *subject.names)


def _list_mentions(text: str, words: Sequence[str]) -> Iterator[str]:
    """Yield the text around each place that has one of some words."""
    for match in find_mentions([*words], text):
        yield text[max(match.start() - _AROUND, 0) : match.end() + _AROUND]


def _list_contacts(history: HistoryReader, entry: EntryHistory) -> Iterator[Item]:
    for identifier in entry.contacts:
        versions = history.versions.find(entry.release.release.source, names=[identifier], at=entry.release)
        yield from (version.item for version in versions if version.item.section is Section.CONTACT)


def _list_named(version: EntryVersion, contacts: Mapping[str, Fields]) -> tuple[str, ...]:
    texts = [text for name, text in version.item.fields.items() if not name.startswith(MARKUP)]
    return tuple(identifier for identifier in contacts if any(f"[{identifier}]" in text for text in texts))


def _list_gaps(observation: ObservationGaps, release: StoredRelease, after: StoredRelease | None) -> Iterator[Gap]:
    """Yield the closed gaps between this release and the next: one that lasts would say something else each day."""
    begin = release.release.observed or release.dated
    end = (after.release.observed or after.dated) if after else "9999"
    for gap in observation.find_gaps([release.release.source]):
        if gap.until is not None and gap.until > begin and gap.since < end:
            yield gap


class _Locator:
    """Finds the bytes of items in one snapshot."""

    def __init__(self, history: HistoryReader, source: str, receipt: SnapshotInfo, data: bytes) -> None:
        self._data = data
        text = history.read_settings(source)
        settings = (
            ReadSettings.from_text(text) if text else ReadSettings(registry=receipt.registry, format=receipt.format)
        )
        try:
            self._ranges = RowRanges(data, receipt.format, configured_registry(settings).columns)
        except ParseError as error:
            raise UnreadableSnapshotError(source, receipt.sha256, error) from error

    def locate_entry(self, item: Item) -> LocatedItem:
        registry = item.key.part(PATH) if PATH in item.key.labels else None
        return self._locate(item, self._ranges.find_entry(item.fields, registry))

    def locate_contact(self, item: Item) -> LocatedItem:
        return self._locate(item, self._ranges.find_contact(item.fields))

    def _locate(self, item: Item, place: ByteRange | None) -> LocatedItem:
        begin, end = place or (0, len(self._data))
        text = plain(self._data[begin:end])
        words = {
            name: " ".join(value.split())
            for name, value in item.fields.items()
            if value and not name.startswith(MARKUP)
        }
        return LocatedItem(
            item=item,
            begin=begin,
            end=end,
            is_whole=place is None,
            texts=tuple(dict.fromkeys(value for value in words.values() if _is_literal(value, text))),
            derived=tuple(name for name, value in words.items() if not _is_literal(value, text)),
        )


def _is_literal(value: str, text: str) -> bool:
    """Return whether a text has a value word for word; one that the answer must write in another way does not count."""
    return value in text and visible(value) == value
