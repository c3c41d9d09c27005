"""What `watcher status` says of collections. Loaded where the configuration has one: it needs all of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from watcher.cli.context import settings
from watcher.cli.output import App
from watcher.config.overview import SourceOverview
from watcher.monitor.collection import Collection
from watcher.render.safe_text import visible
from watcher.store.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionStatus:
    """A collection: its own line and those of groups, each with when it is due.

    `listed` are the cells that its line has of the list it is.
    """

    lines: tuple[tuple[SourceOverview, datetime], ...]
    listed: Mapping[str, Any]
    summary: Mapping[str, Any]


def trees(app: App, store: Store, now: datetime, *, everything: bool) -> dict[str, CollectionStatus]:
    """Return every collection by name, with the lines of all its groups or of those that fail."""
    configured = settings(app)
    return {
        each.name: _tree(
            Collection(each, store.history, store.checks, folder=configured.folder_of(each)),
            now,
            everything,
        )
        for each in configured.collections
    }


def _tree(tree: Collection, now: datetime, everything: bool) -> CollectionStatus:
    standing = tree.standing()
    own = SourceOverview(name=tree.name, every=tree.settings.every, enabled=tree.settings.enabled, collection=True)
    groups = [
        (SourceOverview(name=group.settings.name, every=group.settings.every, enabled=group.settings.enabled), group)
        for group in (standing.groups if everything else standing.failing)
    ]
    return CollectionStatus(
        lines=((own, tree.next_turn(now)), *((watched, tree.due(group, now)) for watched, group in groups)),
        listed=_listed(tree),
        summary={
            "source": tree.name,
            "groups": len(standing.groups),
            "failing": [group.settings.name for group in standing.failing],
            "never_checked": sum(group.look.at is None for group in standing.groups),
            "left_out": list(standing.refused),
            "last_full_sweep": standing.swept,
        },
    )


def _listed(tree: Collection) -> dict[str, Any]:
    """What the line of a collection says that has no index to look at."""
    if tree.settings.groups is None:
        return {}
    groups = tree.groups()
    newest = max((group.look.at for group in groups if group.look.at), default=None)
    return {"entries": len(groups), "last_check": newest, "outcome": "a list" if newest else "never checked"}


def told(summary: Mapping[str, Any]) -> str:
    """Return a collection's summary as a line."""
    return f"{summary['source']}: " + ", ".join(_parts(summary))


def _parts(summary: Mapping[str, Any]) -> Iterator[str]:
    yield f"{summary['groups']} groups"
    yield f"{len(summary['failing']) or 'none'} failing"
    if summary["never_checked"]:
        yield f"{summary['never_checked']} never checked"
    if summary["last_full_sweep"]:
        yield f"all looked at since {summary['last_full_sweep']}"
    if summary["left_out"]:
        yield "left out, being no ids: " + visible(", ".join(summary["left_out"]))
