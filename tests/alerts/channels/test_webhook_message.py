"""The bodies of webhooks are bounded and valid, and say what they leave out."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.render import HOSTILE, TEXT, comparison, event, item, modified, saying
from tests.support.comparison_schema import validate_comparison
from watcher.alerts.channels.webhook_message import CHANGED, MAX_BYTES, TEST, release_body, test_body
from watcher.core.model import Change, Comparison, Severity
from watcher.registries.event_details import describe_events
from watcher.render import document
from watcher.render.json import dumps


def sent(release: Comparison, **more: int) -> dict[str, Any]:
    raw = release_body(release, delivery_id="msg_1", occurred="2020-01-02T03:04:05Z", **more)
    assert len(raw) <= more.get("max_bytes", MAX_BYTES)
    envelope: dict[str, Any] = json.loads(raw)
    validate_comparison(envelope["data"])
    return envelope


def data(release: Comparison, **more: int) -> dict[str, Any]:
    inner: dict[str, Any] = sent(release, **more)["data"]
    return inner


def large(count: int, events: int, text: str = "a text") -> Comparison:
    """Changes of which every second is quiet; the events name the last ones, the most severe first."""
    changes = tuple(
        replace(modified(number, f"name{number}", "before", f"{text} {number}"), quiet=number % 2 == 0)
        for number in range(count)
    )
    severities = sorted((list(Severity)[number % 3] for number in range(events)), key=lambda item: -item.rank)
    named = tuple(event(count - 1 - number, f"event {number}", severity) for number, severity in enumerate(severities))
    return comparison(changes, named)


def assert_consistent(release: Comparison, inner: dict[str, Any]) -> None:
    """Assert what is true of every body that leaves something out."""
    whole = json.loads(dumps(document.comparison_document(release)))
    assert {name: inner[name] for name in ("schema", "source", "old", "new", "counts")} == {
        name: whole[name] for name in ("schema", "source", "old", "new", "counts")
    }
    undetailed = len(whole["events"]) - sum("details" in event for event in inner["events"])
    assert inner["left_out"] == {
        "events": len(whole["events"]) - len(inner["events"]),
        "changes": len(whole["changes"]) - len(inner["changes"]),
        **({"details": undetailed} if undetailed else {}),
    }
    indexes = [change["index"] for change in inner["changes"]]
    assert indexes == sorted(set(indexes))
    for change in inner["changes"]:
        full = whole["changes"][change["index"]]
        assert {name: change[name] for name in ("kind", "section", "quiet", "key")} == {
            name: full[name] for name in ("kind", "section", "quiet", "key")
        }
    assert [event["fingerprint"] for event in inner["events"]] == [
        event["fingerprint"] for event in whole["events"][: len(inner["events"])]
    ]


def test_a_body_that_fits_is_complete() -> None:
    release = saying("one", "two", "x" * 1000)
    envelope = sent(release)
    whole = document.comparison_document(release, describe_events(release))
    assert envelope["data"] == json.loads(dumps(whole))
    assert "left_out" not in envelope["data"]
    del envelope["data"]
    assert envelope == {
        "specversion": "1.0",
        "id": "msg_1",
        "source": "ports",
        "type": CHANGED,
        "time": "2020-01-02T03:04:05Z",
        "datacontenttype": "application/json",
    }


@pytest.mark.fault(38)
@pytest.mark.parametrize(("count", "events"), [(3000, 0), (3000, 5), (3000, 3000), (200, 1)])
def test_thousands_of_changes_fit_and_the_counts_stay_true(count: int, events: int) -> None:
    release = large(count, events)
    inner = data(release)
    assert_consistent(release, inner)
    assert inner["counts"]["modified"] == inner["counts"]["quiet"] == count // 2
    assert inner["left_out"]["changes"] > 0
    assert inner["changes"] or inner["events"]


def test_changes_that_no_event_names_are_left_out_first_and_quiet_ones_before_others() -> None:
    inner = data(large(1000, 5))
    assert inner["left_out"]["events"] == 0
    kept = [change["index"] for change in inner["changes"]]
    assert kept[-5:] == [995, 996, 997, 998, 999]
    assert all(not change["quiet"] for change in inner["changes"] if change["index"] < 995)
    assert kept[:-5] == list(range(1, 2 * len(kept[:-5]), 2))


def test_the_least_severe_events_are_left_out_after_all_changes() -> None:
    inner = data(large(3000, 3000))
    assert inner["changes"] == []
    assert 10 < len(inner["events"]) < 1000
    assert {event["severity"] for event in inner["events"]} == {"warning"}


def test_as_many_changes_are_sent_as_fit() -> None:
    release = large(1000, 5)
    raw = release_body(release, delivery_id="msg_1", occurred="2020-01-02T03:04:05Z")
    one = len(json.dumps(json.loads(raw)["data"]["changes"][0], separators=(",", ":")))
    assert MAX_BYTES - 2 * one < len(raw) <= MAX_BYTES


def test_long_texts_are_cut_before_anything_is_left_out() -> None:
    release = comparison((modified(1, "one", "b" * 15_000, "a" * 15_000),), (event(0, "s" * 15_000),))
    inner = data(release)
    assert inner["left_out"] == {"events": 0, "changes": 0}
    (change,) = inner["changes"]
    assert change["index"] == 0
    assert change["after"]["description"] == change["fields"][0]["after"] == "a" * 199 + "…"
    assert inner["events"][0]["summary"] == "s" * 199 + "…"


def test_an_event_about_thousands_of_changes_is_still_sent() -> None:
    wide = replace(
        event(0, "all of them", Severity.WARNING), changes=tuple(range(3000)), ports=tuple(map(str, range(3000)))
    )
    release = comparison(large(3000, 0).changes.changes, (wide,))
    inner = data(release)
    assert_consistent(release, inner)
    assert inner["left_out"]["events"] == 0
    assert inner["events"][0]["summary"] == "all of them"
    assert inner["changes"]


def test_a_change_that_is_too_large_alone_is_left_out_and_counted() -> None:
    release = comparison((Change(before=None, after=item(1, "n" * 30_000, "x")),))
    inner = data(release)
    assert_consistent(release, inner)
    assert inner["left_out"] == {"events": 0, "changes": 1}
    assert inner["counts"]["added"] == 1


def test_the_limit_is_exact_to_the_byte() -> None:
    release = saying("one")
    size = len(release_body(release, delivery_id="msg_1", occurred="2020-01-02T03:04:05Z"))
    assert "left_out" not in data(release, max_bytes=size)
    assert "left_out" in data(release, max_bytes=size - 1)


@pytest.mark.fault(35)
@pytest.mark.parametrize("text", [*HOSTILE, "\ud800", "\0" * 300, "😀" * 300])
def test_hostile_text_only_makes_a_body_longer(text: str) -> None:
    release = large(500, 20, text)
    assert_consistent(release, data(release))
    small = data(saying(text))
    assert small["events"][0]["summary"].startswith(text[:150].encode("utf-8", "replace").decode())


@pytest.mark.fault(35, 38)
@example(["<script>alert(1)</script>"] * 3 + ["\ud800"], 0, 0, 4229)
@given(st.lists(TEXT, max_size=4), st.integers(0, 200), st.integers(0, 60), st.integers(2000, 20_000))
@settings(max_examples=60)
def test_every_body_fits_and_says_what_is_missing(texts: list[str], count: int, events: int, most: int) -> None:
    many, long = large(count, min(events, count)), saying(*texts)
    release = comparison((*many.changes.changes, *long.changes.changes), many.events)
    inner = data(release, max_bytes=most)
    if "left_out" in inner:
        assert_consistent(release, inner)
    else:
        assert len(inner["changes"]) == len(release.changes.changes)
        assert len(inner["events"]) == len(release.events)


def test_a_test_message_says_that_it_is_one() -> None:
    envelope = json.loads(test_body(delivery_id="msg_2", occurred="2020-01-02T03:04:05Z", channel="ops"))
    assert (envelope["type"], envelope["id"], envelope["data"]) == (TEST, "msg_2", {"schema": 1, "channel": "ops"})


test_body.__test__ = False  # type: ignore[attr-defined]
