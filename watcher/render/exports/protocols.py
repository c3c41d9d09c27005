"""`/etc/protocols` as protocols(5) describes it, from the registry of protocol numbers.

The name is in lower case, as in every such file; the spelling of the registry is its alias. A name of several words has
hyphens between them. The pseudo protocol `ip` is not in the registry.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from watcher.core.model import FREE
from watcher.render.exports.base import (
    LONGEST_LINE,
    ExportedRelease,
    ExportEntry,
    ExportOptions,
    Omission,
    RenderedExport,
    ascii_comment,
    ascii_text,
    make_comment,
)
from watcher.render.exports.service_rows import is_word

FREE_VALUE = "that are not assigned"
NO_NAME = "without a name"
BAD_NUMBER = "with a value that is no number from 0 to 255"
BAD_NAME = "with a name that is not of printable ASCII without #"
REPEATED = "with a name that another entry has"
SPACES = "whose name has spaces, written as hyphens"
LOST = "that another entry has, or that are not one word"
_HIGHEST = 255
_LONGEST_NAME = 255


def render(state: ExportedRelease, options: ExportOptions) -> RenderedExport:
    lines: list[str] = []
    omissions: list[Omission] = []
    limited: list[Omission] = []
    lost_names: list[Omission] = []
    names: set[str] = set()
    for entry in state.entries:
        if reason := _find_reason(entry, names):
            omissions.append(Omission(entry=entry, reason=reason))
            continue
        if " " in entry.name:
            limited.append(Omission(entry=entry, reason=SPACES))
        words = _list_spellings(entry.name)
        for old in entry.old_names:
            spellings = [word for word in _list_spellings(old.name) if _is_name(word) and word not in names]
            words += spellings
            if not spellings:
                lost_names.append(Omission(entry=entry, reason=LOST, old_name=old.name))
        name, *aliases = dict.fromkeys(words)
        names.update(words)
        lines.append(_render_line(name, aliases, entry))
    comment = make_comment(state, options, omissions, limited, lost_names)
    return RenderedExport(
        files={"": "\n".join([*ascii_comment(comment), "", *lines, ""])},
        written=len(lines),
        omissions=tuple(omissions),
        limited=tuple(limited),
        lost_names=tuple(lost_names),
    )


def _render_line(name: str, aliases: Sequence[str], entry: ExportEntry) -> str:
    text = f"{name:<15}\t{int(entry.value)}" + ("\t" + " ".join(aliases) if aliases else "")
    comment = ascii_text(entry.fields.get("description", ""), LONGEST_LINE - len(text) - len("\t# "))
    return f"{text}\t# {comment}" if comment else text


def _list_spellings(name: str) -> list[str]:
    """Return a name in lower case and as the registry spells it, as one word each."""
    word = name.replace(" ", "-")
    return [word.lower(), word]


def _is_name(word: str) -> bool:
    return is_word(word) and len(word) <= _LONGEST_NAME


def _find_reason(entry: ExportEntry, names: Collection[str]) -> str:
    """Return why an entry has no line, or ""."""
    if entry.item.status in FREE:
        return FREE_VALUE
    if not entry.fields.get("name"):
        return NO_NAME
    if not (entry.value.isascii() and entry.value.isdecimal() and int(entry.value[:4]) <= _HIGHEST):
        return BAD_NUMBER
    words = _list_spellings(entry.name)
    if not all(map(_is_name, words)):
        return BAD_NAME
    return REPEATED if any(word in names for word in words) else ""
