"""tables."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple


def split_usable_ids(names: Iterable[str]) -> tuple[dict[str, str], list[str]]:
    """Return the groups that can be watched, by their id in lower case, and the names that cannot.

    `_6lowpan-parameters` and `ip-over-IEEE1394` are ids; what could leave a folder or a URL's path is none. Of two
    that a file system might take for one, the first counts.
    """
    found: dict[str, str] = {}
    refused = [name for name in names if not GROUP_ID.fullmatch(name) or found.setdefault(name.lower(), name) != name]
    return found, refused


# The id of a registry group: what may become part of a URL's path, of a source's name and of a folder's.
GROUP_ID = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9_-])?")


class Layout(NamedTuple):
    """What a plain table does not say about itself, so that the source's configuration has to.

    `header` says whether the first row of a CSV holds titles (None: seen from what it holds); `names` are what the
    columns of a table without titles are called; `path` is where in a JSON document the list of rows is, dotted.
    """

    header: bool | None = None
    names: tuple[str, ...] = ()
    path: str = ""
