"""Translates a statement of `watcher/store` into PostgreSQL's words; `store.base` lists what may be in one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from msgspec import Struct

from watcher.core.patterns import regex
from watcher.store.postgresql.search_words import encode_query

_PARTS = regex(
    r"""(?P<text>'[^']*'|"[^"]*")
    |\?(?P<number>\d*)
    |(?<![:\w]):(?P<name>[a-z_]\w*)
    |(?P<hint>INDEXED\ BY\ \w+)
    |(?P<percent>%)""",
    re.VERBOSE,
)
_WRITING = ("INSERT", "UPDATE", "DELETE")
_NOCASE = regex(r"(\S+) = (\S+) COLLATE NOCASE")
_MATCH = regex(r"(\w+_fts) MATCH (\S+?)(?=\s|\)|$)")


class Statement(Struct, frozen=True, kw_only=True):
    """A statement with psycopg's placeholders. `queries` names the parameters that are full-text queries.

    A parameter without a name is named after its place; `numbered`: values are handed over by such names. `writes`: it
    changes rows.
    """

    text: str
    queries: frozenset[str]
    numbered: bool
    writes: bool

    def encode_values(self, values: Sequence[Any] | Mapping[str, Any]) -> Sequence[Any] | Mapping[str, Any]:
        """Return values for the placeholders."""
        named = (
            values if isinstance(values, Mapping) else {f"p{number}": value for number, value in enumerate(values, 1)}
        )
        if self.queries:
            named = {**named, **{name: encode_query(named[name]) for name in self.queries}}
        return named if self.numbered or isinstance(values, Mapping) else list(named.values())


@lru_cache(maxsize=512)
def translate(statement: str) -> Statement:
    """Return a statement as PostgreSQL and psycopg read it."""
    statement = _NOCASE.sub(r'lower(\1) = lower(\2 COLLATE "C")', statement)
    queries = frozenset(
        match[2][1:] if match[2][0] == ":" else f"p{statement.count('?', 0, match.end(2))}"
        for match in _MATCH.finditer(statement)
    )
    statement = _MATCH.sub(r"\1.words @@ CAST(\2 AS tsquery)", statement)
    numbered = False

    def replace(match: re.Match[str]) -> str:
        nonlocal numbered
        if match["text"] is not None:
            return match["text"].replace("%", "%%")
        if match["number"] is not None:
            numbered = numbered or match["number"] != ""
            return f"%(p{match['number']})s" if match["number"] else "%s"
        if match["name"] is not None:
            return f"%({match['name']})s"
        return "%%" if match["percent"] else ""

    text = _PARTS.sub(replace, statement)
    writes = text.split(None, 1)[0].upper() in _WRITING
    return Statement(text=text, queries=queries, numbered=numbered, writes=writes)
