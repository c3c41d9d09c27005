"""The bodies of webhooks: CloudEvents 1.0 events with the documents of the JSON contract as data, bounded in size."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from watcher.core.model import TEST_MARK, Comparison
from watcher.core.operations import Notice
from watcher.core.texts import truncate_text
from watcher.registries.event_details import describe_events
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
_LEAST_DETAILS = 500  # bytes of the details of an event: those of more events never fit


def release_body(
    comparison: Comparison, *, delivery_id: str, occurred: str, address: str = "", max_bytes: int = MAX_BYTES
) -> bytes:
    """Return the body about a release; what does not fit into `max_bytes` is cut or left out (`left_out`).

    `address` is that of the web interface.
    """
    most = max_bytes // _LEAST_DETAILS
    details = describe_events(replace(comparison, events=comparison.events[:most]), address=address)
    data = document.comparison_document(comparison, details)
    data["changes"] = [_changed_header(change) for change in data["changes"]]
    kind = TEST if TEST_MARK in comparison.marks else DEADLINE if comparison.timed else CHANGED
    whole = _event(kind, delivery_id, comparison.source, occurred, data)
    if len(whole) <= max_bytes:
        return whole
    for index, change in enumerate(data["changes"]):
        change["index"] = index
    changes, events = data["changes"], data["events"]
    named = {index for event in events for index in event["changes"]}
    ranked = sorted(changes, key=lambda change: (change["index"] not in named, change["quiet"], change["index"]))
    cut_events = [_cut_event(event) for event in events]

    def render(event_count: int, detailed_count: int, change_count: int) -> bytes:
        kept = sorted(ranked[:change_count], key=lambda change: int(change["index"]))
        shown = cut_events[:event_count]
        undetailed = [_without_details(event) for event in shown[detailed_count:]]
        lost = len(events) - detailed_count
        data.update(
            events=[*shown[:detailed_count], *undetailed],
            changes=[_cut_change(change) for change in kept],
            left_out={
                "events": len(events) - event_count,
                "changes": len(changes) - change_count,
                **({"details": lost} if lost else {}),
            },
        )
        return _event(kind, delivery_id, comparison.source, occurred, data)

    # By bisection, the largest numbers of items that fit: more items make a longer body.
    event_count = _bisect(len(events), max_bytes, lambda count: render(count, 0, 0))
    detailed_count = _bisect(event_count, max_bytes, lambda count: render(event_count, count, 0))
    change_count = _bisect(len(changes), max_bytes, lambda count: render(event_count, detailed_count, count))
    return render(event_count, detailed_count, change_count)


def _bisect(most: int, max_bytes: int, render: Callable[[int], bytes]) -> int:
    return bisect_right(range(1, most + 1), max_bytes, key=lambda count: len(render(count)))


def _changed_header(change: dict[str, Any]) -> dict[str, Any]:
    """Return the change of a registry's header with the fields that differ alone: its notes can be 9 kB."""
    if change["section"] != "registry" or change["before"] is None or change["after"] is None:
        return change
    names = {field["name"] for field in change["fields"]}
    sides = {
        side: {name: text for name, text in change[side].items() if name in names or name == "id"}
        for side in ("before", "after")
    }
    return {**change, **sides}


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
        "summary": _truncate(event["summary"]),
        "service": _truncate(event["service"]),
        **{name: event[name][:_LIST_LENGTH] for name in ("ports", "protocols", "registries", "values", "also")},
        **{name: event[name] and _truncate(event[name]) for name in ("registry", "evidence", "was")},
        "changes": event["changes"][:_LIST_LENGTH],
        **({"details": _cut_details(event["details"])} if "details" in event else {}),
    }


def _cut_details(details: dict[str, Any]) -> dict[str, Any]:
    """Return the details with their texts cut; a link or a command that is cut would lead elsewhere."""
    entries = [
        {name: value if name in ("people", "references") else _cut_texts(value) for name, value in entry.items()}
        for entry in details.get("entries", ())
    ]
    return {**details, "entries": entries}


def _cut_texts(value: Any) -> Any:
    if isinstance(value, str):
        return _truncate(value)
    if isinstance(value, dict):
        return {name: _cut_texts(inner) for name, inner in value.items()}
    return [_cut_texts(inner) for inner in value] if isinstance(value, list) else value


def _without_details(event: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in event.items() if name != "details"}


def _cut_change(change: dict[str, Any]) -> dict[str, Any]:
    def cut_fields(values: dict[str, str] | None) -> dict[str, str] | None:
        return {name: _truncate(value) for name, value in values.items()} if values is not None else None

    return {
        **change,
        "before": cut_fields(change["before"]),
        "after": cut_fields(change["after"]),
        "fields": [cut_fields(field) for field in change["fields"]],
    }


def _truncate(text: str) -> str:
    return truncate_text(text, _TEXT_LENGTH)
