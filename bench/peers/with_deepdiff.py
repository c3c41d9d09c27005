"""Compare two releases as JSON with DeepDiff, by key: `with_deepdiff.py OLD NEW` prints added, removed, changed."""

import json
import sys
from pathlib import Path

from deepdiff import DeepDiff

KEY = ("Service Name", "Port Number", "Transport Protocol")


def rows(path: str) -> dict[tuple[str, ...], dict[str, str]]:
    return {tuple(row[name] for name in KEY): row for row in json.loads(Path(path).read_text(encoding="utf-8"))}


found = DeepDiff(*map(rows, sys.argv[1:]), view="tree")
changed = {change.path(output_format="list")[0] for change in found.get("values_changed", ())}
print(len(found.get("dictionary_item_added", ())), len(found.get("dictionary_item_removed", ())), len(changed))
