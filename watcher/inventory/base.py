"""The contract of a list format: how it is recognized, and how it is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from msgspec import Struct

from watcher.core.errors import ParseError
from watcher.inventory.model import ListEntry

MAX_BYTES = 64 * 2**20
MAX_ENTRIES = 500_000
MAX_LINE = 65_536  # characters
_LONGEST_NAME = 256


class ListText(Struct, frozen=True, kw_only=True):
    """The text of a list, decoded, and its name for errors and places. `of_ports`: its registry is that of ports."""

    name: str
    text: str
    of_ports: bool = True

    def lines(self) -> Iterator[tuple[int, str]]:
        """Yield number and text of each line that is not empty, stripped. Raises ParseError `too_large`."""
        for number, line in enumerate(self.text.split("\n"), 1):
            if len(line) > MAX_LINE:
                raise ParseError("too_large", f"a line of more than {MAX_LINE:,} characters", line=number)
            if stripped := line.strip():
                yield number, stripped


class ListFormat(Struct, frozen=True, kw_only=True):
    """One kind of list. `is_format` looks at the text; `read` raises ParseError with the line.

    `for_codes`: also a list of names and codes of other registries than that of ports. `may_be_empty`: a list without
    entries is an answer (a scan that found no open port) and no mistake.
    """

    name: str
    about: str
    is_format: Callable[[ListText], bool]
    read: Callable[[ListText], Iterator[ListEntry]]
    for_codes: bool = False
    may_be_empty: bool = False


def check_name(name: str, line: int | None = None) -> str:
    """Return a name. Raises ParseError for one that is longer than any registry has, or has control characters."""
    if len(name) > _LONGEST_NAME:
        raise ParseError("too_large", f"a name of more than {_LONGEST_NAME} characters", line=line)
    if not name.isprintable():
        raise ParseError("not_well_formed", f"a name with a control character: {name!r}", line=line)
    return name
