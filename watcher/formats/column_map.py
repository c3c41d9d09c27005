"""What a reader is told of a registry: how its elements, attributes and titles become fields. Knows no registry."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

# The id of a registry group: what may become part of a URL's path, of a source's name and of a folder's.
GROUP_ID = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9_-])?")

_NONE: Mapping[str, str] = MappingProxyType({})


class Layout(NamedTuple):
    """What a plain table does not say about itself, so that the source's configuration has to.

    `header` says whether the first row of a CSV holds titles (None: seen from what it holds); `names` are what the
    columns of a table without titles are called; `path` is where in a JSON document the list of rows is, dotted.
    """

    header: bool | None = None
    names: tuple[str, ...] = ()
    path: str = ""


class Columns(NamedTuple):
    """How a registry's own element and attribute names become fields.

    `people` is the field that takes a row's own person references (None: they stay with the others); `always` are
    the fields every row has, "" where the registry says nothing. A `closed` registry has no other columns: what is not
    named here is kept under its own name and reported. Unknown attributes always are.

    In formats that are read by people columns have titles instead: `titles` maps each as printed, former ones too, to
    its field. `shown_for` names the field whose text such a table prints in place of another that is empty.
    """

    elements: Mapping[str, str] = _NONE
    attributes: Mapping[str, str] = _NONE
    titles: Mapping[str, str] = _NONE
    shown_for: Mapping[str, str] = _NONE
    layout: Layout = Layout()
    people: str | None = None
    references: str = "references"
    always: tuple[str, ...] = ()
    closed: bool = False
