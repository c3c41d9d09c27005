"""A collection: many registry groups under one configured source, with an index that says which there are.

The index, IANA's page or the list of files in a folder, is a source with the collection's name and its own rules
(`registries/collection_index.py`): so added and removed groups are events with history and alerts. Each group is a
source too, named COLLECTION.GROUP, and is checked like any other. `Collection` adds which groups are due and when.
"""

from __future__ import annotations

from datetime import datetime
from functools import cached_property
from pathlib import Path

from msgspec import Struct

from watcher.config.settings import CollectionSettings, GroupSettings
from watcher.core.errors import UsageError
from watcher.core.suggestions import suggest
from watcher.core.tables import split_usable_ids
from watcher.core.times import from_text
from watcher.fetch.folder import group_document
from watcher.monitor.schedule import due, is_due_this_sweep
from watcher.registries.catalog import rules_for_group
from watcher.registries.collection_index import list_groups
from watcher.store.check_log import SourceSummary
from watcher.store.store import Store


class Group(Struct, frozen=True, kw_only=True):
    """A group of a collection with its last check."""

    settings: GroupSettings
    state: SourceSummary


class CollectionState(Struct, frozen=True, kw_only=True):
    """The groups of a collection by name, and the names in its index that cannot be a group's id (`refused`).

    `failing` are the groups whose last check failed. `swept` is the UTC time since which every group was checked, None
    if one never was.
    """

    groups: tuple[Group, ...] = ()
    refused: tuple[str, ...] = ()
    failing: tuple[Group, ...] = ()
    swept: str | None = None


class Collection:
    """The groups of one collection as of its newest index. For one thread; reads the history, writes nothing."""

    def __init__(self, settings: CollectionSettings, store: Store, *, folder: Path | None) -> None:
        """`folder` holds the documents of a collection that is a folder or is kept by rsync."""
        self.settings = settings
        self.name = settings.name
        self._history = store.history
        self._checks = store.checks
        self._folder = folder

    @property
    def refused(self) -> list[str]:
        """The names in the index that cannot be a group's id."""
        return self._listed[1]

    @cached_property
    def _listed(self) -> tuple[dict[str, str], list[str]]:
        """The ids of the groups by their lower case, and the names that cannot be an id."""
        if self.settings.groups is not None:
            return split_usable_ids(filter(self.settings.wants, self.settings.groups))
        latest = self._history.find_latest(self.name)
        names = list_groups(self._history.read_content(self.name, latest)) if latest else []
        return split_usable_ids(filter(self.settings.wants, names))

    @cached_property
    def _group_settings(self) -> list[GroupSettings]:
        """The settings of each group; to make those of all IANA's takes longer than to read their states."""
        return [self._settings_of(name) for name in self._listed[0].values()]

    def group(self, name: str, *, new: bool = False) -> GroupSettings:
        """Return a group by its id, in upper or lower case: one that is in the index or has a history.

        `new` accepts any id. Raises UsageError for an unknown group and for what cannot be an id.
        """
        listed, _ = self._listed
        group = listed.get(name.lower(), name)
        if not split_usable_ids([group])[0]:
            raise UsageError(f"{name!r} cannot be a group's id; use letters, digits and . _ -, at most 64")
        if (
            listed
            and name.lower() not in listed
            and not (new or self._history.find_latest(f"{self.name}.{name.lower()}"))
        ):
            sources = [f"{self.name}.{group}" for group in listed]
            hint = suggest(f"{self.name}.{name}", sources)
            raise UsageError(f"the collection {self.name} has no group {name!r}{hint}")
        return self._settings_of(group)

    def _settings_of(self, group: str) -> GroupSettings:
        return GroupSettings(
            name=f"{self.name}.{group.lower()}",
            group=group,
            collection=self.name,
            url=group_document(self._folder, group).absolute().as_uri()
            if self._folder
            else self.settings.url.replace("{group}", group),
            registry=rules_for_group(group, self.settings.registry),
            format=self.settings.format,
            every=self.settings.every,
            enabled=self.settings.enabled,
            hold=self.settings.hold,
        )

    def groups(self) -> list[Group]:
        """Return the groups with their last checks, the one checked longest ago first.

        A sweep that is cut short again and again then does not leave the same groups unchecked each time.
        """
        states = self._checks.read_summaries(group.name for group in self._group_settings)
        return sorted(
            (Group(settings=group, state=states[group.name]) for group in self._group_settings),
            key=lambda group: group.state.at or "",
        )

    def group_due(self, group: Group, now: datetime) -> datetime:
        """Return when a group is due. Groups on this machine are all checked in every sweep."""
        last = from_text(group.state.at) if group.state.at else None
        return due(self.settings.every, last, None if self._folder else group.state.changed, now)

    def next_due(self, now: datetime) -> datetime:
        """Return when the next sweep is: when the first group is due, or the index if there is one."""
        last = self._checks.find_last_check(self.name)
        index = [due(self.settings.every, from_text(str(last["at"])) if last else None, None, now)]
        dues = [self.group_due(group, now) for group in self.groups()]
        return min(dues + (index if self.settings.groups is None else []), default=now)

    def groups_due(self, now: datetime) -> list[Group]:
        """Return the groups that a sweep starting now checks."""
        every = self.settings.every
        return [group for group in self.groups() if is_due_this_sweep(every, self.group_due(group, now), now)]

    def state(self) -> CollectionState:
        """Return the groups and how their last checks went."""
        all_groups = self.groups()
        checked_at = [group.state.at for group in all_groups]
        return CollectionState(
            groups=tuple(sorted(all_groups, key=lambda group: group.settings.name)),
            refused=tuple(self.refused),
            failing=tuple(group for group in all_groups if group.state.outcome == "failed"),
            swept=min(filter(None, checked_at)) if checked_at and all(checked_at) else None,
        )
