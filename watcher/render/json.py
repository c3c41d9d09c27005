"""A comparison as JSON text, and how any JSON of ours is written."""

from __future__ import annotations

import json
from typing import Any

from watcher.core.model import Comparison
from watcher.render import document
from watcher.render.safe_text import HIDDEN


def dumps(value: Any, *, indent: int | None = None) -> str:
    """Return JSON that people can read, in any language, on a terminal: what moves or hides text is `\\uXXXX` in it."""
    text = json.dumps(value, ensure_ascii=False, indent=indent, separators=None if indent else (",", ":"))
    # Half of a pair of surrogates is no character and would be no UTF-8.
    text = text.encode("utf-8", "replace").decode()
    # Outside of strings there is nothing to find but the line feeds of the indent, which are not hidden.
    return HIDDEN.sub(lambda found: json.dumps(found[0])[1:-1], text)


def comparison(found: Comparison) -> str:
    """Return the JSON contract's document, indented."""
    return dumps(document.comparison(found), indent=2)
