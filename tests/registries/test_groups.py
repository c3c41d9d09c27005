"""Tables of single registry groups: a watched column in one of them is enough for an event."""

from __future__ import annotations

from collections import Counter

from tests.support.group_releases import group, record, registry
from watcher.core.model import Severity
from watcher.diff.classify import explain
from watcher.diff.content import read_content
from watcher.registries.catalog import event_ids
from watcher.registries.generic.events import make_registry
from watcher.registries.groups import GROUPS
from watcher.registries.groups.base import ColumnWatch, GroupRules

TOYS = GroupRules(
    document="toy-parameters",
    keys={"toys": ("colour",)},
    words={"age": "lowest age"},
    watched=(
        ColumnWatch(
            column="safe", event="toy-recalled", severity=Severity.WARNING, says="no longer safe", before=("y",)
        ),
    ),
)
REGISTRY = make_registry((TOYS,))


def test_a_table_declares_key_words_and_a_watched_column() -> None:
    def release(age: str, safe: str) -> bytes:
        rows = [record(value=str(n), colour=f"c{n}", age="3", safe="Y") for n in range(5)]
        return group(registry("toys", *rows, record(value="9", colour="red", age=age, safe=safe)))

    old = read_content(release("3", "Y"), REGISTRY)
    older, unsafe = (read_content(release(*cells), REGISTRY) for cells in (("6", "Y"), ("3", "N")))
    assert {key.labels for _, key in old.items if len(key.labels) == 2} == {("registry", "colour")}
    assert [event.summary for event in explain(REGISTRY, old, older)[1]] == ["Toys: 9 red: lowest age 3 → 6"]
    (event,) = explain(REGISTRY, old, unsafe)[1]
    assert (event.id, event.severity, event.summary) == (
        "toy-recalled",
        Severity.WARNING,
        "Toys: 9 red: no longer safe",
    )


def test_the_groups_have_one_table_each_and_their_events_are_known() -> None:
    assert [name for name, count in Counter(rules.document for rules in GROUPS).items() if count > 1] == []
    assert {watch.event for rules in GROUPS for watch in rules.watched} <= event_ids()
