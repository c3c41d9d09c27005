"""How a folder of registry groups is laid out: `GROUP/GROUP.xml`, as IANA's tree is, or `GROUP.xml`.

Reads no document. A file or folder whose name is no id of a group is passed over.
"""

from __future__ import annotations

import os
from pathlib import Path

from watcher.core.errors import FetchError
from watcher.core.tables import GROUP_ID


def groups(folder: Path) -> list[str]:
    """Return the names that have a document, in order. Raises FetchError: `file_missing`, `file_unreadable`."""
    try:
        with os.scandir(folder) as entries:
            return sorted({name for entry in entries if (name := _group(entry)) and GROUP_ID.fullmatch(name)})
    except FileNotFoundError:
        raise FetchError("file_missing", f"{folder} is not there", transient=False) from None
    except OSError as error:
        raise FetchError("file_unreadable", f"{folder}: {error.strerror}", transient=False) from error


def document(folder: Path, group: str) -> Path:
    """Return where the document of a group is, or would be."""
    inside = folder / group / f"{group}.xml"
    return inside if inside.is_file() else folder / f"{group}.xml"


def _group(entry: os.DirEntry[str]) -> str | None:
    if entry.is_dir():
        return entry.name if Path(entry.path, f"{entry.name}.xml").is_file() else None
    return entry.name.removesuffix(".xml") if entry.name.endswith(".xml") and entry.is_file() else None
