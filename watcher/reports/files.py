"""Compare two files: `watcher diff OLD_FILE NEW_FILE`."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from watcher.cli.output import need
from watcher.core.errors import ParseError, UsageError
from watcher.core.model import Comparison, Release
from watcher.diff.classify import explain
from watcher.diff.incremental import IncrementalReader
from watcher.formats.catalog import FORMATS, format_by_suffix
from watcher.formats.iana_xml.reader import document_id
from watcher.registries.catalog import REGISTRIES, rules_for_group, with_key


def files(
    old: str,
    new: str,
    registry: str | None,
    format: str | None,  # noqa: A002 - the option's name
    key: tuple[str, ...],
) -> Comparison:
    """Compare two files. Raises UsageError where one cannot be read."""
    for given, known in ((registry, REGISTRIES), (format, FORMATS)):
        need(given is None or given in known, f"{given!r} is none of {', '.join(known)}")
    documents = [(name, _bytes(name)) for name in (old, new)]
    chosen = registry or _registry_of(*documents[-1])
    rules = with_key(REGISTRIES[chosen], key)
    contents, releases = [], []
    readers: dict[str, IncrementalReader] = {}
    for name, data in documents:
        file_format = format or _format_of(name)
        reader = readers.setdefault(file_format, IncrementalReader(rules, file_format))
        try:
            content = reader.read(data)
        except ParseError as error:
            raise UsageError(f"{name}: {error}") from error
        contents.append(content)
        releases.append(
            Release(
                id=content.digest[:12],
                source=chosen,
                published=content.published,
                observed=None,
                sha256=hashlib.sha256(data).hexdigest(),
                entries=content.entries,
                problems=content.problems,
            )
        )
    changes, events = explain(rules, contents[0], contents[1])
    source = contents[1].document or chosen if chosen == "iana" else chosen
    return Comparison(source=source, old=releases[0], new=releases[1], changes=changes, events=events)


def _registry_of(name: str, data: bytes) -> str:
    """The rules for a file: by the id that the document gives itself, else by its name."""
    return rules_for_group(document_id(data) or Path(name).stem, "iana")


def _format_of(name: str) -> str:
    named = format_by_suffix(name)
    return named.name if named else "xml"


def _bytes(name: str) -> bytes:
    if name == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise UsageError(f"{name}: {error.strerror}") from None
