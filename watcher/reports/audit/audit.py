"""Audit lists against a release of the history."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta

from msgspec import Struct
from msgspec.structs import replace

from watcher.core.errors import UsageError
from watcher.core.model import Section, Severity
from watcher.core.suggestions import suggest
from watcher.inventory.model import Inventory, ListEntry, find_sources
from watcher.reports.audit.code_entries import CodeAudit
from watcher.reports.audit.code_tables import CodeTable, build_tables, choose_table
from watcher.reports.audit.findings import (
    AuditedEntry,
    AuditFinding,
    AuditReport,
    FindingSeverity,
    make_finding,
)
from watcher.reports.audit.past import PastReader
from watcher.reports.audit.port_entries import PortAudit
from watcher.reports.inventories import select_events
from watcher.store.event_query import EventQuery
from watcher.store.history_reader import HistoryReader
from watcher.store.history_rows import StoredEvent, StoredRelease

_PORTS = "ports"  # the id of the rules of the port registry
_SOCKETS = "ss"


class AuditRequest(Struct, frozen=True, kw_only=True):
    """What is audited, and when: `at` and `since` are days (`YYYY-MM-DD`), "" for the newest release and for none.

    `today` is the day by which early allocations have expired.
    """

    source: str
    inventories: tuple[Inventory, ...]
    today: str
    at: str = ""
    since: str = ""
    table: str = ""


def choose_source(history: HistoryReader, source: str, registry: str, globs: Sequence[str] = ()) -> str:
    """Return the source to audit against: the named one, that of a registry group, that of a list's globs, or of ports.

    A source of its own wins over a group of a collection: it is checked more often. Raises UsageError if no source has
    it, or if several collections have it.
    """
    if source:
        history.read_registry_id(source)
        return source
    wanted = globs if globs and not registry else find_sources("", registry, history.list_sources_of(_PORTS))
    lists = Inventory(name="", list_format="", sources=tuple(wanted), entries=())
    matching = sorted(filter(lists.concerns_source, history.list_sources()), key=lambda name: ("." in name, name))
    if not matching:
        subject = f"the registry group {registry!r}" if registry else f"the registry of the list ({', '.join(wanted)})"
        groups = {name.partition(".")[2] or name for name in history.list_sources()}
        hint = "; `watcher status` lists the sources, and `watcher check` fetches one that was never checked"
        raise UsageError(f"no source with a history has {subject}{(registry and suggest(registry, groups)) or hint}")
    if len(matching) > 1 and "." in matching[0]:
        raise UsageError(f"several sources have it: {', '.join(matching)}; name one with --source")
    return matching[0]


def audit_lists(history: HistoryReader, request: AuditRequest) -> AuditReport:
    """Return the audit of some lists. Raises UsageError for an unknown source, release or table."""
    release = history.find_release(request.source, request.at or "latest")
    entries = _Judge(history, request, release)
    audited = tuple(entries.judge_all())
    table = next(iter(entries.tables)) if len(entries.tables) == 1 else ""
    content = history.read_content(request.source, release)
    title = next(
        (
            item.fields.get("title", "")
            for (section, key), item in content.items.items()
            if section is Section.REGISTRY and key.part("registry") == table
        ),
        "",
    )
    return AuditReport(
        source=request.source,
        title=title,
        release=release.release.id,
        published=release.release.published or release.dated,
        at=request.at,
        since=request.since,
        table=table,
        files=tuple(dict.fromkeys(entry.file for inventory in request.inventories for entry in inventory.entries)),
        entries=audited,
    )


class _Judge:
    """Judges all entries of a request. `tables` are the registries of those that were judged, by path."""

    def __init__(self, history: HistoryReader, request: AuditRequest, release: StoredRelease) -> None:
        self._history, self._request, self._release = history, request, release
        self._past = PastReader(history, request.source, release)
        self._is_of_ports = history.read_registry_id(request.source) == _PORTS
        self.tables: set[str] = set()

    def judge_all(self) -> Iterator[AuditedEntry]:
        content = self._history.read_content(self._request.source, self._release)
        changes = self._read_changes()
        if self._is_of_ports:
            ports = PortAudit(content.items.values(), self._past)
            for inventory in self._request.inventories:
                from_sockets = inventory.list_format == _SOCKETS
                for entry in inventory.entries:
                    yield self._with_changes(ports.judge(entry, from_sockets=from_sockets), changes)
            return
        tables = build_tables(content.items.values())
        earlier = self._read_earlier_tables()
        for inventory in self._request.inventories:
            for wanted, entries in _group_by_table(inventory, self._request.table):
                table = choose_table(tables, wanted, entries, inventory.name)
                self.tables.add(table.path)
                audit = CodeAudit(
                    table,
                    entries,
                    self._past,
                    self._request.today,
                    since=self._request.since,
                    earlier=earlier.get(table.path),
                )
                for entry in entries:
                    yield self._with_changes(audit.judge(replace(entry, table=table.path)), changes)

    def _read_earlier_tables(self) -> dict[str, CodeTable]:
        """Return the tables as they were on the day `since`; {} without one."""
        if not self._request.since:
            return {}
        release = self._history.find_release(self._request.source, self._request.since)
        return build_tables(self._history.read_content(self._request.source, release).items.values())

    def _read_changes(self) -> list[StoredEvent]:
        if not self._request.since:
            return []
        begin = date.fromisoformat(self._request.since) + timedelta(days=1)
        query = EventQuery(sources=(self._request.source,), since=begin.isoformat(), until=self._request.at or None)
        events = self._history.events.find(query)
        kept: dict[int, StoredEvent] = {}
        for inventory in self._request.inventories:
            mine = replace(inventory, sources=(self._request.source,), table="")
            kept |= {stored.row: stored for stored in select_events(self._history, events, mine)}
        return list(kept.values())

    def _with_changes(self, audited: AuditedEntry, changes: Sequence[StoredEvent]) -> AuditedEntry:
        if not changes:
            return audited
        entry = audited.entry
        alone = Inventory(name="", list_format="", sources=(self._request.source,), entries=(entry,), table=entry.table)
        events = select_events(self._history, changes, alone)
        return replace(audited, findings=(*audited.findings, *map(_describe_change, events)))


def _describe_change(stored: StoredEvent) -> AuditFinding:
    event = stored.event
    severity = FindingSeverity.WARNING if event.severity is Severity.WARNING else FindingSeverity.NOTE
    return make_finding("changed", f"{stored.release.day}: {event.id}: {event.summary}", severity)


def _group_by_table(inventory: Inventory, table: str) -> Iterable[tuple[str, list[ListEntry]]]:
    """Return the entries by the table that they name; one that the request or the inventory names is for all."""
    chosen = table or inventory.table
    groups: dict[str, list[ListEntry]] = {}
    for entry in inventory.entries:
        groups.setdefault(chosen or entry.table, []).append(entry)
    return groups.items()
