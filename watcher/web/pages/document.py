"""What an RFC or a draft did to all registries."""

from __future__ import annotations

from watcher.core.documents import format_document, parse_document
from watcher.core.errors import UsageError
from watcher.reports.documents import report_document
from watcher.store.event_query import EventQuery
from watcher.web.html import render_html
from watcher.web.page import PageContext, PageRequest, PageResponse

_MOST = 300


def render(context: PageContext, request: PageRequest) -> PageResponse:
    document = _read_name(request.parts[0])
    with context.open_store() as store:
        report = report_document(store.history, context.observation(store), EventQuery(document=document))
    return render_html(
        "document.html",
        viewer=request.viewer,
        title=format_document(document),
        report=report,
        parts=[(part, events[:_MOST], max(0, len(events) - _MOST)) for part, events in report.parts.items() if events],
        later=report.later[:_MOST],
        registries=sorted(report.registries),
    )


def _read_name(text: str) -> str:
    try:
        return parse_document(text)
    except ValueError as error:
        raise UsageError(str(error)) from error
