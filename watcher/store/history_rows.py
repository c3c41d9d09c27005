"""Rows of the history as objects: releases, item states and events with the release they belong to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from watcher.core.model import Event, Item, Kind, Problem, Release, Severity, Side
from watcher.store.stored_items import JSON

_LISTS = ("changes", "also", "ports", "protocols", "values")  # of an event; JSON in the database


class StoredRelease(Struct, frozen=True, kw_only=True):
    """A release with its row, its place in the order and the counts of its changes.

    `dated` is the day it counts for; "" for an imported one without any date, which comes before all others.
    `digest` is that of its canonical content. If an earlier release came back, `returns` is that one's digest and
    `digest` is new.
    """

    row: int
    place: int
    dated: str
    digest: str
    returns: str | None
    release: Release
    counts: Mapping[str, int]

    @property
    def day(self) -> str:
        """The day it counts for, for people."""
        return self.dated or "no date"


class EntryVersion(Struct, frozen=True, kw_only=True):
    """One state of an item, from the release `first` on; `until` is the first release without it."""

    row: int
    item: Item
    first: StoredRelease
    until: StoredRelease | None


class VersionLinks(Struct, frozen=True, kw_only=True):
    """Item states by row, and which of them are one item: `previous` leads to the row of the state before.

    `begun` are the rows whose beginning a change recorded; the others were in the first release already.
    """

    versions: Mapping[int, EntryVersion]
    previous: Mapping[int, int]
    begun: frozenset[int]

    def before(self, version: EntryVersion) -> EntryVersion | None:
        """Return the state before one of the same item, or None."""
        row = self.previous.get(version.row)
        return None if row is None else self.versions[row]

    def first_of(self, version: EntryVersion) -> EntryVersion:
        """Return the oldest state of the same item."""
        while (before := self.before(version)) is not None:
            version = before
        return version


class StoredEvent(Struct, frozen=True, kw_only=True):
    """An event with the release that brought it and the release before that."""

    row: int
    source: str
    release: StoredRelease
    before: StoredRelease | None
    event: Event


class GroupRow(Struct, frozen=True, kw_only=True):
    """A group of a collection: its number of releases, the date of its newest (`StoredRelease.dated`), its entries."""

    source: str
    releases: int
    dated: str
    entries: int


class ReleaseSpan(Struct, frozen=True, kw_only=True):
    """How many releases there are, and the days (`YYYY-MM-DD`) of the first and the last; "" if there are none."""

    number: int
    first: str
    last: str


def decode_release(source: str, row: Mapping[str, Any]) -> StoredRelease:
    """Make a release of a row of `releases`."""
    return StoredRelease(
        row=row["id"],
        place=row["place"],
        dated=row["dated"],
        digest=row["content"],
        returns=row["returns"],
        release=Release(
            id=row["content"][:12],
            source=source,
            published=row["published"],
            observed=row["observed"],
            sha256=row["sha256"],
            entries=row["entries"],
            problems=tuple(Problem(**problem) for problem in json.loads(row["problems"])),
        ),
        counts={name: row[name] for name in (*map(str, Kind), "contacts", "quiet")},
    )


def encode_event(event: Event) -> dict[str, Any]:
    """Return the columns of `events` that hold an event itself."""
    columns = {name: getattr(event, name) for name in Event.__struct_fields__}
    columns["event"] = columns.pop("id")
    columns["registry"] = "\n".join(columns.pop("registries"))  # its first line is the event's `registry`
    columns["facts"] = dict(event.facts)
    del columns["other"]  # in a table for itself
    return columns | {name: JSON.encode(columns[name]) for name in (*_LISTS, "facts")}


def decode_side(row: Mapping[str, Any]) -> Side:
    """Make a side of a row with the group's name and release, and the columns of `event_sides` or `events`."""
    return Side(
        source=row["source"],
        release=row["content"][:12],
        published=row["published"],
        registries=tuple(row["registry"].split("\n")),
        changes=tuple(json.loads(row["changes"])),
    )


def as_seen_from(event: Event, side: Side, home: Side) -> Event:
    """Return an event over two groups as the history of the other group has it; `home` is the event's own side."""
    return replace(event, registry=side.registries[0], registries=side.registries, changes=side.changes, other=home)


def decode_event(row: Mapping[str, Any]) -> Event:
    """Make an event of a row of `events`, without its other side."""
    fields = {name: row.get(name) for name in Event.__struct_fields__}
    lists = {name: tuple(json.loads(row[name])) for name in _LISTS}
    registries = tuple(row["registry"].split("\n"))
    lists |= {"registry": registries[0], "registries": registries}
    enums = {"kind": Kind(row["kind"]), "severity": Severity(row["severity"])}
    del fields["other"]
    return Event(**{**fields, **lists, **enums, "id": row["event"], "facts": json.loads(row["facts"])})
