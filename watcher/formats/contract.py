"""What every format gives: rows, contacts and headers as flat fields, not yet identified. Knows no registry."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from watcher.model import Problem

# The id of a registry group: what may become part of a URL's path, of a source's name and of a folder's.
GROUP_ID = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9_-])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What a plain table does not say about itself, so that the source's configuration has to.

    `header` says whether the first row of a CSV holds titles (None: seen from what it holds); `names` are what the
    columns of a table without titles are called; `path` is where in a JSON document the list of rows is, dotted.
    """

    header: bool | None = None
    names: tuple[str, ...] = ()
    path: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """How a registry's own element and attribute names become fields.

    `people` is the field that takes a row's own person references (None: they stay with the others); `always` are
    the fields every row has, "" where the registry says nothing. A `closed` registry has no other columns: what is not
    named here is kept under its own name and reported. Unknown attributes always are.

    In formats that are read by people columns have titles instead: `titles` maps each as printed, former ones too, to
    its field. `shown_for` names the field whose text such a table prints in place of another that is empty.
    """

    elements: Mapping[str, str] = field(default_factory=dict)
    attributes: Mapping[str, str] = field(default_factory=dict)
    titles: Mapping[str, str] = field(default_factory=dict)
    shown_for: Mapping[str, str] = field(default_factory=dict)
    layout: Layout = Layout()
    people: str | None = None
    references: str = "references"
    always: tuple[str, ...] = ()
    closed: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """One row as read. Compared by identity: the same bytes give the same object while a memo remembers them."""

    registry: str
    fields: Mapping[str, str]
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A whole document as read. `headers` maps a registry's path (`""` for the root) to its header fields.

    `id` is what the document calls its registry group; None in a format that has no place for it.
    """

    id: str | None
    published: str | None
    headers: Mapping[str, Mapping[str, str]]
    rows: tuple[Row, ...]
    contacts: tuple[Row, ...]
    problems: tuple[Problem, ...] = ()


@dataclass(slots=True)
class Memo:
    """Rows already read, so that the next release costs what changed. Holds one release's worth.

    `rows` are by their bytes; `befores` has what stood before some of them; `problems` says whether any row has one.
    `placed` are the rows of nested registries.
    """

    rows: dict[bytes, Row] = field(default_factory=dict)
    befores: dict[bytes, bytes] = field(default_factory=dict)
    problems: bool = False
    placed: dict[tuple[str, Row], Row] = field(default_factory=dict)


class Reader(Protocol):
    """Raises ParseError when the bytes are not a whole document in this format."""

    def __call__(self, data: bytes, columns: Columns, memo: Memo | None = None) -> Reading: ...
