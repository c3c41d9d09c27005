"""Compare two CSVs by key with a dictionary each: `with_dicts.py OLD NEW` prints added, removed, changed."""

import csv
import sys
from pathlib import Path


def rows(path: str) -> dict[tuple[str, ...], list[str]]:
    with Path(path).open(encoding="utf-8", newline="") as file:
        return {tuple(row[:3]): row for row in csv.reader(file)}


old, new = map(rows, sys.argv[1:])
changed = sum(old[key] != new[key] for key in old.keys() & new.keys())
print(len(new.keys() - old.keys()), len(old.keys() - new.keys()), changed)
