"""What a reader is told of a registry: how its elements, attributes and titles become fields. Knows no registry."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from watcher.core.tables import Layout

_NONE: Mapping[str, str] = MappingProxyType({})


class FieldMap(NamedTuple):
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
