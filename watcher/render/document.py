"""A comparison as plain data: the JSON contract. `schema/comparison.schema.json` describes it."""

from __future__ import annotations

from typing import Any

from watcher.core.model import Change, Comparison, Event, FieldChange, Release, counts
from watcher.core.operations import Hold, Notice

SCHEMA = 1


def comparison(found: Comparison) -> dict[str, Any]:
    """Return the whole comparison: complete and exact, bookkeeping included."""
    return {
        "schema": SCHEMA,
        "source": found.source,
        "old": release(found.old),
        "new": release(found.new),
        "counts": counts(found.changes),
        **({"marks": dict(found.marks)} if found.marks else {}),
        "events": [event(each) for each in found.events],
        "changes": [change(each) for each in found.changes.changes],
    }


def release(found: Release) -> dict[str, Any]:
    """Return a release's label."""
    return {
        "release": found.id,
        "published": found.published,
        "observed": found.observed,
        "sha256": found.sha256,
        "entries": found.entries,
    }


def event(found: Event) -> dict[str, Any]:
    """Return one event; `changes` are positions in the document's list of changes."""
    return {
        "id": found.id,
        "kind": str(found.kind),
        "severity": str(found.severity),
        "summary": found.summary,
        "also": list(found.also),
        "service": found.service,
        "ports": list(found.ports),
        "protocols": list(found.protocols),
        "was": found.was,
        "registry": found.registry,
        "values": list(found.values),
        "evidence": found.evidence,
        "fingerprint": found.fingerprint,
        "changes": list(found.changes),
    }


def change(found: Change) -> dict[str, Any]:
    """Return one change; `old_key` is there only where the key itself changed."""
    document = {
        "kind": str(found.kind),
        "section": str(found.section),
        "quiet": found.quiet,
        "key": found.item.key.as_dict(),
        "before": dict(found.before.fields) if found.before else None,
        "after": dict(found.after.fields) if found.after else None,
        "fields": [field(each) for each in found.fields],
    }
    if found.before and found.after and found.before.key != found.after.key:
        document["old_key"] = found.before.key.as_dict()
    return document


def hold(found: Hold) -> dict[str, Any]:
    """Return a release that is not believed, why, and what became of it."""
    return {
        "release": found.id,
        "published": found.published,
        "entries": found.entries,
        "sha256": found.sha256,
        "state": str(found.state),
        "reasons": [
            {
                "code": reason.code,
                "sentence": reason.sentence,
                "numbers": dict(reason.numbers),
                "where": list(reason.where),
            }
            for reason in found.reasons
        ],
        "first_seen": found.first_seen,
        "last_seen": found.last_seen,
        "times": found.times,
        "in_a_row": found.in_a_row,
        "decided": found.decided,
        "by": found.by,
    }


def notice(found: Notice) -> dict[str, Any]:
    """Return what befell the watcher itself."""
    return {
        "schema": SCHEMA,
        "id": found.id,
        "severity": str(found.severity),
        "source": found.source,
        "summary": found.summary,
        "details": dict(found.details),
    }


def field(found: FieldChange) -> dict[str, str]:
    """Return one differing field."""
    return {"name": found.name, "before": found.before, "after": found.after}
