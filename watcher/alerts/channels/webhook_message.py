"""The bodies of webhooks: CloudEvents 1.0 events with the documents of the JSON contract as data, bounded in size."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

from watcher.core.model import Comparison
from watcher.core.operations import Notice
from watcher.render import document
from watcher.render.json import dumps

CHANGED = "org.registry-watcher.release.changed"
DEADLINE = "org.registry-watcher.deadline"
TEST = "org.registry-watcher.test"
DIGEST = "org.registry-watcher.digest"
NOTICE = "org.registry-watcher.notice"
MAX_BYTES = 20_000
_TEXT_LENGTH = 200
_LIST_LENGTH = 50


def release_body(comparison: Comparison, *, delivery_id: str, occurred: str, max_bytes: int = MAX_BYTES) -> bytes:
    """Return the body about a release; what does not fit into `max_bytes` is cut or left out (`left_out`)."""
    data = document.comparison_document(comparison)
    kind = DEADLINE if comparison.timed else CHANGED
    whole = _event(kind, delivery_id, comparison.source, occurred, data)
    if len(whole) <= max_bytes:
        return whole
    for index, change in enumerate(data["changes"]):
        change["index"] = index
    changes, events = data["changes"], data["events"]
    named = {index for event in events for index in event["changes"]}
    ranked = sorted(changes, key=lambda change: (change["index"] not in named, change["quiet"], change["index"]))
    cut_events = [_cut_event(event) for event in events]

    def render(event_count: int, change_count: int) -> bytes:
        kept = sorted(ranked[:change_count], key=lambda change: int(change["index"]))
        data.update(
            events=cut_events[:event_count],
            changes=[_cut_change(change) for change in kept],
            left_out={"events": len(events) - event_count, "changes": len(changes) - change_count},
        )
        return _event(kind, delivery_id, comparison.source, occurred, data)

    # By bisection, the largest numbers of items that fit: more items make a longer body.
    event_count = bisect_right(range(1, len(events) + 1), max_bytes, key=lambda count: len(render(count, 0)))
    change_count = bisect_right(
        range(1, len(changes) + 1), max_bytes, key=lambda count: len(render(event_count, count))
    )
    return render(event_count, change_count)


def notice_body(notice: Notice, *, delivery_id: str) -> bytes:
    return _event(NOTICE, delivery_id, notice.source, notice.at, document.notice_document(notice))


def digest_body(bodies: Sequence[Mapping[str, Any]], *, delivery_id: str, occurred: str) -> bytes:
    data = {"schema": document.SCHEMA, "messages": list(bodies)}
    return _event(DIGEST, delivery_id, "registry-watcher", occurred, data)


def test_body(*, delivery_id: str, occurred: str, channel: str) -> bytes:
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


def _cut_event(event: dict[str, Any]) -> dict[str, Any]:
    return {
        **event,
        "summary": _cut_text(event["summary"]),
        "service": _cut_text(event["service"]),
        **{name: event[name][:_LIST_LENGTH] for name in ("ports", "protocols", "registries", "values", "also")},
        **{name: event[name] and _cut_text(event[name]) for name in ("registry", "evidence", "was")},
        "changes": event["changes"][:_LIST_LENGTH],
    }


def _cut_change(change: dict[str, Any]) -> dict[str, Any]:
    def cut_fields(values: dict[str, str] | None) -> dict[str, str] | None:
        return {name: _cut_text(value) for name, value in values.items()} if values is not None else None

    return {
        **change,
        "before": cut_fields(change["before"]),
        "after": cut_fields(change["after"]),
        "fields": [cut_fields(field) for field in change["fields"]],
    }


def _cut_text(text: str) -> str:
    return text if len(text) <= _TEXT_LENGTH else text[: _TEXT_LENGTH - 1] + "…"
