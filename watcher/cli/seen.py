"""When somebody looked, and when nobody did: what is said of it beside the history."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from watcher.cli.output import App
from watcher.config.overview import ConfigOverview, load_overview
from watcher.core.times import from_text
from watcher.monitor import health
from watcher.monitor.schedule import LONGEST
from watcher.render.safe_text import visible
from watcher.store.check_log import CheckLog
from watcher.store.history_reader import HistoryReader
from watcher.store.history_rows import StoredRelease
from watcher.store.store import Store

_UNKNOWN = timedelta(days=1)  # between two looks at what is not in the configuration any more
_MOST = 5  # gaps that are listed for people


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservationGaps:
    """What the record of checks says of a history."""

    overview: ConfigOverview
    checks: CheckLog

    def between(self, source: str, before: StoredRelease | None, release: StoredRelease) -> list[str | None]:
        """Return when the release before was last seen and this one first, in UTC: it came in between.

        None: nobody saw that.
        """
        first = release.release.observed
        if before is None or first is None:
            return [None, first]
        known = (self.checks.find_last_seen(source, first), before.release.observed)
        return [max((at for at in known if at and at < first), default=None), first]

    def gaps(self, sources: Iterable[str]) -> list[dict[str, str | None]]:
        """Return the times in which nobody could look at some sources; `until` None: it goes on."""
        now = datetime.now(UTC)
        return [
            {"source": source, "from": begin, "until": end}
            for source in sources
            for begin, end in self.checks.find_gaps(source, self.patience(source), now)
        ]

    def patience(self, source: str) -> timedelta:
        """Return how long nobody need look at a source without its being a gap."""
        for each in self.overview.sources:
            if each.name == source:
                return health.patience(each.every)
            if each.collection and source.startswith(f"{each.name}."):
                return health.patience(each.every * LONGEST)
        return health.patience(_UNKNOWN)


@contextmanager
def history(app: App) -> Iterator[tuple[HistoryReader, ObservationGaps]]:
    """Open the history for reading, with the record of checks. Raises StoreError where there is none yet."""
    configured = load_overview(app.config)
    with Store(configured.history, create=False) as store:
        yield store.history, ObservationGaps(overview=configured, checks=store.checks)


def print_gaps(gaps: list[dict[str, Any]]) -> None:
    """Print the newest gaps, a line each; nothing where there are none."""
    if not gaps:
        return
    click.echo()
    for gap in gaps[-_MOST:]:
        if gap["until"] is None:
            click.echo(f"nobody could look at {visible(gap['source'])} since {gap['from']}")
            continue
        hours = (from_text(gap["until"]) - from_text(gap["from"])).total_seconds() / 3600
        long = f"{hours / 24:.0f} days" if hours >= 48 else f"{hours:.0f} hours"
        click.echo(f"nobody could look at {visible(gap['source'])} between {gap['from']} and {gap['until']} ({long})")
    if len(gaps) > _MOST:
        click.echo(f"nor at {len(gaps) - _MOST} earlier times (--format json lists them)")
