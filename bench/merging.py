"""Put parts that were measured alone into a page of an earlier run. The other parts and their targets stay."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bench.measuring import Part

_TARGETS = "Targets"
_ROW = re.compile(r"^\| (?!target \|)(.*?) \| ", re.MULTILINE)


def merge_page(earlier: str, parts: Sequence[tuple[str, Part]], conditions: str) -> str:
    """Return the earlier page with these parts in it, each with the conditions of its own run.

    A part that the page does not have is added at its end. Raises SystemExit if it is no page of the bench.
    """
    head, *pieces = re.split(r"^## (?=\S)", earlier, flags=re.MULTILINE)
    sections = {title: body.strip() for title, _, body in (piece.partition("\n") for piece in pieces)}
    if _TARGETS not in sections:
        raise SystemExit("the page has no targets; run all parts first")
    lines = sections[_TARGETS].splitlines()
    rows = {row[1]: line for line in lines if (row := _ROW.match(line))}
    for title, part in parts:
        sections[title] = f"Measured in a run of its own: {conditions}\n\n{part.text}"
        for target in part.targets:
            rows[target.line[0]] = "| " + " | ".join(target.line) + " |"
    met = sum(row.endswith("| met |") for row in rows.values())
    table = [line for line in lines if line.startswith(("| target", "|---"))]
    sections[_TARGETS] = "\n".join([f"{met} of {len(rows)} targets are met.", "", *table, *rows.values()])
    return head + "\n\n".join(f"## {title}\n\n{body}" for title, body in sections.items()) + "\n"
