"""JSON lists: parse them safely, and find the line of a text in them."""

from __future__ import annotations

import json
from typing import Any

from watcher.core.errors import ParseError


def parse_json(text: str) -> Any:
    """Return the value of a JSON text. Raises ParseError."""
    try:
        return json.loads(text.removeprefix("\ufeff"))
    except json.JSONDecodeError as error:
        raise ParseError("not_well_formed", f"not JSON: {error.msg}", line=error.lineno, column=error.colno) from None
    except RecursionError:
        raise ParseError("too_large", "JSON that is nested too deep") from None
    except ValueError as error:  # a number with thousands of digits
        raise ParseError("too_large", f"not JSON that can be read: {error}") from None


class LineFinder:
    """Finds the lines of names in a JSON text, in the order in which they are asked for.

    The parser gives no places. A name that is not found (it is written with escapes) gets the line of the one before
    it, and the search ends there: each search continues where the last one ended, so that all of them cost one pass.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._position, self._line = 0, 1
        self._is_lost = False

    def find(self, name: str) -> int:
        """Return the line of the next place with a name, which counts from 1."""
        place = -1 if self._is_lost else self._text.find(name, self._position)
        if place < 0:
            self._is_lost = True
            return self._line
        self._line += self._text.count("\n", self._position, place)
        self._position = place + len(name)
        self._line += name.count("\n")
        return self._line
