"""Two port files compared after they were cut down, or read whole."""

from __future__ import annotations

from msgspec.structs import replace

from watcher.core.errors import UsageError
from watcher.core.model import Comparison
from watcher.reports.file_diff import InputFile, compare_files


def compare_ports(old: bytes, new: bytes, *, suffix: str = "xml", whole: bool) -> Comparison | str:
    """Return the comparison of two port files, without what only a reading of every row gives, or the error."""
    files = [InputFile(name=f"{name}.{suffix}", data=data) for name, data in (("old", old), ("new", new))]
    try:
        comparison = compare_files(*files, registry="ports", with_ids=whole)
    except UsageError as error:
        return str(error)
    sides = [replace(side, id="", problems=()) for side in (comparison.old, comparison.new)]
    return replace(comparison, old=sides[0], new=sides[1])
