"""One entry or contact with its whole life, on any day, also after it was removed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice

from msgspec.structs import replace

from watcher.core.documents import format_document, referenced_documents
from watcher.core.intervals import Interval
from watcher.core.model import MARKUP, Item, Section
from watcher.core.port_ranges import find_ports
from watcher.core.suggestions import PROTOCOLS
from watcher.registries.item_lines import name_item
from watcher.reports.entry import EntryHistory, Subject, find_entry
from watcher.store.history_reader import HistoryReader
from watcher.store.history_rows import EntryVersion
from watcher.web.changes import compare_words
from watcher.web.html import find_link, render_html
from watcher.web.memento import describe_memento, describe_original, entry_original
from watcher.web.page import PageContext, PageRequest, PageResponse
from watcher.web.parameters import check_ports

_MOST_STATES, _MOST_EVENTS, _MOST_DOCUMENTS, _MOST_NAMING = 60, 100, 30, 100


def render(context: PageContext, request: PageRequest) -> PageResponse:
    source, *what = request.parts
    at, registry = request.text("at"), request.text("registry")
    with context.open_store() as store:
        kind = store.history.read_registry_id(source)
        ports, protocol = _read_ports(kind, what)
        entry = find_entry(
            store.history,
            context.observation(store),
            source,
            Subject(
                ports=(ports,) if ports else (),
                names=() if ports else ("/".join(what),),
                protocols=(protocol,) if protocol else (),
            ),
            at=at or None,
            title="/".join(what),
        )
        newest = store.history.find_release(source, "latest")
        is_newest = entry.release.row == newest.row
        naming = _list_naming(store.history, source, entry.current) if is_newest else []
    versions = [version for version in entry.versions if _is_in(version, source, registry)]
    current = [version for version in entry.current if _is_in(version, source, registry)]
    page = render_html(
        "entry.html",
        viewer=request.viewer,
        source=source,
        has_ports=kind == "ports",
        what=what,
        title="/".join(what),
        entry=entry,
        is_newest=is_newest,
        newest=newest,
        current=[
            (version, name_item(version.item), _fields(version.item), entry.read_standing(version))
            for version in current
        ],
        states=[_describe_state(entry, version) for version in islice(reversed(versions), _MOST_STATES)],
        more_states=max(0, len(versions) - _MOST_STATES),
        events=list(reversed(entry.events))[:_MOST_EVENTS],
        registry=registry,
        at=at,
        is_contact=lambda item: item.section is Section.CONTACT,
        naming=[(version, name_item(version.item)) for version in naming[:_MOST_NAMING]],
        more_naming=max(0, len(naming) - _MOST_NAMING),
        documents=_list_documents(current or versions[-1:]),
    )
    original = entry_original(source, what, registry)
    headers = describe_memento(request, original, entry.release) if at else describe_original(request, original)
    return replace(page, headers=headers)


def _read_ports(registry: str, what: list[str]) -> tuple[Interval | None, str]:
    """Return the port or range and the protocol that a lookup names: ["443", "tcp"]; None for a name."""
    if registry != "ports" or len(what) > 2 or (len(what) == 2 and what[1] not in PROTOCOLS):
        return None, ""
    ports = find_ports(what[0])
    return check_ports(ports) if ports else None, what[1] if len(what) == 2 else ""


def _list_naming(history: HistoryReader, source: str, current: Sequence[EntryVersion]) -> list[EntryVersion]:
    """Return the entries that name one of the contacts among some entries."""
    contacts = [version.item.key.part("id") for version in current if version.item.section is Section.CONTACT]
    return [entry for contact in contacts for entry in history.versions.find_naming(source, contact)]


def _list_documents(versions: Sequence[EntryVersion]) -> list[tuple[str, str]]:
    """Return the documents that some states refer to, each with its name for people."""
    names = {name for version in versions for name in referenced_documents(version.item.fields)}
    return [(name, format_document(name)) for name in sorted(names)[:_MOST_DOCUMENTS]]


def _is_in(version: EntryVersion, source: str, registry: str) -> bool:
    """Return whether a state is one of a nested registry, or of another group where its entry was or is."""
    is_elsewhere = version.first.release.source != source
    return not registry or is_elsewhere or version.item.key.part("registry") in ("", registry)


def _fields(item: Item) -> Mapping[str, str]:
    return {name: text for name, text in item.fields.items() if text and not name.startswith(MARKUP)}


def _describe_state(entry: EntryHistory, version: EntryVersion) -> dict[str, object]:
    """Return a state with the fields that differ from the state before it; all of them in the first state."""
    before = entry.links.before(version)
    now, old = _fields(version.item), _fields(before.item) if before is not None else {}
    names = [name for name in dict.fromkeys((*old, *now)) if old.get(name, "") != now.get(name, "")]
    return {
        "version": version,
        "name": name_item(version.item),
        "url": find_link(version.first.release.source, version.first.release.id, version.item),
        "status": str(version.item.status) if version.item.section is Section.ENTRY else "",
        "is_first": before is None,
        "fields": [(name, *compare_words(old.get(name, ""), now.get(name, ""))) for name in names],
    }
