"""The list of early allocations: order, states, days left."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.support.group_releases import content, record, registry
from watcher.core.errors import UsageError
from watcher.core.model import Content
from watcher.registries.catalog import REGISTRIES
from watcher.reports.deadlines import calendar_day, deadline_document, find_deadlines
from watcher.store.new_release import NewRelease
from watcher.store.store import Store

TODAY = date(2026, 1, 5)
SENT = "document sent to IESG Evaluation 2025-12-01"


def store_release(store: Store, source: str, published: Content) -> None:
    new = NewRelease(content=published, sha256=source, observed=None, live=True, dated="2026-01-01")
    with store.transaction():
        store.writer(source, REGISTRIES["iana"]).add_release(new, None, None, None, None)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "history.db")
    rows = [
        record("draft-toy", value="1", name="far (TEMPORARY - registered 2025-12-01, expires 2026-12-01)"),
        record("draft-toy", value="2", name="expired (TEMPORARY - registered 2024-12-01, expires 2025-12-01)"),
        record("draft-toy", value="3", name="sent (TEMPORARY - registered 2024-12-01, extended 2025-11-01, "
                                            f"{SENT})"),
        record("draft-toy", value="4", name="near\n(TEMPORARY - registered 2025-01-06, exprires 2026-01-06)"),
        record(value="5-9", name="Unassigned"),
        record("rfc1", value="10", name="temporary failure"),
    ]  # fmt: skip
    store_release(store, "toy", content(registry("toys", *rows)))
    same = registry("toys", record(value="foo (TEMPORARY - registered 2025-12-01, expires 2026-12-01)"))
    store_release(store, "other", content(same, name="other"))
    return store


def test_the_first_to_expire_comes_first_and_what_has_no_date_last(store: Store) -> None:
    rows = [
        (
            deadline.allocation.source,
            deadline.allocation.value,
            deadline.allocation.name,
            deadline.days_left,
            deadline.state,
        )
        for deadline in find_deadlines(store, (), TODAY)
    ]
    assert rows == [
        ("toy", "2", "expired", -35, "expired"),
        ("toy", "4", "near", 1, "1 day left"),
        ("other", "foo", "", 330, "330 days left"),
        ("toy", "1", "far", 330, "330 days left"),
        ("toy", "3", "sent", None, "in IESG evaluation"),
    ]


def test_within_leaves_out_what_is_later_and_what_has_no_date(store: Store) -> None:
    assert [deadline.allocation.value for deadline in find_deadlines(store, ("toy",), TODAY, 90)] == ["2", "4"]
    assert find_deadlines(store, ("other",), TODAY, 90) == []


def test_an_unknown_source_is_an_error(store: Store) -> None:
    with pytest.raises(UsageError, match="no history of a source named 'toys'"):
        find_deadlines(store, ("toys",), TODAY)


def test_the_document_has_null_for_a_date_that_is_not_given(store: Store) -> None:
    documents = {
        str(deadline["value"]): deadline for deadline in map(deadline_document, find_deadlines(store, ("toy",), TODAY))
    }
    assert documents["2"] == {
        "source": "toy",
        "registry": "toys",
        "value": "2",
        "name": "expired",
        "since": "2024-12-01",
        "extended": None,
        "until": "2025-12-01",
        "in_evaluation": None,
        "references": "[draft-toy]",
        "days_left": -35,
        "expired": True,
    }
    assert (documents["3"]["until"], documents["3"]["in_evaluation"], documents["3"]["days_left"]) == (
        None,
        "2025-12-01",
        None,
    )


def test_a_day_of_the_calendar_has_no_line_without_a_fact(store: Store) -> None:
    deadline = next(each for each in find_deadlines(store, (), TODAY) if each.allocation.value == "foo")
    plain = replace(deadline, allocation=replace(deadline.allocation, registry="", references=""))
    assert calendar_day(deadline).description == "source: other\nregistry: toys\nregistered: 2025-12-01"
    assert calendar_day(plain).description == "source: other\nregistered: 2025-12-01"
