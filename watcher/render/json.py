"""A comparison as JSON text."""

from __future__ import annotations

import json

from watcher.model import Comparison
from watcher.render import document


def comparison(found: Comparison) -> str:
    """Return the JSON contract's document, indented."""
    return json.dumps(document.comparison(found), ensure_ascii=False, indent=2)
