"""Compare two files. They need no history."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from watcher.core.background import find_background
from watcher.core.errors import ParseError, UsageError
from watcher.core.lazy import load
from watcher.core.model import Comparison, Content, Release
from watcher.core.read_settings import ReadSettings
from watcher.core.suggestions import describe_unknown
from watcher.diff.classify import explain
from watcher.diff.content import check_document
from watcher.diff.guesses import describe_guesses
from watcher.diff.incremental import IncrementalReader
from watcher.diff.relatedness import describe_unrelated
from watcher.formats.base import RowCache
from watcher.formats.catalog import FORMATS, format_by_suffix
from watcher.formats.iana_xml import document_id
from watcher.registries.base import Registry, apply_settings
from watcher.registries.catalog import REGISTRIES, rules_for_group

if TYPE_CHECKING:
    from watcher.diff import port_files, port_tables, row_items
else:  # each for other files than registry groups
    port_files, port_tables, row_items = load("port_files"), load("port_tables"), load("row_items")


class InputFile(Struct, frozen=True, kw_only=True):
    """A file to compare. `name` is shown in errors; its stem and suffix say which registry and format it has."""

    name: str
    data: bytes


def compare_files(
    old: InputFile,
    new: InputFile,
    *,
    registry: str | None = None,
    format: str | None = None,  # noqa: A002 - the option's name
    settings: ReadSettings | None = None,
    with_ids: bool = True,
) -> Comparison:
    """Compare two files by the rules of `registry`, else of the newer document's id or name. Raises UsageError.

    Of `settings` the key, the titles and the layout count. Without `with_ids` the releases may have no id and no
    problems, which only a reading of every row gives.
    """
    for kind, name, names in (("registry", registry, REGISTRIES), ("format", format, FORMATS)):
        if name is not None and name not in names:
            raise UsageError(f"unknown {kind} {describe_unknown(name, names)}")
    chosen = registry or rules_for_group(document_id(new.data) or Path(new.name).stem, "iana")
    rules = apply_settings(REGISTRIES[chosen], settings or ReadSettings())
    formats = [_choose_format(file, format) for file in (old, new)]
    cut, contents = None, None
    if not with_ids:
        if chosen == "ports" and formats[0] == formats[1] and settings in (None, ReadSettings()):
            cut = _read_cut(old, new, rules, formats[0])
        if cut is None and "xml" not in formats:
            contents = _read_tables(old, new, rules, formats)
    contents, left_out = cut or (contents or _read_whole(old, new, rules, formats), 0)
    changes, events = explain(rules, contents[0], contents[1])
    marks = {
        "unrelated": describe_unrelated(contents[0], contents[1]),
        "guessed": describe_guesses(contents[1], formats[1], (settings or ReadSettings()).layout),
    }
    return Comparison(
        source=contents[1].document or chosen if chosen == "iana" else chosen,
        old=_release(old, contents[0], chosen, left_out, with_ids=with_ids),
        new=_release(new, contents[1], chosen, left_out, with_ids=with_ids),
        changes=changes,
        events=events,
        marks={name: sentence for name, sentence in marks.items() if sentence},
        background=find_background(changes, contents[0].items, contents[1].items),
    )


def _choose_format(file: InputFile, format: str | None) -> str:  # noqa: A002 - the option's name
    named = format_by_suffix(file.name)
    return format or (named.name if named else "xml")


def _read_cut(old: InputFile, new: InputFile, rules: Registry, file_format: str) -> tuple[list[Content], int] | None:
    """Return what two port files say where they differ, and the number of records left out; None to read them whole."""
    cut = None
    if file_format == "xml":
        cut = port_files.cut_files(old.data, new.data)
    elif file_format == "csv":
        cut = port_tables.cut_tables(old.data, new.data)
    if cut is None:
        return None
    reader = IncrementalReader(rules, file_format)
    try:
        return [reader.read(cut.old), reader.read(cut.new)], cut.left_out
    except ParseError:
        return None  # reading the whole file names the right line


def _read_tables(old: InputFile, new: InputFile, rules: Registry, formats: Sequence[str]) -> Sequence[Content]:
    """Return the contents of two tables; their entries are made when they are asked for."""
    caches: dict[str, RowCache] = {}  # by format; equal rows are read once
    tables: list[row_items.ReadTable] = []
    for file, file_format in zip((old, new), formats, strict=True):
        try:
            document = FORMATS[file_format].read(file.data, rules.columns, caches.setdefault(file_format, RowCache()))
            check_document(document, rules)
            name = f"{file_format} {hashlib.sha256(file.data).hexdigest()}"
            tables.append(row_items.ReadTable(document, rules, name))
        except ParseError as error:
            raise _refuse(file, file_format, error) from error
    return row_items.pair_contents(*tables)


def _read_whole(old: InputFile, new: InputFile, rules: Registry, formats: Sequence[str]) -> list[Content]:
    readers: dict[str, IncrementalReader] = {}  # by format; equal rows are parsed once
    contents: list[Content] = []
    for file, file_format in zip((old, new), formats, strict=True):
        reader = readers.setdefault(file_format, IncrementalReader(rules, file_format))
        try:
            contents.append(reader.read(file.data))
        except ParseError as error:
            raise _refuse(file, file_format, error) from error
    return contents


def _refuse(file: InputFile, file_format: str, error: ParseError) -> UsageError:
    """Return the error of a file that cannot be read; the wrong format may have been chosen by its name."""
    hint = f"; it was read as {file_format}, --as names another format" if error.reason == "not_expected_format" else ""
    return UsageError(f"{file.name}: {error}{hint}")


def _release(file: InputFile, content: Content, source: str, left_out: int, *, with_ids: bool) -> Release:
    """Return a file as a release; `left_out` counts the records that were not read."""
    return Release(
        id=content.digest[:12] if with_ids else "",
        source=source,
        published=content.published,
        observed=None,
        sha256=hashlib.sha256(file.data).hexdigest(),
        entries=content.entries + left_out,
        problems=content.problems if with_ids else (),
    )
