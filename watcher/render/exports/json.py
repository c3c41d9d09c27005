"""JSON: the whole release as one document (docs/json.md, `schema/export.schema.json`)."""

from __future__ import annotations

from typing import Any

from watcher.render.document import SCHEMA
from watcher.render.exports.base import ExportedRelease, ExportEntry, ExportOptions, RenderedExport
from watcher.render.json import dumps


def render(state: ExportedRelease, options: ExportOptions) -> RenderedExport:  # noqa: ARG001 - the contract
    return RenderedExport(files={"": dumps(make_document(state), indent=2) + "\n"}, written=len(state.entries))


def make_document(state: ExportedRelease) -> dict[str, Any]:
    """Return the release as plain data."""
    return {
        **make_header(state),
        "headers": {path: dict(fields) for path, fields in state.headers.items()},
        "contacts": {identifier: dict(fields) for identifier, fields in state.contacts.items()},
        "entries": [make_entry(entry) for entry in state.entries],
    }


def make_header(state: ExportedRelease) -> dict[str, Any]:
    """Return what names the release. When it was seen here is no part of it."""
    release = state.release
    return {
        "schema": SCHEMA,
        "source": state.source,
        "document": state.document,
        "registry": state.registry,
        "release": {
            "release": release.id,
            "published": release.published,
            "sha256": release.sha256,
            "entries": release.entries,
        },
    }


def make_entry(entry: ExportEntry) -> dict[str, Any]:
    """Return one entry as plain data; `old_names` only if it has some."""
    old_names = [{"name": old.name, "renamed": old.renamed} for old in entry.old_names]
    return {
        "key": entry.item.key.as_dict(),
        "status": str(entry.item.status),
        "fields": dict(entry.fields),
        **({"old_names": old_names} if old_names else {}),
    }
