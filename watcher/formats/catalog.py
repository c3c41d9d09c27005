"""The table of file formats. To add one: a module in this folder, a line here, a test."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from watcher.core.lazy import import_listed
from watcher.formats.base import Format


def _lazy(module: str, function: str = "read") -> Any:

    def call(*args: Any) -> Any:
        return getattr(import_listed(module), function)(*args)

    return call


_LIST = frozenset({"key", "columns", "comment", "skip", "encoding"})
_TABLE = _LIST | {"header", "delimiter", "quote", "escape", "ragged"}
_JSON = frozenset({"key", "columns", "each", "encoding"})

FORMATS: Mapping[str, Format] = {
    entry.name: entry
    for entry in (
        Format("xml", ("xml",), _lazy("watcher.formats.iana_xml.reader"), frozenset({"also"})),
        Format("csv", ("csv",), _lazy("watcher.formats.csv_table"), _TABLE, beside_xml=True),
        Format("tsv", ("tsv",), _lazy("watcher.formats.csv_table", "read_tsv"), _TABLE),
        Format("json", ("json",), _lazy("watcher.formats.json_records"), _JSON | {"path", "header"}),
        Format("jsonl", ("jsonl",), _lazy("watcher.formats.json_records", "read_lines"), _JSON),
        Format("lines", ("lst", "list", "dat"), _lazy("watcher.formats.lines"), _LIST, also_named=("", "txt")),
        # Published files of this format are called `language-subtag-registry` or `lsr.txt`.
        Format(
            "record-jar",
            ("record-jar",),
            _lazy("watcher.formats.record_jar"),
            frozenset({"key"}),
            also_named=("", "txt", "jar", "rj"),
        ),
        Format(
            "xhtml",
            ("xhtml", "html"),
            _lazy("watcher.formats.iana_xhtml"),
            frozenset({"key"}),
            next_page=_lazy("watcher.formats.iana_xhtml", "next_page"),
            beside_xml=True,
        ),
        Format("txt", ("txt",), _lazy("watcher.formats.iana_ports_text"), frozenset({"key"}), beside_xml=True),
        Format("index", (), _lazy("watcher.formats.iana_index"), is_for_sources=False),
    )
}


def format_by_suffix(name: str, formats: Mapping[str, Format] = FORMATS) -> Format | None:
    """Return the format that the suffix of a file name or URL stands for, in either case; None if unknown."""
    suffix = name.rpartition(".")[2].lower()
    return next((entry for entry in formats.values() if suffix in entry.suffixes), None)
