"""Fetch the index of a folder of groups, `GROUP/GROUP.xml` or `GROUP.xml`. No document is read here."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from watcher.core.errors import FetchError
from watcher.core.tables import GROUP_ID
from watcher.fetch.base import NotModified, Response, Validators

if TYPE_CHECKING:
    from watcher.fetch.rsync import Rsync

_MOST_ENTRIES = 20_000  # of a folder of groups; IANA has some 640


class FolderFetcher(Struct, frozen=True, kw_only=True):
    """Fetches the index of one folder. With `rsync` the folder is brought up to date before each fetch."""

    path: Path
    rsync: Rsync | None = None

    def fetch(self, url: str, validators: Validators | None = None) -> Response | NotModified:
        """Return the index, or NotModified. Raises FetchError: as `list_groups` and `Rsync.update` do."""
        if self.rsync is not None:
            self.rsync.update(self.path)
        body = index_text(list_groups(self.path))
        current = Validators(etag=f'"{hashlib.sha256(body).hexdigest()[:32]}"')
        if validators is not None and validators.etag == current.etag:
            return NotModified(validators=current)
        return Response(body=body, url=url, validators=current)


def list_groups(folder: Path) -> list[str]:
    """Return the ids of the groups in a folder, sorted.

    Raises FetchError: `file_missing`, `file_unreadable`, `too_large`.
    """
    names: set[str] = set()
    try:
        with os.scandir(folder) as entries:
            for number, entry in enumerate(entries):
                if number == _MOST_ENTRIES:
                    message = f"{folder}: more than {_MOST_ENTRIES} files and folders"
                    raise FetchError("too_large", message, transient=False)
                if (name := _group(entry)) and GROUP_ID.fullmatch(name):
                    names.add(name)
            return sorted(names)
    except FileNotFoundError:
        raise FetchError("file_missing", f"{folder}: no such folder", transient=False) from None
    except OSError as error:
        raise FetchError("file_unreadable", f"{folder}: {error.strerror}", transient=False) from error


def group_document(folder: Path, group: str) -> Path:
    inside = folder / group / f"{group}.xml"
    return inside if inside.is_file() else folder / f"{group}.xml"


def index_text(groups: Iterable[str]) -> bytes:
    """Return the index of some groups: their ids, one on each line."""
    return "".join(f"{group}\n" for group in sorted(groups)).encode()


def _group(entry: os.DirEntry[str]) -> str | None:
    if entry.is_dir():
        return entry.name if Path(entry.path, f"{entry.name}.xml").is_file() else None
    return entry.name.removesuffix(".xml") if entry.name.endswith(".xml") and entry.is_file() else None
