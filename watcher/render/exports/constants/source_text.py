r"""Registry text inside of source files: comments of printable ASCII on one line, and literals with escapes.

A comment of registry text never ends early, never begins another one and has no directive in it: a character that a
language would act on is written as `<U+002F>`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from watcher.core.patterns import regex
from watcher.render.exports.base import ExportedRelease, ExportOptions, RenderedExport, ascii_text, make_comment
from watcher.render.exports.constants.identifiers import Identifier
from watcher.render.exports.constants.naming import NamedRelease

_LONGEST_COMMENT = 160  # characters
# In C comments end and nest, and a backslash or the trigraph for it joins lines; TypeScript has tags behind an @, and
# a backtick begins code that `cargo test` runs.
_ACTIVE = regex(r"(?<=\*)/|(?<=/)\*|(?<=\?)\?|[\\@`]")
_ESCAPED = regex(r'[^\x20-\x7e]|["\\?]')
_FIRST_LINE = "Constants of a registry, written by watcher export."


def inert(text: str, longest: int = _LONGEST_COMMENT) -> str:
    """Return registry text for a comment, on one line."""
    return _ACTIVE.sub(lambda match: f"<U+{ord(match[0]):04X}>", ascii_text(text, longest))


def make_head(state: ExportedRelease, options: ExportOptions, named: NamedRelease) -> list[str]:
    """Return the lines of the comment at the head of a file.

    The first two are fixed, because Python reads an encoding there. No other begins with registry text, because Go
    reads `// +build`.
    """
    title, *lines = make_comment(state, options, named.omissions, lost_names=named.lost_names)
    return [_FIRST_LINE, "", *map(inert, (f"Title: {title}", *lines))]


def describe_constant(identifier: Identifier) -> str:
    """Return what the registry says about a constant: its name, its description, its references."""
    constant = identifier.constant
    fields = constant.entry.fields
    description = fields.get("description", "")
    about = " ".join(filter(None, ("" if description == constant.label else description, fields.get("references", ""))))
    return inert(f"{constant.label}: {about}" if about else constant.label)


def quote(text: str, escape: Callable[[int], str]) -> str:
    """Return a literal between double quotes; `escape` writes a code point that is not plain in every language."""
    return '"' + _ESCAPED.sub(lambda match: escape(ord(match[0])), text) + '"'


def make_export(lines: Iterable[str], named: NamedRelease) -> RenderedExport:
    """Return a file of source text, and what is not in it."""
    return RenderedExport(
        files={"": "\n".join([*lines, ""])},
        written=named.written,
        omissions=named.omissions,
        lost_names=named.lost_names,
    )
