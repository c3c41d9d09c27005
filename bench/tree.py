"""A tree of 640 registry groups served over loopback: what a full check costs, the first and when nothing changed."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.tree import INDEX, Tree, document, page, path, served

GROUPS = 640
RECORDS = 105_000  # in the registries that are published, all together
_CONFIG = """[fetch]
allow_private = true
min_interval = 0
[[source]]
name = "iana"
type = "collection"
index = "{url}{index}"
url = "{url}/assignments/{{group}}/{{group}}.xml"
"""


def measure(
    folder: Path, command: Sequence[str], cost: Callable[[Sequence[str], Path], Any], groups: int = GROUPS
) -> list[list[object]]:
    """Return a line for the first check and one for a check of an unchanged tree.

    The lines hold: what, requests, conditional ones, answers 304, connections, rows of `checks` written, rows written
    to any other table, transactions, seconds of CPU and on the clock. Raises SystemExit where the second is not one
    conditional request for each group and the index, or writes anything but checks.
    """
    tree = Tree()
    _publish(tree, groups)
    lines: list[list[object]] = []
    with served(tree):
        (folder / "config.toml").write_text(_CONFIG.format(url=tree.url, index=INDEX))
        (folder / "config.toml").chmod(0o600)
        for what in ("the first, everything is new", "nothing changed"):
            before = _Stand(folder)
            spent = cost([*command, "check"], folder)
            after, asked = _Stand(folder), tree.take()
            lines.append(
                [
                    what,
                    len(asked),
                    sum(each.conditional for each in asked),
                    sum(each.status == 304 for each in asked),
                    len({each.connection for each in asked}),
                    after.checks - before.checks,
                    len(after.others - before.others),
                    after.transactions - before.transactions,
                    spent.cpu,
                    spent.wall,
                ]
            )
    each = groups + 1  # the index too
    if lines[1][1:7] != [each, each, each, 1, each, 0]:
        raise SystemExit(f"a check of an unchanged tree is not what was promised: {lines[1]}")
    return lines


class _Stand:
    """What is in the history at a time: rows, and how many transactions wrote to it."""

    def __init__(self, folder: Path) -> None:
        self.checks, self.transactions = 0, 0
        self.others: set[tuple[object, ...]] = set()
        if not (file := folder / "history.db").exists():
            return
        # SQLite counts the transactions that wrote to a file in its header (fileformat2, section 1.3.7).
        self.transactions = int.from_bytes(file.read_bytes()[24:28])
        database = sqlite3.connect(file)
        for table in _tables(database):
            rows = database.execute(f"SELECT * FROM [{table}]")  # noqa: S608 - the names are the database's own
            if table == "checks":
                self.checks = len(rows.fetchall())
            else:
                self.others.update((table, *row) for row in rows)
        database.close()


def _tables(database: sqlite3.Connection) -> Iterator[str]:
    """Every table but what SQLite derives from others."""
    for (name,) in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name"):
        if "_fts" not in name and not name.startswith("sqlite_"):
            yield name


def _publish(tree: Tree, groups: int) -> None:
    """Generate groups of very different sizes, as the published ones are."""
    chance = random.Random(640)  # noqa: S311 - no secret
    weights = [chance.paretovariate(1.2) for _ in range(groups)]
    names = [f"group-{number:03}" for number in range(groups)]
    for name, weight in zip(names, weights, strict=True):
        records = max(int(RECORDS / GROUPS * groups * weight / sum(weights)), 1)
        tree.pages[path(name)] = document(name, *(f"Value {number} of {name}" for number in range(records)))
    tree.pages[INDEX] = page(names)
