"""A tree of registry groups watched as one: which groups it has, which of them are due, what its index says.

The index, IANA's page or the list of what a folder holds, is a source like any other, under the collection's own name
and with rules of its own (`registries/index.py`): so a new group and a vanished one are events, with history and
alerts. Each group is a source too, named COLLECTION.GROUP; `pipeline.check` looks at it as at any other. What a
`Collection` adds is the order and the pace of looking.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

from watcher.config.settings import CollectionSettings, GroupSettings
from watcher.core.errors import UsageError
from watcher.core.tables import split_usable_ids
from watcher.core.times import from_text
from watcher.fetch.folder import group_document
from watcher.monitor.schedule import due, in_turn
from watcher.registries.catalog import rules_for_group
from watcher.registries.collection_index import list_groups
from watcher.store.check_log import CheckLog, SourceSummary
from watcher.store.history_reader import HistoryReader


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A group with how it stands."""

    settings: GroupSettings
    look: SourceSummary


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a collection stands. `swept` is the UTC time since which every group was looked at; None: one never was."""

    groups: tuple[Group, ...] = ()
    refused: tuple[str, ...] = ()
    failing: tuple[Group, ...] = ()
    swept: str | None = None


class Collection:
    """The groups of one collection. For one thread; asks the history, writes nothing and fetches nothing itself."""

    def __init__(
        self, settings: CollectionSettings, queries: HistoryReader, checks: CheckLog, *, folder: Path | None
    ) -> None:
        """`folder` is where the documents are, for a collection that is a folder or kept by rsync."""
        self.settings = settings
        self._queries = queries
        self._checks = checks
        self._folder = folder

    @property
    def name(self) -> str:
        return self.settings.name

    @cached_property
    def listed(self) -> tuple[dict[str, str], list[str]]:
        """The ids of the groups by their lower case, and the names that can be none: as of the newest index."""
        if self.settings.groups is not None:
            return split_usable_ids(filter(self.settings.wants, self.settings.groups))
        latest = self._queries.find_latest(self.name)
        names = list_groups(self._queries.read_content(self.name, latest)) if latest else []
        return split_usable_ids(filter(self.settings.wants, names))

    def group(self, name: str, *, new: bool = False) -> GroupSettings:
        """Return a group by its id, in upper or lower case: one that is listed, or that has a history.

        `new` allows any other too. Raises UsageError for what there is not and for what is no id.
        """
        listed, _ = self.listed
        found = listed.get(name.lower(), name)
        if not split_usable_ids([found])[0]:
            raise UsageError(f"{name!r} is no id of a group: letters, digits and . _ -, at most 64")
        if (
            listed
            and name.lower() not in listed
            and not (new or self._queries.find_latest(f"{self.name}.{name.lower()}"))
        ):
            close = difflib.get_close_matches(name.lower(), listed, n=1)
            meant = f"; did you mean {self.name}.{close[0]}?" if close else ""
            raise UsageError(f"the collection {self.name} has no group {name!r}{meant}")
        return self._settings(found)

    def _settings(self, found: str) -> GroupSettings:
        return GroupSettings(
            name=f"{self.name}.{found.lower()}",
            group=found,
            url=group_document(self._folder, found).absolute().as_uri()
            if self._folder
            else self.settings.url.replace("{group}", found),
            registry=rules_for_group(found, self.settings.registry),
            format=self.settings.format,
            every=self.settings.every,
            enabled=self.settings.enabled,
            hold=self.settings.hold,
        )

    def groups(self) -> list[Group]:
        """Return the groups there are, with how each stands; the one looked at longest ago first."""
        settings = [self._settings(name) for name in self.listed[0].values()]
        looks = self._checks.read_summaries(each.name for each in settings)
        found = [Group(settings=each, look=looks[each.name]) for each in settings]
        # A sweep that is cut short again and again must not leave the same groups to the next one.
        return sorted(found, key=lambda group: group.look.at or "")

    def due(self, group: Group, now: datetime) -> datetime:
        """Return when a group is to be looked at again. Of what is on this machine, nothing is spared."""
        last = from_text(group.look.at) if group.look.at else None
        return due(self.settings.every, last, None if self._folder else group.look.changed, now)

    def next_turn(self, now: datetime) -> datetime:
        """Return when the next turn is: with the first group that is due, or the index where there is none."""
        last = self._checks.find_last_check(self.name)
        own = [due(self.settings.every, from_text(str(last["at"])) if last else None, None, now)]
        dues = [self.due(group, now) for group in self.groups()]
        return min(dues + (own if self.settings.groups is None else []), default=now)

    def in_turn(self, now: datetime) -> list[Group]:
        """Return the groups that a turn beginning now looks at."""
        return [group for group in self.groups() if in_turn(self.settings.every, self.due(group, now), now)]

    def standing(self) -> Standing:
        """Return how the collection stands."""
        found = self.groups()
        looks = [group.look.at for group in found]
        return Standing(
            groups=tuple(sorted(found, key=lambda group: group.settings.name)),
            refused=tuple(self.listed[1]),
            failing=tuple(group for group in found if group.look.outcome == "failed"),
            swept=min(filter(None, looks)) if looks and all(looks) else None,
        )


def until_asked_to_wait(
    chosen: Iterable[Group], asked_to_wait: Callable[[str], float], stopped: Callable[[], bool] = lambda: False
) -> Iterator[GroupSettings]:
    """Yield one group after the other for as long as their host may be asked and nobody says stop."""
    for group in chosen:
        if stopped() or asked_to_wait(group.settings.url):
            return
        yield group.settings
