"""Make registry text safe to show: nothing in it may move a cursor, hide text or reverse its direction."""

from __future__ import annotations

from watcher.core.patterns import regex

# C0 and C1 controls, line and paragraph separators, interlinear marks, surrogates, every Default_Ignorable_Code_Point
# of Unicode 16 (soft hyphen, zero-width and bidirectional controls, fillers, variation selectors, tags), and two blanks
# that are no space: U+2800 and U+1D159.
HIDDEN = regex(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    "\u2028-\u202e\u2060-\u206f\u2800\u3164\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d159\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)


def visible(text: str, *, lines: bool = False) -> str:
    """Return text with invisible characters written as `<U+202E>`; a line feed becomes a space unless `lines`."""
    shown = HIDDEN.sub(lambda match: f"<U+{ord(match[0]):04X}>", text)
    return shown if lines else shown.replace("\n", " ")
