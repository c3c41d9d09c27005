"""The bytes of a release, exactly as they were served, as a download that no browser shows."""

from __future__ import annotations

from watcher.reports.snapshot import read_served_bytes
from watcher.store.snapshot_archive import SnapshotArchive
from watcher.web.memento import describe_memento, describe_original, document_original
from watcher.web.page import PageContext, PageRequest, PageResponse


def render(context: PageContext, request: PageRequest) -> PageResponse:
    source, reference = request.parts
    with context.open_store() as store:
        release = store.history.find_release(source, reference)
        data = read_served_bytes(store.history, SnapshotArchive(context.settings().store.archive), source, reference)
    name = f"{source}-{reference}"
    safe = "".join(letter for letter in name if letter.isascii() and (letter.isalnum() or letter in "._-"))
    original = document_original(source)
    is_now = reference in ("latest", "newest")
    described = describe_original(request, original) if is_now else describe_memento(request, original, release)
    return PageResponse(
        body=data,
        content_type="application/octet-stream",
        headers={"Content-Disposition": f'attachment; filename="{safe}"', **described},
    )
