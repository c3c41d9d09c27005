"""Held releases and why, and the messages that wait or failed."""

from __future__ import annotations

from watcher.core.operations import HoldState
from watcher.web.html import render_html
from watcher.web.page import PageContext, PageRequest, PageResponse

_MOST = 100


def render(context: PageContext, request: PageRequest) -> PageResponse:
    with context.open_store() as store:
        holds = store.holds.list_holds()
        counts = store.outbox.count_by_state()
        failures = store.channel_failures.list_failures()
        unsent = store.outbox.list_newest_unsent(_MOST)
    held = [hold for hold in holds if hold.state is HoldState.HELD]
    settled = [hold for hold in holds if hold.state is not HoldState.HELD]
    return render_html(
        "holds.html",
        viewer=request.viewer,
        held=held,
        settled=list(reversed(settled[-_MOST:])),
        counts=sorted(counts.items()),
        failures=failures,
        unsent=unsent,
    )
