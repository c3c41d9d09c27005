"""How the columns of a registry become fields: handed to every reader. Knows no registry."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from watcher.core.tables import Layout

_EMPTY: Mapping[str, str] = MappingProxyType({})


class FieldMap(NamedTuple):
    """How the element names, attributes and column titles of one registry become fields.

    `elements` and `attributes` map XML names to fields. `titles` maps the printed titles of columns, former ones too.
    `shown_for` maps a field to another one: printed tables show its text where the other is empty.

    `people` is the field for the person references of a row; None leaves them among the other `references`. Every row
    has the `always` fields, empty if the registry has no text for them. A `closed` registry has no other columns: an
    unknown one is kept under its own name and reported. Unknown attributes are always reported.
    """

    elements: Mapping[str, str] = _EMPTY
    attributes: Mapping[str, str] = _EMPTY
    titles: Mapping[str, str] = _EMPTY
    shown_for: Mapping[str, str] = _EMPTY
    layout: Layout = Layout()
    people: str | None = None
    references: str = "references"
    always: tuple[str, ...] = ()
    closed: bool = False
