"""Facts about tables that configuration, formats and registries share: group ids and the layout of plain tables."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

# The id of a registry group, which becomes part of a URL path, of a source's name and of a folder's name.
GROUP_ID = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9_-])?")


def split_usable_ids(names: Iterable[str]) -> tuple[dict[str, str], list[str]]:
    """Return the usable ids by lower case, and the refused ones: unsafe in a path, or another one in other case."""
    usable: dict[str, str] = {}
    refused = [name for name in names if not GROUP_ID.fullmatch(name) or usable.setdefault(name.lower(), name) != name]
    return usable, refused


class Layout(NamedTuple):
    """The facts about a plain table that its file does not state, so that the configuration must."""

    header: bool | None = None  # whether the first row of a CSV has titles; None: decided from its content
    names: tuple[str, ...] = ()  # of the columns of a table without titles
    path: str = ""  # the dotted path to the list of rows in a JSON document
