"""`/etc/protocols` as protocols(5) describes it, from the registry of protocol numbers.

The name is in lower case, as in every such file; the spelling of the registry is its alias. A name of several words has
hyphens between them. The pseudo protocol `ip` is not in the registry.
"""

from __future__ import annotations

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
_HIGHEST = 255


def render(state: ExportedRelease, options: ExportOptions) -> RenderedExport:
    lines: list[str] = []
    omissions: list[Omission] = []
    limited: list[Omission] = []
    names: set[str] = set()
    for entry in state.entries:
        if reason := _find_reason(entry, names):
            omissions.append(Omission(entry=entry, reason=reason))
            continue
        own = _spell(entry)
        if " " in entry.name:
            limited.append(Omission(entry=entry, reason=SPACES))
        aliases = [] if own == own.lower() or own in names else [own]
        for old in (_hyphenate(old.name) for old in entry.old_names):
            aliases += [name for name in (old.lower(), old) if is_word(name) and name not in names | {own, *aliases}]
        aliases = [alias for alias in aliases if alias != own.lower()]
        names |= {own.lower(), *aliases}
        text = f"{own.lower():<15}\t{int(entry.value)}" + "".join(f"\t{' '.join(aliases)}" if aliases else "")
        comment = ascii_text(entry.fields.get("description", ""), LONGEST_LINE - len(text) - len("\t# "))
        lines.append(f"{text}\t# {comment}" if comment else text)
    comment_lines = make_comment(state, options, omissions, limited)
    text_lines = [*ascii_comment(comment_lines), "", *lines, ""]
    return RenderedExport(
        files={"": "\n".join(text_lines)},
        written=len(lines),
        omissions=tuple(omissions),
        limited=tuple(limited),
    )


def _hyphenate(name: str) -> str:
    return "-".join(name.split(" "))


def _spell(entry: ExportEntry) -> str:
    return _hyphenate(entry.name)


def _find_reason(entry: ExportEntry, names: set[str]) -> str:
    """Return why an entry has no line, or ""."""
    if entry.item.status in FREE:
        return FREE_VALUE
    if not entry.fields.get("name"):
        return NO_NAME
    if not (entry.value.isascii() and entry.value.isdecimal() and int(entry.value[:4]) <= _HIGHEST):
        return BAD_NUMBER
    own = _spell(entry)
    if not is_word(own):
        return BAD_NAME
    return REPEATED if own.lower() in names else ""
