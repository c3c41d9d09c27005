"""Make registry text safe to show: nothing in it may move a cursor, hide text or reverse its direction."""

from __future__ import annotations

import re

# C0 and C1 controls, soft hyphen, zero-width and bidirectional controls, line and paragraph separators, byte order
# marks, interlinear marks and tags.
HIDDEN = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f\ud800-\udfff]"
)


def visible(text: str, *, lines: bool = False) -> str:
    """Return text with invisible characters written as `<U+202E>`; a line feed becomes a space unless `lines`."""
    shown = HIDDEN.sub(lambda match: f"<U+{ord(match[0]):04X}>", text)
    return shown if lines else shown.replace("\n", " ")
