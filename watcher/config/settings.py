"""The tables of the configuration with their defaults and bounds. Their descriptions are the JSON Schema."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from fnmatch import fnmatchcase
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Discriminator, Field, StrictBool, StrictFloat, StrictInt, Tag, model_validator

from watcher.config.channel_settings import AnyChannel, AppriseSettings, SmtpSettings, WebhookSettings
from watcher.config.daemon_settings import (
    DaemonSettings,
    EvidenceSettings,
    HeartbeatSettings,
    LogSettings,
    MetricsSettings,
    SilenceSettings,
    WorkerSettings,
)
from watcher.config.hold_settings import HoldSettings
from watcher.config.inventory_settings import InventorySettings
from watcher.config.overview import (
    DEFAULT_INTERVALS,
    HISTORY,
    ConfigOverview,
    SourceOverview,
    canary_check_interval,
)
from watcher.config.subscription_settings import IgnoreSettings, SubscriptionSettings
from watcher.config.table import SettingsTable
from watcher.config.time_types import Interval, PositiveDuration
from watcher.config.value_types import (
    GROUP,
    Contact,
    GroupIds,
    GroupName,
    HiddenUrl,
    Name,
    Names,
    ProxyUrl,
    ProxyUrlField,
    RsyncUrl,
    ServerName,
    SourceUrl,
    Texts,
    UrlTemplate,
)
from watcher.config.web_settings import WebSettings
from watcher.core.model import CANARY, Severity
from watcher.core.postgresql_url import PostgresqlUrl, parse_url
from watcher.core.read_settings import ReadSettings
from watcher.core.tables import LAYOUT_HELP, Layout
from watcher.store.archive_location import ArchiveLocation, locate_archive
from watcher.store.location import HistoryLocation
from watcher.store.object_url import check_object_url


class StoreSettings(SettingsTable):
    """[store]: where the history and the snapshots are. Paths are relative to the configuration file."""

    path: Path = Field(Path(HISTORY), description="the history: one SQLite file")
    url: Annotated[str, AfterValidator(parse_url)] | None = Field(
        None, description="a PostgreSQL database for the history in place of the file; without a password"
    )
    snapshots: Path = Field(Path("snapshots"), description="the folder of snapshots; with `objects` a copy of them")
    objects: Annotated[str, AfterValidator(check_object_url)] | None = Field(
        None, description="a bucket for the snapshots, s3://BUCKET/PREFIX?endpoint=URL, that several hosts share"
    )

    @property
    def location(self) -> HistoryLocation:
        """Where the history is."""
        return self.path if self.url is None else PostgresqlUrl(self.url)

    @property
    def archive(self) -> ArchiveLocation:
        """Where the snapshots are."""
        return locate_archive(self.snapshots, self.objects)


class FetchSettings(SettingsTable):
    """[fetch]: how documents are fetched. Times are in seconds."""

    contact: Contact = Field(
        "", description="a mail address or URL for the User-Agent, so that a registry can reach you"
    )
    connect_timeout: StrictFloat = Field(10.0, gt=0, le=300, description="seconds to connect")
    read_timeout: StrictFloat = Field(30.0, gt=0, le=600, description="seconds between two reads")
    deadline: StrictFloat = Field(120.0, gt=0, le=3600, description="seconds for one fetch with all its tries")
    max_bytes: StrictInt = Field(64 * 2**20, gt=0, le=2**30, description="the largest document, in bytes")
    attempts: StrictInt = Field(3, ge=1, le=10, description="tries of one fetch")
    backoff: StrictFloat = Field(
        1.0, ge=0, le=60, description="seconds before the second try; each wait is twice the last"
    )
    min_interval: StrictFloat = Field(0.5, ge=0, le=60, description="seconds between two requests to a host")
    allow_files: StrictBool = Field(False, description="allow file: URLs, for a local mirror")
    allow_private: StrictBool = Field(False, description="allow servers on private addresses")
    allow_hosts: tuple[ServerName, ...] = Field((), description="the other hosts that a redirect may lead to")
    proxy: ProxyUrlField | None = Field(
        None,
        description="an HTTP proxy for sources, webhooks and heartbeat: a URL, or where it is: file:PATH, env:NAME or "
        "credential:NAME",
    )
    ca_file: Path | None = Field(
        None, description="a PEM file of authorities that are trusted besides those of this machine, for all servers"
    )


class HealthSettings(SettingsTable):
    """[health] and [source.health]: when a source is unhealthy (docs/health.md)."""

    failures: StrictInt = Field(3, ge=1, le=1000, description="failed checks in a row")
    failing_for: PositiveDuration = Field(timedelta(days=1), description="or the time since the first failed check")


class SourceSettings(SettingsTable):
    """[[source]]: one registry group or table, and how it is checked."""

    name: Name
    type: Literal["registry"] = "registry"
    url: SourceUrl = Field(description="where the document is")
    registry: str = Field("ports", description="the rules that identify entries and explain changes")
    format: str = Field("xml", description="the file format")
    key: tuple[str, ...] = Field((), description="of a plain table: the columns that identify a row")
    renames: StrictBool = Field(
        False, description="whether a row may change its declared key; else it is another entry"
    )
    title: tuple[str, ...] = Field((), description="of a plain table: the columns that name a row in sentences")
    ignore: tuple[str, ...] = Field((), description="of a plain table: the columns whose change is no event")
    header: StrictBool | None = Field(None, description=LAYOUT_HELP["header"])
    columns: tuple[str, ...] = Field((), description=LAYOUT_HELP["columns"])
    path: str = Field("", description=LAYOUT_HELP["path"])
    each: str = Field("", description=LAYOUT_HELP["each"])
    delimiter: str = Field("", description=LAYOUT_HELP["delimiter"])
    quote: str | None = Field(None, description=LAYOUT_HELP["quote"])
    escape: str = Field("", description=LAYOUT_HELP["escape"])
    comment: Texts = Field((), description=LAYOUT_HELP["comment"])
    skip: StrictInt = Field(0, description=LAYOUT_HELP["skip"])
    encoding: str = Field("", description=LAYOUT_HELP["encoding"])
    ragged: StrictBool = Field(False, description=LAYOUT_HELP["ragged"])
    every: Interval = Field(DEFAULT_INTERVALS["registry"], description="the time between two checks")
    enabled: StrictBool = Field(True, description="false: do not check")
    also: SourceUrl | None = Field(
        None,
        description="a second format of the same release that is compared with it (docs/held.md); "
        "`header`, `columns`, `delimiter` and the other settings of a layout are then those of this document",
    )
    also_format: str | None = Field(None, description="the format of `also`; unset: as its suffix says")
    hold: HoldSettings = HoldSettings()
    health: HealthSettings | None = Field(None, description="for this source; unset: as in [health]")

    @property
    def read_settings(self) -> ReadSettings:
        """How its own document is read; one with a second format has no layout."""
        configured = self._read_settings
        return configured if self.also is None else configured.without_layout()

    @property
    def layout(self) -> Layout:
        """The layout of its document; with a second format, that of this one."""
        return self._read_settings.layout

    @property
    def _read_settings(self) -> ReadSettings:
        return ReadSettings(**{name: getattr(self, name) for name in ReadSettings.__struct_fields__})


class GroupSettings(SourceSettings):
    """One group of a collection as a source named COLLECTION.GROUP, in lower case. The watcher makes it."""

    name: GroupName
    group: str = Field(description="the id of the group as published")
    collection: str = Field(description="the name of its collection")


class CanarySource(SourceSettings):
    """The canary as a source. The watcher makes it and serves its document itself."""

    url: str = "canary:"


class CollectionSettings(SettingsTable):
    """[[source]] of type collection: many registry groups that are watched as one (docs/collections.md).

    Exactly one of `groups`, `index`, `folder` and `rsync` lists the groups.
    """

    name: Name
    type: Literal["collection"]
    groups: GroupIds | None = Field(None, description="the ids of the groups")
    index: SourceUrl | None = Field(None, description="the page that lists the groups")
    folder: Path | None = Field(None, description="a folder with the documents")
    rsync: RsyncUrl | None = Field(None, description="an rsync module with the documents, which is mirrored")
    url: UrlTemplate = Field(
        f"https://www.iana.org/assignments/{GROUP}/{GROUP}.xml",
        description="with groups and index: the document of a group",
    )
    include: tuple[str, ...] = Field(("*",), description="globs of group ids")
    exclude: tuple[str, ...] = Field((), description="globs of group ids")
    registry: str = Field("iana", description="the rules of groups that have no rules under their own name")
    format: Literal["xml"] = "xml"
    every: Interval = Field(
        DEFAULT_INTERVALS["collection"],
        description="the longest time between two checks of a group; one that changed lately is checked more often",
    )
    enabled: StrictBool = Field(True, description="false: do not check")
    hold: HoldSettings = HoldSettings()
    health: HealthSettings | None = Field(None, description="for its groups; unset: as in [health]")

    @model_validator(mode="after")
    def _one_list(self) -> CollectionSettings:
        lists = [name for name in ("groups", "index", "folder", "rsync") if getattr(self, name) is not None]
        if len(lists) != 1:
            raise ValueError(
                f"must have exactly one of groups, index, folder and rsync; has {' and '.join(lists) or 'none'}"
            )
        if (self.folder or self.rsync) and "url" in self.model_fields_set:
            raise ValueError(f"url cannot be combined with {lists[0]}, which has the documents itself")
        return self

    @property
    def is_local(self) -> bool:
        """True if the documents are on this machine, so that without their list they cannot be read either."""
        return self.folder is not None or self.rsync is not None

    def wants(self, group: str) -> bool:
        return _matches(group, self.include) and not _matches(group, self.exclude)


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    names, globs = _split_patterns(patterns)
    return name in names or any(fnmatchcase(name, glob) for glob in globs)


@lru_cache(maxsize=32)
def _split_patterns(patterns: tuple[str, ...]) -> tuple[frozenset[str], tuple[str, ...]]:
    """Return the patterns that only match themselves, which a list of hundreds of groups has, and the others."""
    globs = tuple(pattern for pattern in patterns if any(mark in pattern for mark in "*?["))
    return frozenset(patterns) - frozenset(globs), globs


def _source_type(table: Any) -> Any:
    return table.get("type", "registry") if isinstance(table, dict) else getattr(table, "type", "registry")


AnySource = Annotated[
    Annotated[SourceSettings, Tag("registry")] | Annotated[CollectionSettings, Tag("collection")],
    Discriminator(_source_type),
]


class CanarySettings(SettingsTable):
    """[canary]: a registry of the watcher's own that changes on schedule, to prove that alerts arrive."""

    channels: Names = Field(description="the channels that receive its changes")
    every: Interval = Field(DEFAULT_INTERVALS["canary"], description="the time between two changes")

    @property
    def source(self) -> CanarySource:
        return CanarySource(name=CANARY, registry=CANARY, every=canary_check_interval(self.every))


_RequestingTable = WebhookSettings | AppriseSettings | HeartbeatSettings | EvidenceSettings


class Settings(SettingsTable):
    """The whole configuration. `folder` is where its file is, and what relative paths are relative to."""

    store: StoreSettings = StoreSettings()
    fetch: FetchSettings = FetchSettings()
    smtp: SmtpSettings = Field(default_factory=SmtpSettings)
    source: tuple[AnySource, ...] = ()
    channel: tuple[Annotated[AnyChannel, Field(discriminator="type")], ...] = ()
    severity: dict[str, Severity] = Field(default_factory=dict, description="your own severities, by event id")
    log: LogSettings = LogSettings()
    daemon: DaemonSettings = DaemonSettings()
    worker: WorkerSettings = WorkerSettings()
    health: HealthSettings = HealthSettings()
    heartbeat: HeartbeatSettings | None = None
    evidence: EvidenceSettings | None = None
    canary: CanarySettings | None = None
    metrics: MetricsSettings | None = None
    web: WebSettings = WebSettings()
    silence: tuple[SilenceSettings, ...] = ()
    inventory: tuple[InventorySettings, ...] = ()
    subscription: tuple[SubscriptionSettings, ...] = ()
    ignore: tuple[IgnoreSettings, ...] = ()
    folder: Path = Field(Path(), exclude=True)

    @property
    def sources(self) -> tuple[AnySource, ...]:
        return (*self.source, *([self.canary.source] if self.canary else []))

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a copy with some values replaced, and an overview of its own."""
        copied = super().model_copy(update=update, deep=deep)
        copied.__dict__.pop("overview", None)
        return copied

    @cached_property
    def overview(self) -> ConfigOverview:
        """The part of these settings that reading the history needs, as `load_overview` reads it from a file."""
        return ConfigOverview(
            history=self.store.location,
            archive=self.store.archive,
            sources=tuple(
                SourceOverview(
                    name=source.name,
                    every=source.every,
                    enabled=source.enabled,
                    collection=isinstance(source, CollectionSettings),
                    read_settings=None
                    if isinstance(source, CollectionSettings | CanarySource)
                    else source.read_settings,
                )
                for source in self.sources
            ),
            channels=frozenset(channel.name for channel in self.channel),
            severities=self.severity,
            address=self.web.address or "",
            ignored=tuple(table.rule for table in self.ignore),
        )

    @property
    def watched(self) -> tuple[AnySource, ...]:
        return tuple(source for source in self.sources if source.enabled)

    @property
    def port_sources(self) -> frozenset[str]:
        """The sources with the rules of the port registry."""
        return frozenset(source.name for source in self.registries if source.registry == "ports")

    @property
    def registries(self) -> tuple[SourceSettings, ...]:
        return tuple(source for source in self.source if isinstance(source, SourceSettings))

    @property
    def collections(self) -> tuple[CollectionSettings, ...]:
        return tuple(source for source in self.source if isinstance(source, CollectionSettings))

    def ca_file(self, own: Path | None = None) -> Path | None:
        """Return the path of the authorities to trust besides those of this machine: `own`, else that of [fetch]."""
        chosen = own or self.fetch.ca_file
        return self.folder / chosen if chosen else None

    def proxy(self, own: ProxyUrl | None = None) -> str | None:
        """Return the URL of the proxy to use: `own`, else that of [fetch]. Raises ConfigError if it cannot be read."""
        chosen = own if own is not None else self.fetch.proxy
        return (chosen.read(self.folder) or None) if chosen is not None else None

    def ca_files(self) -> Mapping[str, Path]:
        """Return the path of every file of authorities, by the place that names it."""
        tables = {"fetch": self.fetch, "smtp": self.smtp, **self._requesting_tables()}
        return {f"{place}.ca_file": self.folder / table.ca_file for place, table in tables.items() if table.ca_file}

    def secret_urls(self) -> Mapping[str, HiddenUrl]:
        """Return the references in place of a URL, by the place that has them."""
        urls: dict[str, HiddenUrl | None] = {"fetch.proxy": self.fetch.proxy}
        if self.heartbeat is not None:
            urls["heartbeat.url"] = self.heartbeat.url
        if self.evidence is not None:
            urls["evidence.tsa"] = self.evidence.tsa
        urls |= {f"{place}.proxy": table.proxy for place, table in self._requesting_tables().items()}
        return {place: url for place, url in urls.items() if url is not None and url.is_reference}

    def _requesting_tables(self) -> Mapping[str, _RequestingTable]:
        """Return the tables that make requests besides [fetch], by their place."""
        tables: dict[str, _RequestingTable | None] = {
            f"channel[{number}]": channel
            for number, channel in enumerate(self.channel)
            if isinstance(channel, WebhookSettings | AppriseSettings)
        }
        tables |= {"heartbeat": self.heartbeat, "evidence": self.evidence}
        return {place: table for place, table in tables.items() if table is not None}

    def folder_of(self, collection: CollectionSettings) -> Path | None:
        """Return where the documents of a collection are on this machine, or None if they are fetched one by one."""
        if collection.rsync is not None:
            snapshots = self.store.snapshots
            return snapshots.with_name(f"{snapshots.name}.mirror") / collection.name
        return self.folder / collection.folder if collection.folder is not None else None
