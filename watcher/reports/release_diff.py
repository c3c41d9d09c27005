"""Compare two stored releases of a source."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from watcher.core.errors import UsageError
from watcher.core.lazy import load
from watcher.core.model import CANARY, Comparison, Severity
from watcher.core.read_settings import ReadSettings
from watcher.store.event_query import EventQuery
from watcher.store.history_reader import HistoryReader

if TYPE_CHECKING:
    from watcher.core import background
    from watcher.diff import classify
    from watcher.registries import catalog as registries
else:
    # The history has the changes and events of neighbours: they are not judged again.
    background, classify, registries = load("background"), load("classify"), load("registries")

_NEWEST_EVENTS = 500


def compare_releases(
    history: HistoryReader,
    severities: Mapping[str, Severity],
    source: str,
    old: str | None = None,
    new: str | None = None,
) -> Comparison:
    """Compare two stored releases; by default the latest with the one before. Raises UsageError for an unknown one."""
    after = history.find_release(source, new or old or "latest")
    previous = history.find_predecessor(after)
    before = history.find_release(source, str(old)) if new else previous
    if before is None:
        raise UsageError(f"{source}: {old or after.day} is the first release: no release before it to compare with")
    if previous is not None and before.row == previous.row:
        return history.events.read_comparison(source, after, before)
    before_content, after_content = history.read_content_pair(source, before, after)
    text = history.read_settings(source)
    settings = ReadSettings.from_text(text) if text else ReadSettings(registry=history.read_registry_id(source))
    changes, events = classify.explain(
        registries.configured_registry(settings), before_content, after_content, severities
    )
    return Comparison(
        source=source,
        old=before.release,
        new=after.release,
        changes=changes,
        events=events,
        background=background.find_background(changes, before_content.items, after_content.items),
    )


def find_last_change(history: HistoryReader) -> Comparison:
    """Return the newest release with an event, of any source but the canary, compared with the one before it.

    Raises UsageError if there is no such release.
    """
    for event in reversed(history.events.find(EventQuery(limit=_NEWEST_EVENTS))):
        if event.source != CANARY and event.before is not None:
            return history.events.read_comparison(event.source, event.release, event.before)
    raise UsageError("the history has no change yet; `watcher check` or `watcher import` adds releases")
