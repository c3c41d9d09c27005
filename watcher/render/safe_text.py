"""Registry text as it may be shown to a person: nothing in it moves a cursor, hides or turns text around."""

from __future__ import annotations

import re

# C0 and C1 controls, soft hyphen, zero-width and bidirectional controls, line and paragraph separators, byte order
# marks, interlinear marks and tags.
HIDDEN = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f\ud800-\udfff]"
)


def visible(text: str, *, lines: bool = False) -> str:
    """Write what cannot be seen as `<U+202E>`. A line feed becomes a space, unless `lines` keeps it."""
    shown = HIDDEN.sub(lambda found: f"<U+{ord(found[0]):04X}>", text)
    return shown if lines else shown.replace("\n", " ")
