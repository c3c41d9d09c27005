"""Where the archive is: in a folder, the default, or in object storage with a copy in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

from msgspec import Struct

from watcher.store.object_url import ObjectUrl, parse_object_url


class SharedArchive(Struct, frozen=True, kw_only=True):
    """An archive in object storage, which several hosts share, and the folder that has a copy on this host.

    The folder has the snapshots of the sources that were read here; it can be deleted at any time.
    """

    url: ObjectUrl
    folder: Path


ArchiveLocation: TypeAlias = Path | SharedArchive


def locate_archive(folder: Path, objects: str | None) -> ArchiveLocation:
    """Return the location of an archive, in object storage if its URL is given. Raises ValueError for another text."""
    return folder if objects is None else SharedArchive(url=parse_object_url(objects), folder=folder)


def folder_of(location: ArchiveLocation) -> Path:
    """Return the folder of an archive, or that of its copy."""
    return location if isinstance(location, Path) else location.folder
