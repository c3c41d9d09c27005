"""Comparisons, holds and notices as plain data: the JSON contract (`schema/comparison.schema.json`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from msgspec.structs import asdict

from watcher.core.model import Change, Comparison, Event, Release, Side, count_changes

if TYPE_CHECKING:
    from watcher.core.event_details import EntryDetails, EventDetails
    from watcher.core.operations import Hold, Notice

SCHEMA = 1


def comparison_document(comparison: Comparison, details: Sequence[EventDetails] = ()) -> dict[str, Any]:
    """Return the whole comparison, quiet changes included. The first events have the `details` that are given."""
    events = [{**event_document(event), "changes": list(event.changes)} for event in comparison.events]
    for event, described in zip(events, details, strict=False):
        event["details"] = details_document(described)
    return {
        "schema": SCHEMA,
        "source": comparison.source,
        "old": release_document(comparison.old),
        "new": release_document(comparison.new),
        "counts": count_changes(comparison.changes),
        **({"marks": dict(comparison.marks)} if comparison.marks else {}),
        **({"timed": comparison.timed} if comparison.timed else {}),
        **({"subscriptions": list(comparison.subscriptions)} if comparison.subscriptions else {}),
        "events": events,
        "changes": [change_document(change) for change in comparison.changes.changes],
    }


def release_document(release: Release) -> dict[str, Any]:
    """Return a release's label."""
    return {
        "release": release.id,
        "published": release.published,
        "observed": release.observed,
        "sha256": release.sha256,
        "entries": release.entries,
    }


def event_document(event: Event) -> dict[str, Any]:
    """Return what an event says, without the positions of its changes, which only mean something in a comparison."""
    return {
        "id": event.id,
        "kind": str(event.kind),
        "severity": str(event.severity),
        "summary": event.summary,
        "also": list(event.also),
        "service": event.service,
        "ports": list(event.ports),
        "protocols": list(event.protocols),
        "was": event.was,
        "registry": event.registry,
        "registries": list(event.registries),
        "values": list(event.values),
        "evidence": event.evidence,
        **({"facts": dict(event.facts)} if event.facts else {}),
        "fingerprint": event.fingerprint,
        **({"other": side_document(event.other)} if event.other else {}),
    }


def details_document(details: EventDetails) -> dict[str, Any]:
    """Return the details of an event; what is empty is left out."""
    registry = details.registry
    return _without_empty(
        {
            "entries": [_entry_document(entry) for entry in details.entries],
            "more_entries": details.more_entries,
            "registry": {"title": registry.text, "url": registry.url} if registry else None,
            "link": details.link,
            "command": details.command,
        }
    )


def _entry_document(entry: EntryDetails) -> dict[str, Any]:
    return {
        "names": list(entry.names),
        "kind": str(entry.kind),
        **_without_empty(
            {
                "changes": list(entry.changes),
                "differences": [
                    {"field": field.field, "before": field.before, "after": field.after} for field in entry.differences
                ],
                "texts": {text.field: text.text for text in entry.texts},
                "people": [
                    _without_empty({**asdict(person), "addresses": list(person.addresses)}) for person in entry.people
                ],
                "references": [_without_empty({"text": link.text, "url": link.url}) for link in entry.references],
            }
        ),
    }


def _without_empty(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value}


def side_document(side: Side) -> dict[str, Any]:
    """Return the other side of an event, in another group of the collection."""
    return {
        "source": side.source,
        "release": side.release,
        "published": side.published,
        "registries": list(side.registries),
        "changes": list(side.changes),
    }


def change_document(change: Change) -> dict[str, Any]:
    """Return one change; it has an `old_key` only if the key itself changed."""
    document = {
        "kind": str(change.kind),
        "section": str(change.section),
        "quiet": change.quiet,
        "key": change.item.key.as_dict(),
        "before": dict(change.before.fields) if change.before else None,
        "after": dict(change.after.fields) if change.after else None,
        "fields": [asdict(field) for field in change.fields],
    }
    if change.before and change.after and change.before.key != change.after.key:
        document["old_key"] = change.before.key.as_dict()
    return document


def hold_document(hold: Hold) -> dict[str, Any]:
    """Return a held release, the reasons, and its state."""
    return {
        "release": hold.id,
        "published": hold.published,
        "entries": hold.entries,
        "sha256": hold.sha256,
        "state": str(hold.state),
        "reasons": [{**asdict(reason), "where": list(reason.where)} for reason in hold.reasons],
        "first_seen": hold.first_seen,
        "last_seen": hold.last_seen,
        "times": hold.times,
        "in_a_row": hold.in_a_row,
        "decided": hold.decided,
        "by": hold.by,
    }


def notice_document(notice: Notice) -> dict[str, Any]:
    """Return an operational alert."""
    return {
        "schema": SCHEMA,
        "id": notice.id,
        "severity": str(notice.severity),
        "source": notice.source,
        "summary": notice.summary,
        "details": dict(notice.details),
    }
