"""What an RFC or a draft did to all registries."""

from __future__ import annotations

from watcher.core.documents import format_document
from watcher.reports.documents import report_document
from watcher.store.event_query import EventQuery
from watcher.web.html import render_html
from watcher.web.page import PageContext, PageRequest, PageResponse
from watcher.web.parameters import read_document

_MOST = 300


def render(context: PageContext, request: PageRequest) -> PageResponse:
    document = read_document(request.parts[0])
    with context.open_store() as store:
        report = report_document(store.history, context.observation(store), EventQuery(document=document))
    return render_html(
        "document.html",
        viewer=request.viewer,
        title=format_document(document),
        report=report,
        parts=[(part, events[:_MOST], max(0, len(events) - _MOST)) for part, events in report.parts.items() if events],
        later=report.later[:_MOST],
        more_later=max(0, len(report.later) - _MOST),
        registries=sorted(report.registries),
    )
