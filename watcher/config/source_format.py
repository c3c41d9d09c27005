"""What a [[source]] says about its file format, checked against the table of formats, which is handed in."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from watcher.config.settings import SourceSettings
from watcher.formats.base import Format
from watcher.formats.catalog import format_by_suffix

Formats = Mapping[str, Format]


def second_format(source: SourceSettings, formats: Formats) -> str:
    """Return the format of `also`: as configured, else by the suffix of its URL; "" if neither names one."""
    if source.also_format:
        return source.also_format
    named = format_by_suffix(source.also or "", formats)
    return named.name if named and named.beside_xml else ""


def format_problems(source: SourceSettings, formats: Formats) -> Iterator[str]:
    """Yield what is wrong with the format of a source, its options and its second format, each with its key."""
    usable = [name for name, entry in formats.items() if entry.is_for_sources]
    if source.format not in usable:
        yield f"format: {_unknown(source.format, usable)}"
        return
    options = formats[source.format].options
    for option in sorted({option for entry in formats.values() for option in entry.options} - options):
        if getattr(source, option) not in (None, "", ()):
            takers = ", ".join(name for name in usable if option in formats[name].options)
            yield f"{option}: not an option of the format {source.format}, only of: {takers}"
    second = [name for name in usable if formats[name].beside_xml]
    if source.also_format is not None and source.also_format not in second:
        yield f"also_format: {_unknown(source.also_format, second)}"
    elif source.also and not second_format(source, formats):
        yield f"also: the format cannot be told from the suffix; set also_format to one of {', '.join(second)}"


def list_formats(schema: dict[str, Any], formats: Formats) -> None:
    """Add the names of the formats to the JSON Schema of `Settings`."""
    properties = schema["$defs"][SourceSettings.__name__]["properties"]
    properties["format"]["enum"] = [name for name, entry in formats.items() if entry.is_for_sources]
    second = [name for name, entry in formats.items() if entry.beside_xml]
    for branch in properties["also_format"]["anyOf"]:
        if branch["type"] == "string":
            branch["enum"] = second


def _unknown(name: str, names: Collection[str]) -> str:
    close = difflib.get_close_matches(name, names, n=1)
    return f"unknown {name!r}" + (f"; did you mean {close[0]!r}?" if close else f"; one of {', '.join(names)}")
