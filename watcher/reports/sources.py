"""The sources that there are: where each comes from, how it is read, and its newest release."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from itertools import repeat

from msgspec import Struct

from watcher.config.settings import CollectionSettings, GroupSettings, Settings, SourceSettings
from watcher.core.suggestions import require_known
from watcher.monitor.collection import Collection
from watcher.store.source_records import SourceRecord
from watcher.store.store import Store

COLLECTION = "collection"
_Configured = SourceSettings | CollectionSettings | GroupSettings


class ListedSource(Struct, frozen=True, kw_only=True):
    """One source; the fields are those of the JSON contract.

    `registry` are the rules that it is read with, or `collection`. `url` is where it comes from, None for a source that
    has a history and is not configured any more. `published` is the date of the newest release, `observed` the UTC time
    at which it was first seen.
    """

    source: str
    registry: str
    url: str | None
    enabled: bool
    releases: int
    release: str | None
    published: str | None
    observed: str | None
    entries: int | None


def list_sources(settings: Settings, store: Store | None, patterns: Sequence[str] = ()) -> tuple[ListedSource, ...]:
    """Return the configured sources, the groups of collections and what else has a history, by name.

    Before the first check there is no `store`. `patterns` are names or globs. Raises UsageError for one that fits no
    source.
    """
    configured = {source.name: source for source in _list_configured(settings, store)}
    names = sorted({*configured, *(store.history.list_sources() if store else ())})
    for pattern in patterns:
        require_known("source", pattern, names)
    wanted = [name for name in names if not patterns or any(fnmatchcase(name, pattern) for pattern in patterns)]
    records = store.history.read_records(wanted) if store else repeat(SourceRecord(), len(wanted))
    return tuple(_summarize(name, configured.get(name), record) for name, record in zip(wanted, records, strict=True))


def _list_configured(settings: Settings, store: Store | None) -> Iterator[_Configured]:
    for source in settings.source:
        yield source
        if store is not None and isinstance(source, CollectionSettings):
            collection = Collection(source, store, folder=settings.folder_of(source))
            yield from (group.settings for group in collection.groups())


def _summarize(name: str, configured: _Configured | None, record: SourceRecord) -> ListedSource:
    registry, url = _registry_and_url(configured, record)
    return ListedSource(
        source=name,
        registry=registry,
        url=url,
        enabled=configured.enabled if configured else False,
        releases=record.releases,
        release=record.release,
        published=record.published,
        observed=record.observed,
        entries=record.entries,
    )


def _registry_and_url(configured: _Configured | None, record: SourceRecord) -> tuple[str, str | None]:
    if isinstance(configured, CollectionSettings):
        return COLLECTION, configured.index or configured.rsync or str(configured.folder or configured.url)
    if configured is not None:
        return configured.registry, configured.url
    return record.registry, None
