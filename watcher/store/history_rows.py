"""Rows of the history as objects: releases, item states and events with the release they belong to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from watcher.core.model import Event, Item, Kind, Problem, Release, Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRelease:
    """A release with its row, its place in the order and the counts of its changes.

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


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryVersion:
    """One state of an item, from the release `first` on; `until` is the first release without it."""

    row: int
    item: Item
    first: StoredRelease
    until: StoredRelease | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvent:
    """An event with the release that brought it and the release before that."""

    row: int
    source: str
    release: StoredRelease
    before: StoredRelease | None
    event: Event


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseSpan:
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


def decode_event(row: Mapping[str, Any]) -> Event:
    """Make an event of a row of `events`."""
    return Event(
        id=row["event"],
        kind=Kind(row["kind"]),
        severity=Severity(row["severity"]),
        summary=row["summary"],
        fingerprint=row["fingerprint"],
        changes=tuple(json.loads(row["changes"])),
        also=tuple(json.loads(row["also"])),
        service=row["service"],
        ports=tuple(json.loads(row["ports"])),
        protocols=tuple(json.loads(row["protocols"])),
        was=row["was"],
        registry=row["registry"],
        values=tuple(json.loads(row["values"])),
        evidence=row["evidence"],
        facts=json.loads(row["facts"]),
    )
