"""Names that a user gives: whether an entry has or had them, and which similar one the user may have meant."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from watcher.core.errors import UsageError
from watcher.core.suggestions import suggest
from watcher.store.history_reader import HistoryReader

_MOST_MISSING = 2  # letters of a name that is misspelled


def require_names(history: HistoryReader, sources: Sequence[str], names: Iterable[str]) -> None:
    """Raise UsageError for a name or value that no entry or contact of some sources has or had; no source means all."""
    sources = sources or history.list_sources()
    for name in names:
        if not any(history.versions.find(source, names=[name]) for source in sources):
            raise UsageError(f"no entry {name!r} in the history{suggest_name(history, sources, name, name)}")


def suggest_name(history: HistoryReader, sources: Iterable[str], name: str, searched: str) -> str:
    """Return "; did you mean 'NAME'?" with a similar name of an entry, else the command that searches for a text."""
    known = {known for source in sources for known in history.versions.list_names(source)} if name else set()
    # A name of another length is not similar; to compare all 60,000 names of a collection takes seconds.
    similar = suggest(name, [other for other in known if abs(len(other) - len(name)) <= _MOST_MISSING])
    return similar or f"; try watcher history --search {searched}"
