"""A tree of 640 registry groups served over loopback: a first check, one of an unchanged tree, one of a usual day."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.measuring import WATCHER, Part, cost, table
from tests.support.index_server import INDEX, IndexServer, group_path, group_xml, index_page, serve_index

GROUPS = 640
RECORDS = 105_000  # in the registries that are published, all together
SHARE = 0.02  # of the groups that change from one day to the next
_FIRST, _UNCHANGED = "the first, everything is new", "nothing changed"
_CONFIG = """[fetch]
allow_private = true
min_interval = 0
[[source]]
name = "iana"
type = "collection"
index = "{url}{index}"
url = "{url}/assignments/{{group}}/{{group}}.xml"
"""


def measure(folder: Path, groups: int = GROUPS) -> Part:
    """Check a tree for the first time, unchanged, and where some groups changed.

    Raises SystemExit where a check of an unchanged tree is not one conditional request for each group and the index, or
    writes anything but checks; and where the history after the last one does not have the changes of exactly the groups
    that changed.
    """
    folder.mkdir()
    tree = IndexServer()
    values = _publish(tree, groups)
    changed = random.Random(2).sample(sorted(values), max(round(groups * SHARE), 1))  # noqa: S311 - no secret
    lines: list[list[object]] = []
    with serve_index(tree):
        (folder / "config.toml").write_text(_CONFIG.format(url=tree.url, index=INDEX))
        (folder / "config.toml").chmod(0o600)
        for what in (_FIRST, _UNCHANGED, f"{len(changed)} groups changed"):
            if what not in (_FIRST, _UNCHANGED):
                _change(tree, values, changed)
            before = _Stand(folder)
            spent = cost([*WATCHER, "check"], folder)
            after, asked = _Stand(folder), tree.take_requests()
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
    if lines[2][1:4] != [each, each, each - len(changed)]:
        raise SystemExit(f"a check of a tree that changed is not what was promised: {lines[2]}")
    if (found := _changed_in(folder)) != {f"iana.{name}" for name in changed}:
        raise SystemExit(f"the history has changes of other groups than those that changed: {found}")
    head = ["a full check", "requests", "conditional", "304", "connections", "rows of checks", "other rows",
            "transactions", "CPU s", "wall s"]  # fmt: skip
    return Part(
        text=(
            f"{groups} generated groups with {sum(map(len, values.values()))} records and their index, served over "
            "loopback without a pause between requests. A row is counted where it is new or differs. After the last "
            f"check the history has a second release and events of exactly the {len(changed)} groups that changed.\n\n"
            + table(head, lines)
        )
    )


def _change(tree: IndexServer, values: dict[str, list[str]], changed: Sequence[str]) -> None:
    """Give some groups a later release with one more record."""
    for name in changed:
        tree.pages[group_path(name)] = group_xml(name, *values[name], f"New in {name}", updated="2020-02-01")


def _changed_in(folder: Path) -> set[str]:
    """The sources that have more than one release; each of them must have events of the last one, and no other."""
    database = sqlite3.connect(folder / "history.db")
    try:
        many = database.execute(
            "SELECT name FROM sources JOIN releases ON sources.id = source_id GROUP BY name HAVING count(*) > 1"
        )
        found = {name for (name,) in many}
        told = database.execute(
            """SELECT DISTINCT name FROM events JOIN releases ON releases.id = release_id
            JOIN sources ON sources.id = source_id"""
        )
        if (events := {name for (name,) in told}) != found:
            raise SystemExit(f"events of other groups than those with a second release: {events ^ found}")
        return found
    finally:
        database.close()


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
        for name in _tables(database):
            rows = database.execute(f"SELECT * FROM [{name}]")  # noqa: S608 - the names are the database's own
            if name == "checks":
                self.checks = len(rows.fetchall())
            else:
                self.others.update((name, *row) for row in rows)
        database.close()


def _tables(database: sqlite3.Connection) -> Iterator[str]:
    """Every table but what SQLite derives from others."""
    for (name,) in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name"):
        if "_fts" not in name and not name.startswith("sqlite_"):
            yield name


def _publish(tree: IndexServer, groups: int) -> dict[str, list[str]]:
    """Generate groups of very different sizes, as the published ones are; return their values by name."""
    chance = random.Random(640)  # noqa: S311 - no secret
    weights = [chance.paretovariate(1.2) for _ in range(groups)]
    values = {}
    for number, weight in enumerate(weights):
        name = f"group-{number:03}"
        records = max(int(RECORDS / GROUPS * groups * weight / sum(weights)), 1)
        values[name] = [f"Value {number} of {name}" for number in range(records)]
        tree.pages[group_path(name)] = group_xml(name, *values[name])
    tree.pages[INDEX] = index_page(values)
    return values
