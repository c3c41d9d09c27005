"""Facts about tables that configuration, formats and registries share: group ids and the layout of plain tables."""

from __future__ import annotations

from codecs import lookup
from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from watcher.core.patterns import regex

# The id of a registry group, which becomes part of a URL path, of a source's name and of a folder's name.
GROUP_ID = regex(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9_-])?")
# The first key column of entries whose document has several registries: the path of their registry.
REGISTRY_LABEL = "registry"
# Codecs of Python that no document is in; that of punycode takes quadratic time.
_NO_CHARSETS = frozenset({"idna", "punycode", "raw-unicode-escape", "unicode-escape"})
_MOST_SKIPPED = 1_000_000  # lines before a table


def split_usable_ids(names: Iterable[str]) -> tuple[dict[str, str], list[str]]:
    """Return the usable ids by lower case, and the refused ones: unsafe in a path, or equal to another but for case."""
    usable: dict[str, str] = {}
    refused = [name for name in names if not GROUP_ID.fullmatch(name) or usable.setdefault(name.lower(), name) != name]
    return usable, refused


class Layout(Struct, frozen=True, kw_only=True):
    """The facts about a plain table that its file does not state, under their names in the configuration."""

    header: bool | None = None
    columns: tuple[str, ...] = ()
    path: str = ""
    each: str = ""
    delimiter: str = ""
    quote: str | None = None
    escape: str = ""
    comment: tuple[str, ...] = ()
    skip: int = 0
    encoding: str = ""
    ragged: bool = False

    @property
    def has_titles(self) -> bool | None:
        """Whether the first row has titles; None: decided from its content."""
        return False if self.columns else self.header


# The help of each option, in the configuration and on the command line.
LAYOUT_HELP = {
    "header": "whether the first row of the table holds titles; unset: guessed",
    "columns": "the names of the columns of a table without titles",
    "path": "where the rows are in the document, dotted; unset: its only list",
    "each": "the column with a list that gives one row for each of its values",
    "delimiter": "the character between two cells; unset: a comma in CSV, a tab in TSV",
    "quote": 'the character around quoted cells, "" for none; unset: a double quote in CSV, none in TSV',
    "escape": "the character that makes the next one part of the cell; unset: none",
    "comment": "the beginnings of lines that are left out",
    "skip": "the number of lines before the table that are left out",
    "encoding": "the encoding of the text, such as latin-1 or utf-16; unset: UTF-8",
    "ragged": "whether rows may lack cells at their end",
}


def find_layout_problems(layout: Layout) -> Iterator[str]:
    """Yield what is wrong with a layout, each as "OPTION: problem"."""
    for name, text in (("delimiter", layout.delimiter), ("quote", layout.quote), ("escape", layout.escape)):
        if text and (len(text) > 1 or text in "\r\n\0"):
            yield f"{name}: must be one character, and no line break"
    used = [text for text in (layout.delimiter, layout.quote, layout.escape) if text]
    if len({*used}) < len(used):
        yield "delimiter: must differ from quote and escape, and they from each other"
    if layout.header and layout.columns:
        yield "columns: cannot be combined with header = true: they name the columns without titles"
    if "" in layout.comment:
        yield "comment: must not be empty"
    if not 0 <= layout.skip <= _MOST_SKIPPED:
        yield f"skip: must be a number from 0 to {_MOST_SKIPPED}"
    if layout.encoding:
        try:
            if lookup(layout.encoding).name in _NO_CHARSETS:
                raise LookupError  # noqa: TRY301 - handled as an encoding that Python does not have
            "a,b".encode(layout.encoding).decode(layout.encoding)
        except (LookupError, UnicodeError, ValueError):
            yield f"encoding: unknown {layout.encoding!r}; such as latin-1, windows-1252 or utf-16"


def describe_key(labels: Sequence[str]) -> str:
    """Return the key columns and how they were chosen: "ISO (chosen from the rows)"; "" without columns."""
    columns = ", ".join(label for label in labels if label != REGISTRY_LABEL)
    how = "chosen from the rows" if is_chosen_key(labels) else "declared"
    return f"{columns} ({how})" if columns else ""


def is_chosen_key(labels: Sequence[str]) -> bool:
    """Return whether key columns were chosen from the rows and not declared."""
    return labels[:1] == (REGISTRY_LABEL,)
