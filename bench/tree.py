"""Check a collection of 640 registry groups over loopback: the first time, unchanged, and with some changes."""

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
_FIRST, _UNCHANGED = "the first: all groups are new", "nothing changed"
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
    """Check a tree for the first time, unchanged, and after some groups changed.

    Raises SystemExit if a check of the unchanged tree is not one conditional request for each group and the index, or
    writes anything but checks; and if the history does not have changes of exactly the groups that changed.
    """
    folder.mkdir()
    tree = IndexServer()
    values = publish(tree, groups)
    changed = random.Random(2).sample(sorted(values), max(round(groups * SHARE), 1))  # noqa: S311 - no secret
    lines: list[list[object]] = []
    with serve_index(tree):
        (folder / "config.toml").write_text(_CONFIG.format(url=tree.url, index=INDEX))
        (folder / "config.toml").chmod(0o600)
        for label in (_FIRST, _UNCHANGED, f"{len(changed)} groups changed"):
            if label not in (_FIRST, _UNCHANGED):
                _change(tree, values, changed)
            before = _StoreState(folder)
            spent = cost([*WATCHER, "check"], folder)
            after, requests = _StoreState(folder), tree.take_requests()
            lines.append(
                [
                    label,
                    len(requests),
                    sum(request.conditional for request in requests),
                    sum(request.status == 304 for request in requests),
                    len({request.connection for request in requests}),
                    after.checks - before.checks,
                    len(after.others - before.others),
                    after.transactions - before.transactions,
                    spent.cpu,
                    spent.wall,
                ]
            )
    total = groups + 1  # the index too
    if lines[1][1:7] != [total, total, total, 1, total, 0]:
        raise SystemExit(f"a check of the unchanged tree is not as expected: {lines[1]}")
    if lines[2][1:4] != [total, total, total - len(changed)]:
        raise SystemExit(f"a check of the changed tree is not as expected: {lines[2]}")
    if (sources := _changed_sources(folder)) != {f"iana.{name}" for name in changed}:
        raise SystemExit(f"the history has changes of other groups than those that changed: {sources}")
    head = ["a full check", "requests", "conditional", "304", "connections", "rows of checks", "other rows",
            "transactions", "CPU s", "wall s"]  # fmt: skip
    return Part(
        text=(
            f"{groups} generated groups with {sum(map(len, values.values()))} records and their index, served over "
            "loopback without a pause between requests. Rows are counted if they are new or differ. After the last "
            f"check the history has a second release and events of exactly the {len(changed)} groups that changed.\n\n"
            + table(head, lines)
        )
    )


def _change(tree: IndexServer, values: dict[str, list[str]], changed: Sequence[str]) -> None:
    """Give some groups a later release with one more record."""
    for name in changed:
        tree.pages[group_path(name)] = group_xml(name, *values[name], f"New in {name}", updated="2020-02-01")


def _changed_sources(folder: Path) -> set[str]:
    """Return the sources with more than one release; only these must have events, and each of them."""
    database = sqlite3.connect(folder / "history.db")
    try:
        many = database.execute(
            "SELECT name FROM sources JOIN releases ON sources.id = source_id GROUP BY name HAVING count(*) > 1"
        )
        names = {name for (name,) in many}
        with_events = database.execute(
            """SELECT DISTINCT name FROM events JOIN releases ON releases.id = release_id
            JOIN sources ON sources.id = source_id"""
        )
        if (events := {name for (name,) in with_events}) != names:
            raise SystemExit(f"events of other groups than those with a second release: {events ^ names}")
        return names
    finally:
        database.close()


class _StoreState:
    """The rows of a history at one moment, and how many transactions wrote to it."""

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
    """Yield every table that is not SQLite's or a full-text index."""
    for (name,) in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name"):
        if "_fts" not in name and not name.startswith("sqlite_"):
            yield name


def publish(tree: IndexServer, groups: int) -> dict[str, list[str]]:
    """Generate groups of very different sizes, like the published ones; return their values by name."""
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
