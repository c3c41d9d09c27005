"""Compare two JSON lists by `id`, a dictionary each: `json_dicts.py OLD NEW` prints added, removed, changed."""

import json
import sys
from pathlib import Path


def rows(path: str) -> dict[str, object]:
    with Path(path).open(encoding="utf-8") as file:
        return {row["id"]: row for row in json.load(file)["items"]}


old, new = map(rows, sys.argv[1:])
changed = sum(old[key] != new[key] for key in old.keys() & new.keys())
print(len(new.keys() - old.keys()), len(old.keys() - new.keys()), changed)
