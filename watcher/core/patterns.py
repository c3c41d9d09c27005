"""Regular expressions that are compiled at their first use.

A command loads modules with many more patterns than it uses. Compiling all of them takes a tenth of the time in which
`watcher diff` compares two small files.
"""

from __future__ import annotations

import re
from typing import Any, AnyStr, cast


def regex(source: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """Return what `re.compile` returns, compiled when one of its attributes is first read."""
    return cast("re.Pattern[AnyStr]", _Pattern(source, flags))


class _Pattern:
    """One pattern. The methods of the compiled pattern become its own attributes, so calling them costs no more."""

    def __init__(self, source: Any, flags: int) -> None:
        self._arguments = source, flags

    def __getattr__(self, name: str) -> Any:
        compiled = re.compile(*self._arguments)
        for method in ("search", "match", "fullmatch", "finditer", "findall", "sub", "split"):
            setattr(self, method, getattr(compiled, method))
        return getattr(compiled, name)
