"""JSON text of everything that the watcher prints or sends as JSON."""

from __future__ import annotations

import json
from typing import Any

from watcher.render.safe_text import HIDDEN


def dumps(value: Any, *, indent: int | None = None, ascii_only: bool = False) -> str:
    """Return JSON in readable UTF-8; characters that move or hide text on a terminal are written as escapes."""
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent, separators=None if indent else (",", ":"))
    # An unpaired surrogate cannot be encoded in UTF-8.
    text = text.encode("utf-8", "replace").decode()
    # Outside of strings only the line feeds of the indent are control characters, and HIDDEN leaves line feeds alone.
    return HIDDEN.sub(lambda match: json.dumps(match[0])[1:-1], text)
