"""One release: where it is from, what it changed, and its bytes to download."""

from __future__ import annotations

from msgspec.structs import replace

from watcher.core.model import count_changes
from watcher.reports.release_diff import compare_releases
from watcher.web.html import render_html
from watcher.web.memento import describe_memento, source_original
from watcher.web.page import PageContext, PageRequest, PageResponse

_EVENTS = 300


def render(context: PageContext, request: PageRequest) -> PageResponse:
    source, reference = request.parts
    with context.open_store() as store:
        history = store.history
        release = history.find_release(source, reference)
        before, after = history.find_predecessor(release), history.find_successor(release)
        comparison = (
            compare_releases(history, context.settings().severity, source, before.release.id, release.release.id)
            if before is not None
            else None
        )
        has_ports = history.read_registry_id(source) == "ports"
        snapshots = history.list_snapshots(source, release)
        window = context.observation(store).find_window(before, release)
    events = comparison.events if comparison is not None else ()
    page = render_html(
        "release.html",
        viewer=request.viewer,
        source=source,
        has_ports=has_ports,
        release=release,
        before=before,
        after=after,
        events=events[:_EVENTS],
        more_events=max(0, len(events) - _EVENTS),
        differs=bool(comparison and comparison.changes.changes),
        counts={name: number for name, number in count_changes(comparison.changes).items() if number}
        if comparison is not None
        else {},
        snapshots=snapshots,
        window=window,
    )
    return replace(page, headers=describe_memento(request, source_original(source), release))
