"""Releases as export formats receive them, made by hand: port entries, and tables with columns of any name."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping

from watcher.core.lazy import import_listed
from watcher.core.model import ROOT, Content, Item, ItemKey, Key, Release, Section, Status
from watcher.registries.ports.identity import FIELDS, LABELS
from watcher.render.exports import EXPORTS
from watcher.render.exports.base import PORTS, ExportedRelease, ExportOptions, OldName, RenderedExport
from watcher.reports.export import describe_content

OldNames = Mapping[Key, tuple[OldName, ...]]


def port(name: str, number: str, protocol: str = "tcp", *, ordinal: int = 1, **fields: str) -> Item:
    """Return an entry of the port registry; `status` is one of its fields here."""
    status = Status(fields.pop("status", "assigned" if name else "unassigned"))
    values = {**dict.fromkeys(FIELDS, ""), "name": name, "port": number, "protocol": protocol, **fields}
    return Item(section=Section.ENTRY, key=Key(LABELS, (name, number, protocol), ordinal), fields=values, status=status)


def row(registry: str, value: str, *, ordinal: int = 1, status: str = "assigned", **fields: str) -> Item:
    """Return an entry of another registry, with the key column `value`."""
    key = Key(("registry", "value"), (registry, value), ordinal)
    return Item(section=Section.ENTRY, key=key, fields={"value": value, **fields}, status=Status(status))


def make_state(
    items: Iterable[Item],
    *,
    document: str = PORTS,
    title: str = "A Registry",
    published: str | None = "2020-01-01",
    old_names: OldNames | None = None,
    source: str = "ports",
) -> ExportedRelease:
    """Return a release with these entries, contacts and headers."""
    root = Item(section=Section.REGISTRY, key=ROOT, fields={"id": document, "title": title})
    listed = [root, *items]
    by_key: dict[ItemKey, Item] = {(item.section, item.key): item for item in listed}
    text = json.dumps([[item.section, item.key, *item.fields.items(), item.status] for item in listed])
    digest = hashlib.sha256(text.encode()).hexdigest()
    entries = sum(item.section is Section.ENTRY for item in listed)
    content = Content(published=published, digest=digest, items=by_key, entries=entries)
    release = Release(
        id=digest[:12], source=source, published=published, observed=None, sha256=digest[::-1], entries=entries
    )
    return describe_content(source, release, content, old_names=old_names or {})


def render(name: str, *states: ExportedRelease, raw: bool = False, omitted: bool = False) -> RenderedExport:
    """Return an export of a release, or the difference of two."""
    export = EXPORTS[name]
    module = import_listed(export.module)
    rendered: RenderedExport = (module.render_difference if export.between else module.render)(
        *states, ExportOptions(raw=raw, list_omissions=omitted)
    )
    return rendered


def render_text(name: str, *states: ExportedRelease, raw: bool = False, omitted: bool = False) -> str:
    """Return the text of a format of one file."""
    return render(name, *states, raw=raw, omitted=omitted).files[""]
