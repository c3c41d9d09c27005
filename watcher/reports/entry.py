"""One entry or contact of a registry: its versions and its events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from msgspec import Struct

from watcher.core.errors import UsageError
from watcher.core.intervals import Interval
from watcher.core.model import Fields, Key, Section
from watcher.core.patterns import regex
from watcher.core.port_ranges import find_ports
from watcher.core.suggestions import PROTOCOLS, require_known
from watcher.core.times import LATEST, is_date
from watcher.core.value_ranges import parse_ranges
from watcher.registries.generic.entry_parts import LARGEST, read_values
from watcher.registries.generic.lifecycle import Stage, facts_of, read_stage
from watcher.registries.shared.remarks import strip_temporary
from watcher.reports.events import ObservedEvent, observe_event
from watcher.reports.lineage import Standing, read_contacts, read_standing
from watcher.reports.names import suggest_name
from watcher.reports.observation import Gap, ObservationGaps
from watcher.store.event_query import EventQuery
from watcher.store.history_reader import HistoryReader
from watcher.store.history_rows import EntryVersion, StoredEvent, StoredRelease, VersionLinks

_TWO_BYTES = regex(r"0x([0-9A-Fa-f]{2})([0-9A-Fa-f]{2})")
_NUMBER = regex(r"-?\d|.*[.:]")  # digits and letters alone (`ac`, `3com`) are a name


class Subject(NamedTuple):
    """What a question is about: entries on one of some ports or with one of some names, of one of some protocols.

    `names` are those of services or contacts, or values of entries.
    """

    ports: tuple[Interval, ...] = ()
    names: tuple[str, ...] = ()
    protocols: tuple[str, ...] = ()


def parse_subject(what: str) -> Subject:
    """Return what a text asks for: ports (443, 443/tcp, 8000-8100), else a name or the value of an entry.

    0x1301 also stands for a value of two bytes, which registries write as 0x13,0x01.
    """
    number, _, suffix = what.partition("/")
    ports = find_ports(number)
    if ports is None:
        pair = _TWO_BYTES.fullmatch(what)
        return Subject(names=(what, f"0x{pair[1]},0x{pair[2]}") if pair else (what,))
    return Subject(ports=(ports,), protocols=(suffix.lower(),) if suffix else ())


def read_subject(history: HistoryReader, source: str, what: str) -> Subject:
    """Return what a text asks for in a source: ports in the port registry, elsewhere only a name or a value."""
    return parse_subject(what) if history.read_registry_id(source) == "ports" else Subject(names=(what,))


class EntryHistory(Struct, frozen=True, kw_only=True):
    """Every version of the entries that match a query and their events, up to one release, the oldest first."""

    title: str
    versions: tuple[EntryVersion, ...]
    events: tuple[ObservedEvent, ...]
    gaps: tuple[Gap, ...]
    release: StoredRelease
    links: VersionLinks
    contacts: Mapping[str, Fields]

    def read_standing(self, version: EntryVersion) -> Standing | None:
        """Return since when a version's entry has its status and text; None for a contact or a header."""
        return read_standing(version, self.links)

    @property
    def lives(self) -> Mapping[Key, tuple[LifeStep, ...]]:
        """The stages of each entry, the oldest first, by its newest key."""
        return read_lives(self.versions, self.links, self.release)

    @property
    def elsewhere(self) -> tuple[EntryVersion, ...]:
        """The versions in other groups of the collection, where the entry is since it moved."""
        source = self.release.release.source
        return tuple(
            version
            for version in self.versions
            if version.first.release.source != source
            and (version.until is None or not _is_no_later(version.until, self.release))
        )

    @property
    def current(self) -> tuple[EntryVersion, ...]:
        """The versions that are part of the release."""
        return tuple(version for version in self.versions if _is_in(version, self.release))


class LifeStep(Struct, frozen=True, kw_only=True):
    """One stage in the life of an entry, and the release that began it. `facts` are those of its first state.

    It began in `since`, or before if not `is_known`: the history has it in its first release.
    """

    stage: Stage
    since: StoredRelease
    facts: Mapping[str, str]
    is_known: bool = True


def read_lives(
    versions: Sequence[EntryVersion], links: VersionLinks, at: StoredRelease
) -> Mapping[Key, tuple[LifeStep, ...]]:
    """Return the stages of each entry up to a release, by its newest key. A remark in a key is no part of it."""
    same: dict[tuple[str, ...], list[EntryVersion]] = {}
    for version in versions:
        if version.item.section is Section.ENTRY:
            key = links.first_of(version).item.key
            same.setdefault((*map(strip_temporary, key.values), str(key.ordinal)), []).append(version)
    return {states[-1].item.key: tuple(_life(states, links, at)) for states in same.values()}


def _life(states: Sequence[EntryVersion], links: VersionLinks, at: StoredRelease) -> Iterator[LifeStep]:
    last: tuple[Stage, str] | None = None
    for number, version in enumerate(states):
        stage, facts = read_stage(version.item), facts_of(version.item)
        # Each extension is a step of its own.
        step = stage, facts.get("temporary_until", "")
        if step != last:
            is_known = number > 0 or version.row in links.begun
            yield LifeStep(stage=stage, since=version.first, facts=facts, is_known=is_known)
        last = step
        after = states[number + 1] if number + 1 < len(states) else None
        is_followed = after is not None and (after.first == version.until or links.before(after) == version)
        if version.until is not None and _is_no_later(version.until, at) and not is_followed:
            yield LifeStep(stage=Stage.REMOVED, since=version.until, facts={})
            last = None


def life_document(lives: Mapping[Key, Sequence[LifeStep]]) -> list[dict[str, Any]]:
    """Return the lives of entries as the JSON contract has them."""
    return [
        {
            "key": key.as_dict(),
            "stages": [
                {
                    "stage": str(step.stage),
                    "since": {"release": step.since.release.id, "published": step.since.release.published},
                    "facts": dict(step.facts),
                }
                for step in steps
            ],
        }
        for key, steps in lives.items()
    ]


def find_entry(
    history: HistoryReader,
    observation: ObservationGaps,
    source: str,
    subject: Subject,
    *,
    at: str | None = None,
    title: str | None = None,
    is_required: bool = True,
) -> EntryHistory:
    """Return the history of an entry, or of several, up to a day or a release.

    A value without a row of its own is looked up in the ranges of the release. Raises UsageError if no release up to
    that day has such an entry and one `is_required`.
    """
    ports, names, protocols = subject
    release = history.find_release(source, at or "latest")
    limit = release if at else None
    until = at if not at or is_date(at) else release.dated
    versions = find_versions(history, source, subject, limit)
    if not versions and at:  # what there was before: a former name, a removed port
        earlier = find_versions(history, source, subject, None)
        versions = [version for version in earlier if version.first.place <= release.place]
    if names and not any(_is_in(version, release) for version in versions):
        versions = [*versions, *_find_ranges(history, source, names, release)]
    for protocol in protocols:
        if not any(version.item.key.part("protocol") == protocol for version in versions):
            require_known("protocol", protocol, PROTOCOLS)
    title = title or ", ".join(names) or ", ".join(map(_port_text, ports))
    if not versions and ports and not names:  # a name that is a number
        versions = history.versions.find(source, names=[*map(_port_text, ports)], at=limit)
    if not versions and is_required:
        when = f" on {at}" if at and at != LATEST else ""
        hint = suggest_name(history, [source], names[0] if names else "", title)
        raise UsageError(f"no entry {title!r} in {source}{when}{hint}")
    links = history.versions.follow(source, (version.row for version in versions), until=limit)
    is_port = any("port" in version.item.key.labels for version in versions)
    if not (is_port and ports):  # a port has the versions of all its services, and of no other port
        versions = sorted(links.versions.values(), key=_order)
    query = EventQuery(sources=(source,), ports=ports, services=names, protocols=protocols, until=until)
    events = _find_events(history, query if is_port else None, () if is_port and ports else versions, until=until)
    return EntryHistory(
        title=title,
        versions=tuple(versions),
        events=tuple(observe_event(event, observation) for event in events),
        gaps=observation.find_gaps([source]),
        release=release,
        links=links,
        contacts=read_contacts(history, [version for version in versions if _is_in(version, release)], release),
    )


def find_versions(
    history: HistoryReader, source: str, subject: Subject, at: StoredRelease | None
) -> list[EntryVersion]:
    """Return the states of a subject, in one release or in all; a row without protocol is for each."""
    return [
        version
        for version in history.versions.find(source, ports=subject.ports, names=subject.names, at=at)
        if not subject.protocols or version.item.key.part("protocol") in (*subject.protocols, "")
    ]


def _find_ranges(
    history: HistoryReader, source: str, values: Sequence[str], release: StoredRelease
) -> list[EntryVersion]:
    """Return the rows of a release whose range or block has one of some values: 0x13,0x50 is part of 0x13,0x06-FF."""
    wanted = [block for value in values if _NUMBER.match(value) for block in parse_ranges(value)]
    numbers = [(block.low, block.high) for block in wanted if not block.space and 0 <= block.low <= LARGEST]
    versions = history.versions.find(source, ports=numbers, at=release) if numbers else []
    if not any(block.space for block in wanted):
        return versions
    rows = {version.row for version in versions}
    return versions + [
        version
        for version in history.versions.find(source, at=release)
        if version.item.section is Section.ENTRY
        and version.row not in rows
        and any(block.overlaps(other) for block in parse_ranges(read_values(version.item)[0]) for other in wanted)
    ]


def _is_no_later(release: StoredRelease, at: StoredRelease) -> bool:
    """Return whether a release, maybe of another group, is dated no later than another one."""
    if release.release.source != at.release.source:
        return release.dated <= at.dated
    return release.place <= at.place


def _order(version: EntryVersion) -> tuple[str, int, int]:
    return version.first.dated, version.first.place, version.row


def _is_in(version: EntryVersion, release: StoredRelease) -> bool:
    if version.first.release.source != release.release.source:
        return False
    return version.first.place <= release.place and (version.until is None or version.until.place > release.place)


def _find_events(
    history: HistoryReader, query: EventQuery | None, versions: Sequence[EntryVersion], *, until: str | None
) -> list[StoredEvent]:
    """Return the events that match a query and those of some versions, the oldest first."""
    events = history.events.find(query) if query else []
    events += history.events.find_by_versions(versions, until=until)
    by_row = {event.row: event for event in events}
    return sorted(by_row.values(), key=lambda event: (event.release.dated, event.release.place, event.row))


def version_document(version: EntryVersion) -> dict[str, Any]:
    """Return a version as the JSON contract has it. `until`: the first release without it, null while it lasts."""
    return {
        "source": version.first.release.source,
        "section": str(version.item.section),
        "key": version.item.key.as_dict(),
        "status": str(version.item.status) if version.item.section is Section.ENTRY else None,
        "fields": dict(version.item.fields),
        "facts": dict(facts_of(version.item)),
        "first": {"release": version.first.release.id, "published": version.first.release.published},
        "until": {"release": version.until.release.id, "published": version.until.release.published}
        if version.until
        else None,
    }


def _port_text(port: Interval) -> str:
    return str(port[0]) if port[0] == port[1] else f"{port[0]}-{port[1]}"
