"""One release as an export receives it: its entries with their names, and the names that they had before."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from msgspec.structs import replace

from watcher.core.errors import UsageError
from watcher.core.lazy import import_listed
from watcher.core.model import FREE, ChangeSet, Content, Fields, Item, Key, Release, Section
from watcher.core.patterns import regex
from watcher.core.port_ranges import find_ports
from watcher.core.read_settings import ReadSettings
from watcher.core.suggestions import PROTOCOLS, describe_unknown
from watcher.core.value_ranges import parse_ranges
from watcher.registries.base import PATH
from watcher.registries.catalog import REGISTRIES
from watcher.registries.context import ChangeContext, TableSettings
from watcher.registries.generic import entry_parts, naming
from watcher.registries.ports.shared_values import find_alias_target, is_secondary_use
from watcher.registries.shared.remarks import strip_temporary
from watcher.render.exports import EXPORTS
from watcher.render.exports.base import ExportedRelease, ExportEntry, ExportOptions, OldName, RenderedExport
from watcher.store.history_reader import HistoryReader
from watcher.store.history_rows import EntryVersion, StoredRelease

EARLIEST = "0000-00-00"  # before every date: all old names
_NAME = "name"
_HEX_NAME = regex(r"(?=[A-F]*\d)[A-F][A-F\d]*", re.IGNORECASE | re.ASCII)
_DIGITS = regex(r"(\d{1,18})")
_LAST = 2**130  # behind every number and address
Describe = Callable[[Item], ExportEntry]
_NO_OLD_NAMES: Mapping[Key, tuple[OldName, ...]] = {}


def render_export(
    history: HistoryReader,
    source: str,
    name: str,
    references: Sequence[str],
    options: ExportOptions,
    *,
    registry: str = "",
    names_since: str | None = None,
) -> RenderedExport:
    """Return a release in the format `name`, or the difference of two, the older first.

    Raises UsageError for an unknown release, and for a source that the format is not made for.
    """
    export = EXPORTS[name]
    rules = REGISTRIES[history.read_registry_id(source)]
    states = [
        collect_export(history, source, reference, registry=registry, names_since=names_since)
        for reference in references
    ]
    if export.document and export.document not in (rules.document_id, *(state.document for state in states)):
        raise UsageError(f"{name} is a format of the registry group {export.document}, and {source} has another one")
    module = import_listed(export.module)
    render = module.render_difference if export.between else module.render
    rendered: RenderedExport = render(*states, options)
    return rendered


def collect_export(
    history: HistoryReader,
    source: str,
    reference: str = "latest",
    *,
    registry: str = "",
    names_since: str | None = None,
) -> ExportedRelease:
    """Return a release, limited to a nested registry and those below it if one is named.

    `reference` is a date, a release id, a SHA-256 prefix or `latest`. With `names_since`, entries have the names that
    they had after that day (`YYYY-MM-DD`; `EARLIEST`: all). Raises UsageError for an unknown one.
    """
    release = history.find_release(source, reference)
    versions = history.versions.find(source, at=release)
    content = _make_content(release, versions)
    titles = _read_title_columns(history, source)
    old_names = _NO_OLD_NAMES
    if names_since is not None:
        named = [version for version in versions if version.item.section is Section.ENTRY]
        old_names = _find_old_names(history, release, named, _choose_description(content, titles), names_since)
    return describe_content(source, release.release, content, registry=registry, titles=titles, old_names=old_names)


def describe_content(
    source: str,
    release: Release,
    content: Content,
    *,
    registry: str = "",
    titles: tuple[str, ...] = (),
    old_names: Mapping[Key, tuple[OldName, ...]] = _NO_OLD_NAMES,
) -> ExportedRelease:
    """Return a content as an export receives it. `titles` are the columns that name the rows of a plain table."""
    headers = _list_fields(content, Section.REGISTRY)
    if registry and registry not in headers:
        raise UsageError(f"{source} has no registry {describe_unknown(registry, [path for path in headers if path])}")
    describe = _choose_description(content, titles)
    entries = [
        replace(describe(item), old_names=old_names.get(item.key, ()))
        for item in content.items.values()
        if item.section is Section.ENTRY and _is_below(item.key.part(PATH), registry)
    ]
    return ExportedRelease(
        source=source,
        document=content.document,
        release=release,
        headers=headers,
        entries=tuple(sorted(entries, key=_order)),
        contacts=_list_fields(content, Section.CONTACT),
        registry=registry,
    )


def _make_content(release: StoredRelease, versions: Sequence[EntryVersion]) -> Content:
    items = {(version.item.section, version.item.key): version.item for version in versions}
    return Content(
        published=release.release.published, digest=release.digest, items=items, entries=release.release.entries
    )


def _read_title_columns(history: HistoryReader, source: str) -> tuple[str, ...]:
    text = history.read_settings(source)
    return ReadSettings.from_text(text).title if text else ()


def _list_fields(content: Content, section: Section) -> dict[str, Fields]:
    """Return the fields of headers by path, or of contacts by id, all in a stable order."""
    items = {_label(item.key): item for item in content.items.values() if item.section is section}
    return {name: dict(sorted(items[name].fields.items())) for name in sorted(items, key=_natural)}


def _label(key: Key) -> str:
    return key.values[0] if key.ordinal == 1 else f"{key.values[0]} ({key.ordinal})"


def _is_below(path: str, registry: str) -> bool:
    return not registry or path == registry or path.startswith(registry + "/")


def _choose_description(content: Content, titles: tuple[str, ...]) -> Describe:
    """Return the function that describes the entries of a release: ports have names, other registries columns."""
    context = ChangeContext(ChangeSet(), content, content, table=TableSettings(titles))

    def describe_entry(item: Item) -> ExportEntry:
        return _describe_entry(item, context)

    is_ports = any("port" in item.key.labels for item in content.items.values() if item.section is Section.ENTRY)
    return _describe_service if is_ports else describe_entry


def _describe_service(item: Item) -> ExportEntry:
    return ExportEntry(
        registry="",
        values=item.key.values,
        value=item.key.part("port"),
        name=item.key.part("name"),
        item=item,
        alias_of=find_alias_target(item.fields),
        is_secondary=is_secondary_use(item.fields),
    )


def _describe_entry(item: Item, context: ChangeContext) -> ExportEntry:
    # The order of the columns is that of the first release that had this row: another one may have another.
    names = sorted(item.fields, key=lambda name: (name not in item.key.labels, name))
    values = entry_parts.read_values(item)
    own = strip_temporary(naming.own_value(item))
    code = naming.find_code_point(item, context)[1]
    if code and item.key.part(_NAME) and own != item.key.part(_NAME) and not _has_code_point(item):
        own = strip_temporary(item.key.part(_NAME))  # "1 crv", label -1: the number in the key only groups the rows
        name = ""
    else:
        name = naming.strip_brackets(_find_name(item, context))
    is_named_by_key = not name and not parse_ranges(own)
    return ExportEntry(
        registry=entry_parts.read_path(item),
        values=values,
        value=code if is_named_by_key else own,
        name=naming.strip_brackets(own) if is_named_by_key else name,
        item=replace(item, fields={name: item.fields[name] for name in names}),
    )


def _find_name(item: Item, context: ChangeContext) -> str:
    """Return the name of an entry; EC2 and A128CBC are names, though they can be read as numbers."""
    name = "" if _NAME in item.key.labels else item.fields.get(_NAME, "")
    return name if _HEX_NAME.fullmatch(name) else naming.find_name(item, context)


def _has_code_point(item: Item) -> bool:
    return any(label in naming.CODE_POINTS for label in item.key.labels)


def _find_old_names(
    history: HistoryReader,
    release: StoredRelease,
    versions: Sequence[EntryVersion],
    describe: Describe,
    since: str,
) -> Mapping[Key, tuple[OldName, ...]]:
    """Return the names that entries had in releases after a day, by their key, the newest first."""
    links = history.versions.follow(release.release.source, (version.row for version in versions), until=release)
    by_key = {}
    for version in versions:
        renamed: dict[str, str] = {}
        state, name = version, describe(version.item).name
        # The row of a free value is called Unassigned or Reserved.
        while (before := links.before(state)) is not None and before.item.status not in FREE:
            ended, earlier = state.first.dated, describe(before.item).name
            if ended > since and earlier and earlier != name:
                renamed.setdefault(earlier, ended)  # a name that came back counts with its last day
            state = before
        if renamed:
            by_key[version.item.key] = tuple(OldName(name=old, renamed=day) for old, day in renamed.items())
    return by_key


def _order(entry: ExportEntry) -> tuple[object, ...]:
    """Return the place of an entry: by registry, then by number, then by text."""
    if "port" in entry.item.key.labels:
        port, protocol = entry.fields["port"], entry.fields["protocol"]
        low, high = find_ports(port) or (_LAST, _LAST)
        rank = PROTOCOLS.index(protocol) if protocol in PROTOCOLS else len(PROTOCOLS) - (not protocol) * 10
        secondary = (bool(entry.alias_of), entry.is_secondary)
        return (low, high, rank, protocol, *secondary, entry.name, port, entry.item.key.ordinal)
    ranges = parse_ranges(entry.value) or parse_ranges(entry.values[0] if entry.values else "")
    low, high = (ranges[0].low, ranges[0].high) if ranges else (_LAST, _LAST)
    space = ranges[0].space if ranges else "~"
    return (_natural(entry.registry), space, low, high, _natural(" ".join(entry.values)), entry.item.key.ordinal)


def _natural(text: str) -> tuple[tuple[int, str], ...]:
    """Return a key that sorts `tls-parameters-4` before `tls-parameters-10`."""
    parts = _DIGITS.split(text)
    return tuple((int(part), part) if number % 2 else (0, part) for number, part in enumerate(parts))
