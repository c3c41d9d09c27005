"""What an operator decides on a page: accept or reject a held release, acknowledge an event. Each leads to a page."""

from __future__ import annotations

import structlog

from watcher.core.errors import UsageError
from watcher.core.times import to_text
from watcher.monitor import acknowledgement
from watcher.store.store import Store
from watcher.web.html import link, render_error
from watcher.web.page import PageContext, PageRequest, PageResponse
from watcher.web.pages.sign_in import redirect


def accept(context: PageContext, request: PageRequest) -> PageResponse:
    """Accept a held release, as `watcher accept` does."""
    source, hold = request.sent("source"), request.sent("release")
    try:
        with context.open_monitor() as monitor:
            result = monitor.ingest(monitor.source(source)).decisions.accept(hold)
    except UsageError as error:
        return render_error(409, str(error))
    _log(request, "an operator accepted a release", source=source, release=hold, outcome=str(result.outcome))
    release = result.release.release.id if result.release else ""
    return redirect(link(source, "release", release) if release else "/-/holds", decided=True)


def reject(context: PageContext, request: PageRequest) -> PageResponse:
    """Reject a held release, as `watcher reject` does."""
    source, hold = request.sent("source"), request.sent("release")
    try:
        with context.open_monitor() as monitor:
            monitor.ingest(monitor.source(source)).decisions.reject(hold)
    except UsageError as error:
        return render_error(409, str(error))
    _log(request, "an operator rejected a release", source=source, release=hold)
    return redirect("/-/holds", decided=True)


def acknowledge(context: PageContext, request: PageRequest) -> PageResponse:
    """Acknowledge an event with a note, as `watcher ack` does; `remove` takes it back."""
    identifier = request.sent("event")
    with Store(context.settings().store.location, create=False) as store:
        events = acknowledgement.find_event(store, identifier)
        if request.sent("remove"):
            acknowledgement.remove_acknowledgement(store, events)
        else:
            try:
                acknowledgement.acknowledge(store, events, request.sent("note"), to_text(context.clock.now()))
            except UsageError as error:
                return render_error(400, str(error))
    _log(request, "an operator acknowledged an event", id=identifier, removed=bool(request.sent("remove")))
    return redirect(link("-", "event", events[0].event.fingerprint), decided=True)


def _log(request: PageRequest, text: str, **values: object) -> None:
    structlog.get_logger("watcher.web").info(text, client=request.client, **values)
