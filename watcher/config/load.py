"""Read config.toml into `Settings`, and report every mistake at once, each with its place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from itertools import chain
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from watcher.config.channel_settings import AnyChannel, AppriseSettings
from watcher.config.inventory_files import InventoryFiles
from watcher.config.inventory_settings import InventorySettings, list_format_names
from watcher.config.overview import read_tables
from watcher.config.resource_checks import find_resource_problems
from watcher.config.settings import AnySource, CollectionSettings, Settings, SourceSettings
from watcher.config.subscription_checks import EventIds, find_subscription_problems
from watcher.config.value_types import GROUP
from watcher.core.errors import ConfigError
from watcher.core.extras import APPRISE_IS_MISSING, is_installed
from watcher.core.model import CANARY
from watcher.core.operations import NOTICES, WATCHER
from watcher.core.suggestions import GLOB, suggest
from watcher.core.tables import LAYOUT_HELP, find_layout_problems
from watcher.core.texts import LONGEST_ERROR, cut_text
from watcher.fetch.urls import find_url_problem
from watcher.formats.base import Format
from watcher.formats.catalog import format_by_suffix
from watcher.formats.text import MAX_FIELDS

EXAMPLE_FILE = Path(__file__).with_name("config.example.toml")
_RENAMED_KEYS = {"believe": "hold"}


def load(path: Path, *, registries: Collection[str], formats: Mapping[str, Format], events: EventIds) -> Settings:
    """Return a configuration. Raises ConfigError with everything that is wrong with it, one line for each."""
    values = read_tables(path)
    if "folder" in values:
        raise ConfigError(f"{path}: folder: unknown")
    try:
        settings = Settings(**values, folder=path.resolve().parent)
    except ValidationError as error:
        raise ConfigError(*_with_path(path, map(_describe, error.errors()))) from None
    conflicts = _find_conflicts(settings, registries, formats, events)
    try:
        problems = _with_path(path, chain(conflicts, find_resource_problems(settings, path)))
    except OSError as error:  # a name that is too long, or a folder that cannot be read
        raise ConfigError(*_with_path(path, [f"{error.filename}: {error.strerror}"])) from error
    if problems:
        raise ConfigError(*problems)
    folder = settings.folder
    paths = {"path": folder / settings.store.path, "snapshots": folder / settings.store.snapshots}
    store = settings.store.model_copy(update=paths)
    return settings.model_copy(update={"store": store})


def _with_path(path: Path, problems: Iterable[str]) -> list[str]:
    return [f"{path}: {cut_text(problem, LONGEST_ERROR)}" for problem in problems]


def json_schema(formats: Mapping[str, Format]) -> dict[str, Any]:
    schema = Settings.model_json_schema(by_alias=True)
    properties = schema["$defs"][SourceSettings.__name__]["properties"]
    properties["format"]["enum"] = [name for name, entry in formats.items() if entry.is_for_sources]
    second = [name for name, entry in formats.items() if entry.beside_xml]
    for branch in properties["also_format"]["anyOf"]:
        if branch["type"] == "string":
            branch["enum"] = second
    schema["$defs"][InventorySettings.__name__]["properties"]["format"]["enum"] = list_format_names()
    del schema["properties"]["folder"]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def example() -> str:
    return EXAMPLE_FILE.read_text("utf-8")


def second_format(source: SourceSettings, formats: Mapping[str, Format]) -> str:
    """Return the format of `also`: as configured, else by the suffix of its URL; "" if neither names one."""
    if source.also_format:
        return source.also_format
    named = format_by_suffix(source.also or "", formats)
    return named.name if named and named.beside_xml else ""


def _find_conflicts(
    settings: Settings, registries: Collection[str], formats: Mapping[str, Format], events: EventIds
) -> Iterator[str]:
    for kind, names in (
        ("source", [source.name for source in settings.source]),
        ("channel", [channel.name for channel in settings.channel]),
        ("inventory", [inventory.name for inventory in settings.inventory]),
    ):
        for name in sorted(name for name, number in Counter(names).items() if number > 1):
            yield f"{kind}: the name {name!r} is used twice"
    usable = {*registries} - {CANARY, "index"}  # those are of sources that the watcher makes itself
    collections = settings.collections
    for number, source in enumerate(settings.source):
        if source.registry not in usable:
            suggestion = _suggest(source.registry, usable)
            yield f"source[{number}].registry: unknown {source.registry!r}{suggestion}"
        if isinstance(source, SourceSettings):
            yield from (f"source[{number}].{problem}" for problem in _find_format_problems(source, formats))
        yield from (f"source[{number}].{problem}" for problem in _find_source_conflicts(source, settings, collections))
    for number, channel in enumerate(settings.channel):
        if isinstance(channel, AppriseSettings) and not is_installed("apprise"):
            yield f"channel[{number}].type: {APPRISE_IS_MISSING}"
        yield from _find_unmatched(f"channel[{number}].events", channel.events, events)
        yield from _find_unknown_sources(f"channel[{number}].sources", channel.sources, settings)
    for number, silence in enumerate(settings.silence):
        yield from _find_unmatched(f"silence[{number}].events", silence.events, {*events, *NOTICES})
        yield from _find_unknown_sources(f"silence[{number}].sources", silence.sources, settings)
    yield from find_subscription_problems(settings, events)
    yield from _find_canary_conflicts(settings)
    yield from _find_inventory_problems(settings)
    for event in settings.severity:
        if event not in events:
            yield f"severity.{event}: unknown event{_suggest(event, events)}"


def _find_format_problems(source: SourceSettings, formats: Mapping[str, Format]) -> Iterator[str]:
    usable = [name for name, entry in formats.items() if entry.is_for_sources]
    if source.format not in usable:
        yield f"format: {_unknown(source.format, usable)}"
        return
    second = second_format(source, formats)
    table_format = second if source.also else source.format
    yield from find_layout_problems(source.layout)
    yield from _find_column_problems(source, table_format)
    options = formats[source.format].options
    if source.also and second in formats:
        options |= formats[second].options & LAYOUT_HELP.keys()
    for option in sorted({option for entry in formats.values() for option in entry.options} - options):
        if getattr(source, option) not in (None, "", (), 0):
            owners = ", ".join(name for name in usable if option in formats[name].options)
            yield f"{option}: not an option of the format {source.format}, only of: {owners}"
    beside = [name for name in usable if formats[name].beside_xml]
    if source.also_format is not None and source.also_format not in beside:
        yield f"also_format: {_unknown(source.also_format, beside)}"
    elif source.also and not second:
        yield f"also: its suffix names no format; set also_format to one of {', '.join(beside)}"


def _find_column_problems(source: SourceSettings, table_format: str) -> Iterator[str]:
    """Yield what no table could satisfy: columns without a name or named twice, and keys that are no columns.

    `table_format` is the format that the layout is for: the source's own or its second one.
    """
    for option in ("columns", "key", "title", "ignore"):
        names = getattr(source, option)
        if "" in names or len({*names}) < len(names):
            yield f"{option}: each column has a name, and is named once"
    if len(source.columns) > MAX_FIELDS:
        yield f"columns: {len(source.columns)} columns, more than the {MAX_FIELDS} that a table may have"
    if table_format == "lines" and len(source.columns) > 1:
        yield f"columns: a list has one column; {len(source.columns)} are named"
    if source.each and source.columns and source.each not in source.columns:
        yield f"each: {source.each!r} is no column of the table; its columns are {', '.join(source.columns)}"
    defaults = {"csv": (",", '"'), "tsv": ("\t", "")}.get(table_format, ("", ""))
    delimiter = source.delimiter or defaults[0]
    quote = defaults[1] if source.quote is None else source.quote
    if delimiter and delimiter == quote and not (source.delimiter and source.quote):
        yield f"{'quote' if source.quote else 'delimiter'}: {quote!r} is the delimiter and the quote"
    columns = source.columns or (("value",) if table_format == "lines" else ())
    if columns and table_format in ("csv", "tsv", "lines"):
        for option in ("key", "title", "ignore"):
            for name in getattr(source, option):
                if name and name not in columns:
                    yield f"{option}: {name!r} is no column of the table; its columns are {', '.join(columns)}"


def _find_unmatched(place: str, patterns: Collection[str], events: Collection[str]) -> Iterator[str]:
    for pattern in patterns:
        if pattern != "*" and not any(fnmatchcase(event, pattern) for event in events):
            yield f"{place}: {pattern!r} matches no event{_suggest(pattern, events)}"


def _find_unknown_sources(place: str, patterns: Collection[str], settings: Settings) -> Iterator[str]:
    """Yield the names that are no glob, no source and no group of a collection."""
    names = [source.name for source in settings.source] + [CANARY, WATCHER]
    groups = tuple([f"{collection.name}." for collection in settings.collections])
    for pattern in patterns:
        if pattern not in names and not pattern.startswith(groups) and not {*pattern} & GLOB:
            yield f"{place}: {pattern!r} is no source{_suggest(pattern, names)}"


def _find_inventory_problems(settings: Settings) -> Iterator[str]:
    """Yield what is wrong with inventories: unknown sources, and lists that cannot be read."""
    files = InventoryFiles(settings.inventory, settings.folder, settings.port_sources)
    yield from files.read_all().values()
    for number, inventory in enumerate(settings.inventory):
        if inventory.source:
            yield from _find_unknown_sources(f"inventory[{number}].source", [inventory.source], settings)


def _find_canary_conflicts(settings: Settings) -> Iterator[str]:
    names = [channel.name for channel in settings.channel]
    for channel in settings.canary.channels if settings.canary else ():
        if channel not in names:
            yield f"canary.channels: unknown channel {channel!r}{_suggest(channel, names)}"
    if any(source.name in (CANARY, WATCHER) for source in settings.source):
        yield f"source: the names {CANARY!r} and {WATCHER!r} are reserved"


def _find_source_conflicts(
    source: AnySource, settings: Settings, collections: Iterable[CollectionSettings]
) -> Iterator[str]:
    for key in ("url", "index", "also"):
        # A collection on this machine has no URL of its own.
        if (url := getattr(source, key, None)) and not (isinstance(source, CollectionSettings) and source.is_local):
            problem = find_url_problem(
                url.replace(GROUP, "x"),
                allow_private=settings.fetch.allow_private,
                has_proxy=bool(settings.fetch.proxy),
            )
            if problem:
                yield f"{key}: {problem}"
    if not settings.fetch.allow_files:
        for key in ("url", "index", "also"):
            if (getattr(source, key, None) or "").startswith("file:"):
                yield f"{key}: file: URLs need allow_files = true in [fetch]"
        if isinstance(source, CollectionSettings) and source.folder is not None:
            yield "folder: a folder needs allow_files = true in [fetch]"
    if (
        (least := source.hold.min_entries) is not None
        and (most := source.hold.max_entries) is not None
        and least > most
    ):
        yield f"hold: min_entries {least} is more than max_entries {most}, so that every release would be held"
    if isinstance(source, CollectionSettings) and source.groups and not any(map(source.wants, source.groups)):
        yield "groups: include and exclude leave none of them"
    for collection in collections:
        if source.name.startswith(f"{collection.name}."):
            yield f"name: {source.name!r} would be a group of the collection {collection.name!r}"


_UNION_MEMBER = 2  # the step of a place that names the type of a channel or source: it is not in the file


def _describe(problem: Mapping[str, Any]) -> str:
    place = ""
    for number, step in enumerate(problem["loc"]):
        if number == _UNION_MEMBER and problem["loc"][0] in ("channel", "source"):
            continue
        place += f"[{step}]" if isinstance(step, int) else f".{step}" if place else str(step)
    kind, message = problem["type"], str(problem["msg"])
    if kind == "extra_forbidden":
        name, keys = str(problem["loc"][-1]), _list_keys(Settings)
        return f"{place}: unknown in this table" if name in keys else f"{place}: unknown{_suggest(name, keys)}"
    if kind == "missing":
        return f"{place}: is missing"
    if kind == "tuple_type":
        is_table = len(problem["loc"]) == 1
        return f"{place}: must be a list" + (f" of tables: write [[{place}]] above each" if is_table else "")
    if kind in ("model_type", "model_attributes_type", "dict_type"):
        return f"{place}: must be a table"
    if kind == "string_pattern_mismatch":
        return f"{place}: must be lower-case letters, digits and . _ -, at most 64 characters"
    if kind in ("union_tag_not_found", "union_tag_invalid"):
        if problem["loc"][0] == "source":
            return f'{place}.type: must be "registry" (the default) or "collection"'
        return f"{place}.type: must be {' or '.join(_channel_types())}"
    if kind == "bool_type":
        return f"{place}: must be true or false"
    return f"{place}: {message.removeprefix('Value error, ').replace('Input should', 'must', 1)}"


def _suggest(name: str, names: Collection[str]) -> str:
    return f"; did you mean {_RENAMED_KEYS[name]!r}?" if name in _RENAMED_KEYS else suggest(name, names)


def _unknown(name: str, names: Collection[str]) -> str:
    return f"unknown {name!r}" + (_suggest(name, names) or f"; one of {', '.join(names)}")


def _channel_types() -> list[str]:
    return [f'"{name}"' for table in get_args(AnyChannel) for name in get_args(table.model_fields["type"].annotation)]


def _list_keys(annotation: Any) -> set[str]:
    if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
        return set().union(*(_list_keys(inner) for inner in get_args(annotation)))
    fields = [(field.alias or name, field) for name, field in annotation.model_fields.items() if not field.exclude]
    return {key for key, _ in fields}.union(*(_list_keys(field.annotation) for _, field in fields))
