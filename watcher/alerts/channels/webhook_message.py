"""A comparison as a webhook's body: a CloudEvents 1.0 event; its data is the JSON contract's document, bounded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from watcher.core.model import Comparison
from watcher.core.operations import Notice
from watcher.render import document
from watcher.render.json import dumps

CHANGED = "org.registry-watcher.release.changed"
TEST = "org.registry-watcher.test"
DIGEST = "org.registry-watcher.digest"
NOTICE = "org.registry-watcher.notice"
MOST_BYTES = 20_000
_SHORT = 200


def release_body(found: Comparison, *, delivery_id: str, occurred: str, max_bytes: int = MOST_BYTES) -> bytes:
    """Return the body, always of the same schema.

    What does not fit is left out from the end: first changes that no event names, then the other changes, then the
    texts of long fields, then the least grave events. `counts` stay true and `left_out` says what is missing. A change
    keeps its place in the full list in `index`, which is what the events' `changes` name.
    """
    data = document.comparison(found)
    whole = _event(CHANGED, delivery_id, found.source, occurred, data)
    if len(whole) <= max_bytes:
        return whole
    for index, change in enumerate(data["changes"]):
        change["index"] = index
    changes, events = data["changes"], data["events"]
    named = {index for event in events for index in event["changes"]}
    ranked = sorted(changes, key=lambda change: (change["index"] not in named, change["quiet"], change["index"]))
    all_events = [_shortened(event) for event in events]

    def fitted(number_of_events: int, number_of_changes: int) -> bytes:
        kept = sorted(ranked[:number_of_changes], key=lambda change: int(change["index"]))
        data.update(
            events=all_events[:number_of_events],
            changes=[_cut(change) for change in kept],
            left_out={"events": len(events) - number_of_events, "changes": len(changes) - number_of_changes},
        )
        return _event(CHANGED, delivery_id, found.source, occurred, data)

    number = _most(len(events), lambda tried: len(fitted(tried, 0)) <= max_bytes)
    return fitted(number, _most(len(changes), lambda tried: len(fitted(number, tried)) <= max_bytes))


def notice_body(found: Notice, *, delivery_id: str) -> bytes:
    """Return a body that tells of something that befell the watcher itself."""
    return _event(NOTICE, delivery_id, found.source, found.at, document.notice(found))


def digest_body(bodies: Sequence[Mapping[str, Any]], *, delivery_id: str, occurred: str) -> bytes:
    """Return a body that holds those of several messages, each whole."""
    data = {"schema": document.SCHEMA, "messages": list(bodies)}
    return _event(DIGEST, delivery_id, "registry-watcher", occurred, data)


def test_body(*, delivery_id: str, occurred: str, channel: str) -> bytes:
    """Return a body that says that it is a test."""
    return _event(TEST, delivery_id, "registry-watcher", occurred, {"schema": document.SCHEMA, "channel": channel})


def _event(kind: str, identifier: str, source: str, occurred: str, data: dict[str, Any]) -> bytes:
    event = {
        "specversion": "1.0",
        "id": identifier,
        "source": source,
        "type": kind,
        "time": occurred,
        "datacontenttype": "application/json",
        "data": data,
    }
    return dumps(event).encode()


def _most(highest: int, fits: Any) -> int:
    """The largest number that fits, found by halving."""
    low, high = 0, highest
    while low < high:
        middle = (low + high + 1) // 2
        if fits(middle):
            low = middle
        else:
            high = middle - 1
    return low


def _shortened(event: dict[str, Any]) -> dict[str, Any]:
    """An event that takes a bounded number of bytes: lists and sentence cut where they are very long."""
    return {
        **event,
        "summary": _text(event["summary"]),
        "service": _text(event["service"]),
        "ports": event["ports"][:50],
        "changes": event["changes"][:50],
    }


def _cut(change: dict[str, Any]) -> dict[str, Any]:
    def fields(values: dict[str, str] | None) -> dict[str, str] | None:
        return {name: _text(value) for name, value in values.items()} if values is not None else None

    return {
        **change,
        "before": fields(change["before"]),
        "after": fields(change["after"]),
        "fields": [{name: _text(value) for name, value in field.items()} for field in change["fields"]],
    }


def _text(text: str) -> str:
    return text if len(text) <= _SHORT else text[: _SHORT - 1] + "…"
