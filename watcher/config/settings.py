"""The tables of the configuration, as their defaults and bounds have them. Knows no file."""

from __future__ import annotations

from datetime import timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    model_validator,
)

from watcher.config import value_types
from watcher.config.defaults import EVERY, often
from watcher.config.overview import HISTORY
from watcher.config.value_types import Duration, HiddenUrlField, Name, Secret
from watcher.core.model import CANARY, Severity
from watcher.core.tables import Layout


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, arbitrary_types_allowed=True)


class StoreSettings(_Table):
    """[store]: where history and snapshots are kept; relative to the file."""

    path: Path = Path(HISTORY)
    snapshots: Path = Path("snapshots")


class FetchSettings(_Table):
    """[fetch]: how the network is used. Seconds and bytes."""

    contact: str = Field("", description="a mail address or URL that registries can complain to; in the User-Agent")
    connect_timeout: float = Field(10.0, gt=0, le=300)
    read_timeout: float = Field(30.0, gt=0, le=600)
    deadline: float = Field(120.0, gt=0, le=3600)
    max_bytes: int = Field(64 * 2**20, gt=0, le=2**30)
    attempts: int = Field(3, ge=1, le=10)
    backoff: float = Field(1.0, ge=0, le=60)
    min_interval: float = Field(0.5, ge=0, le=60, description="between two requests to a host")
    allow_files: bool = False
    allow_private: bool = False
    allow_hosts: tuple[str, ...] = ()
    proxy: str | None = None


class SmtpSettings(_Table):
    """[smtp]: the mail server that e-mail channels use."""

    host: str = "localhost"
    port: int = Field(25, ge=1, le=65535)
    security: Literal["none", "starttls", "tls"] = "none"
    username: str | None = None
    password: Secret | None = None
    sender: Annotated[str, AfterValidator(value_types.address)] = Field(
        default_factory=lambda: f"registry-watcher@{value_types.hostname()}", alias="from"
    )
    timeout: float = Field(30.0, gt=0, le=300)

    @model_validator(mode="before")
    @classmethod
    def _secure_by_default(cls, values: Any) -> Any:
        if isinstance(values, dict) and "security" not in values:
            local = value_types.is_loopback(str(values.get("host", "localhost")))
            return {**values, "security": "none" if local else "starttls"}
        return values

    @model_validator(mode="after")
    def _no_password_in_the_clear(self) -> SmtpSettings:
        if self.security == "none" and self.password and not value_types.is_loopback(self.host):
            raise ValueError('security = "none" would send the password in the clear; use "starttls" or "tls"')
        return self


class BelieveSettings(_Table):
    """[source.believe]: what is believed of a source, and what is held (docs/held.md)."""

    min_entries: int | None = Field(None, ge=0, description="fewer are never believed")
    max_entries: int | None = Field(None, ge=0, description="more are never believed")
    max_gone: float = Field(0.2, gt=0, le=1, description="share of entries that may go without a later date")
    max_gone_entries: int = Field(500, ge=0, description="entries that may go without a later date")
    max_gone_dated: float = Field(0.95, gt=0, le=1, description="share of entries that may go under a later date")
    confirm_after: int = Field(2, ge=1, le=100, description="servings in a row that make a doubtful release believed")


class HealthSettings(_Table):
    """[health] and [source.health]: when a source is unhealthy (docs/health.md)."""

    failures: int = Field(3, ge=1, le=1000, description="failed checks in a row")
    failing_for: Annotated[Duration, AfterValidator(value_types.some_time)] = Field(
        timedelta(days=1), description="or failed checks for so long"
    )


class SourceSettings(_Table):
    """[[source]]: where and how often one registry group is looked at."""

    name: Name
    type: Literal["registry"] = "registry"
    url: Annotated[str, AfterValidator(value_types.source_url)]
    registry: str = "ports"
    format: str = "xml"
    key: tuple[str, ...] = Field((), description="of a plain table: the columns that tell its rows apart")
    header: bool | None = Field(None, description="whether the first row of the table holds titles; unset: guessed")
    columns: tuple[str, ...] = Field((), description="the names of the columns of a table without titles")
    path: str = Field("", description="where the list of rows is in the document, dotted; unset: its only list")
    every: Annotated[Duration, AfterValidator(value_types.interval)] = EVERY["registry"]
    enabled: bool = True
    also: Annotated[str, AfterValidator(value_types.source_url)] | None = Field(
        None, description="a second format of the same release, held against it (docs/held.md)"
    )
    also_format: str | None = Field(None, description="its format; from its suffix if unset")
    believe: BelieveSettings = BelieveSettings()
    health: HealthSettings | None = Field(None, description="of this source; by default as in [health]")

    @property
    def layout(self) -> Layout:
        """What the source's format has to be told about the document."""
        return Layout(header=False if self.columns else self.header, names=self.columns, path=self.path)

    @model_validator(mode="after")
    def _names_only_columns_without_titles(self) -> SourceSettings:
        if self.header and self.columns:
            raise ValueError("columns name those of a table without titles, and header = true says that it has some")
        return self


class GroupSettings(SourceSettings):
    """One group of a collection: a source made by us, named COLLECTION.GROUP in lower case."""

    name: Annotated[str, Field(pattern=value_types.GROUP_NAME)]
    group: str = Field(description="its id as published")


class CanarySource(SourceSettings):
    """The source that the watcher serves itself, inside the process."""

    url: str = "canary:"


class CollectionSettings(_Table):
    """[[source]] of type collection: many registry groups that are watched as one.

    `groups`, `index`, `folder` or `rsync` says which they are; `url` where the document of one is, but for a folder
    and rsync. `registry` are the rules of those that have none of their own.
    """

    name: Name
    type: Literal["collection"]
    groups: (
        Annotated[
            tuple[str, ...],
            AfterValidator(value_types.not_empty),
            AfterValidator(value_types.group_ids),
            Field(json_schema_extra={"minItems": 1}),
        ]
        | None
    ) = None
    index: Annotated[str, AfterValidator(value_types.source_url)] | None = None
    folder: Path | None = None
    rsync: Annotated[str, AfterValidator(value_types.rsync_url)] | None = None
    url: Annotated[str, AfterValidator(value_types.template)] = (
        f"https://www.iana.org/assignments/{value_types.GROUP}/{value_types.GROUP}.xml"
    )
    include: tuple[str, ...] = Field(("*",), description="globs of group ids")
    exclude: tuple[str, ...] = Field((), description="globs of group ids")
    registry: str = "iana"
    format: Literal["xml"] = "xml"
    every: Annotated[Duration, AfterValidator(value_types.interval)] = EVERY["collection"]
    enabled: bool = True
    believe: BelieveSettings = BelieveSettings()
    health: HealthSettings | None = Field(None, description="of this source; by default as in [health]")

    @model_validator(mode="after")
    def _one_way(self) -> CollectionSettings:
        ways = [name for name in ("groups", "index", "folder", "rsync") if getattr(self, name) is not None]
        if len(ways) != 1:
            given = " and ".join(ways) or "none of them"
            raise ValueError(f"a collection is given by one of groups, index, folder and rsync; here by {given}")
        if (self.folder or self.rsync) and "url" in self.model_fields_set:
            raise ValueError(f"url is for groups and index; the documents of this one are in its {ways[0]}")
        return self

    @property
    def local(self) -> bool:
        """Whether its documents are on this machine: where its list cannot be had, they cannot be read either."""
        return self.folder is not None or self.rsync is not None

    def wants(self, group: str) -> bool:
        """Whether a group is to be watched, by include and exclude."""
        return any(fnmatchcase(group, each) for each in self.include) and not any(
            fnmatchcase(group, each) for each in self.exclude
        )


def _type_of(table: Any) -> Any:
    return table.get("type", "registry") if isinstance(table, dict) else getattr(table, "type", "registry")


AnySource = Annotated[
    Annotated[SourceSettings, Tag("registry")] | Annotated[CollectionSettings, Tag("collection")],
    Discriminator(_type_of),
]


class ChannelSettings(_Table):
    """[[channel]]: what all types have in common."""

    name: Name
    type: str
    sources: tuple[str, ...] = Field(("*",), description="globs of source names")
    events: tuple[str, ...] = Field(("*",), description="globs of event ids")
    severity: Severity = Field(Severity.INFO, description="at least")
    ports: tuple[Annotated[str, AfterValidator(value_types.port_range)], ...] = Field(
        (), description="443, 8000-8100; none: all"
    )
    operator: bool = Field(False, description="also told of what befalls the watcher itself")
    digest: Duration = Field(timedelta(), description="gather what comes within so long into one message; 0s: do not")
    most_per_hour: int | None = Field(None, ge=1, description="messages; what is more waits")
    enabled: bool = True


class EmailSettings(ChannelSettings):
    """[[channel]] of type email."""

    type: Literal["email"]
    to: Annotated[
        tuple[Annotated[str, AfterValidator(value_types.address)], ...],
        AfterValidator(value_types.not_empty),
        Field(json_schema_extra={"minItems": 1}),
    ]


class WebhookSettings(ChannelSettings):
    """[[channel]] of type webhook: Standard Webhooks, signed."""

    type: Literal["webhook"]
    url: Annotated[str, AfterValidator(value_types.http_url)]
    secret: Secret
    timeout: float = Field(15.0, gt=0, le=120)


AnyChannel = EmailSettings | WebhookSettings


class LogSettings(_Table):
    """[log]: to standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "text", "json"] = "auto"


class DaemonSettings(_Table):
    """[daemon]: docs/operation.md."""

    jitter: Duration = Field(timedelta(seconds=30), description="by which a look at a source may be late")
    hung_after: Annotated[Duration, AfterValidator(value_types.some_time)] = Field(
        timedelta(minutes=15), description="beyond its own deadlines; what takes longer is ended by the watchdog"
    )
    grace: Duration = Field(timedelta(seconds=20), description="for what is under way when it is told to stop")


class HeartbeatSettings(_Table):
    """[heartbeat]: a URL that is asked for while all is looked at in time: a dead man's switch elsewhere."""

    url: HiddenUrlField
    every: Annotated[Duration, AfterValidator(value_types.some_time)] = timedelta(minutes=5)
    timeout: float = Field(10.0, gt=0, le=120)


class CanarySettings(_Table):
    """[canary]: a registry of our own that changes on a schedule, to prove the way to the channels that ask for it."""

    channels: Annotated[
        tuple[str, ...], AfterValidator(value_types.not_empty), Field(json_schema_extra={"minItems": 1})
    ]
    every: Annotated[Duration, AfterValidator(value_types.interval)] = EVERY["canary"]

    @property
    def source(self) -> CanarySource:
        """The source that it is looked at as: often enough to see each change soon."""
        return CanarySource(name=CANARY, registry=CANARY, every=often(self.every))


class MetricsSettings(_Table):
    """[metrics]: /metrics for Prometheus and /healthz, over HTTP."""

    listen: Annotated[str, AfterValidator(value_types.listen)] = "127.0.0.1:9876"
    hosts: tuple[str, ...] = Field((), description="names it may be asked under, besides addresses and localhost")


class SilenceSettings(_Table):
    """[[silence]]: a time in which messages are kept and not sent."""

    begin: Annotated[AwareDatetime, Field(alias="from")]
    until: AwareDatetime
    sources: tuple[str, ...] = Field(("*",), description="globs of source names")
    events: tuple[str, ...] = Field(("*",), description="globs of ids of events and notices")

    @model_validator(mode="after")
    def _forward(self) -> SilenceSettings:
        if self.until <= self.begin:
            raise ValueError("until is not after from")
        return self


class Settings(_Table):
    """The whole configuration. `folder` is where its file is: what relative paths are relative to."""

    store: StoreSettings = StoreSettings()
    fetch: FetchSettings = FetchSettings()
    smtp: SmtpSettings = Field(default_factory=SmtpSettings)
    source: tuple[AnySource, ...] = ()
    channel: tuple[Annotated[AnyChannel, Field(discriminator="type")], ...] = ()
    severity: dict[str, Severity] = Field(default_factory=dict, description="event id = severity")
    log: LogSettings = LogSettings()
    daemon: DaemonSettings = DaemonSettings()
    health: HealthSettings = HealthSettings()
    heartbeat: HeartbeatSettings | None = None
    canary: CanarySettings | None = None
    metrics: MetricsSettings | None = None
    silence: tuple[SilenceSettings, ...] = ()
    folder: Path = Field(Path(), exclude=True)

    @property
    def sources(self) -> tuple[AnySource, ...]:
        """The sources, and the canary."""
        return (*self.source, *([self.canary.source] if self.canary else []))

    @property
    def watched(self) -> tuple[AnySource, ...]:
        """What is looked at on a schedule."""
        return tuple(source for source in self.sources if source.enabled)

    @property
    def registries(self) -> tuple[SourceSettings, ...]:
        """The sources that are one registry group each."""
        return tuple(source for source in self.source if isinstance(source, SourceSettings))

    @property
    def collections(self) -> tuple[CollectionSettings, ...]:
        """The sources that are collections."""
        return tuple(source for source in self.source if isinstance(source, CollectionSettings))

    def folder_of(self, collection: CollectionSettings) -> Path | None:
        """Where the documents of a collection are on this machine; None where they are fetched one by one."""
        if collection.rsync is not None:
            snapshots = self.store.snapshots
            return snapshots.with_name(f"{snapshots.name}.mirror") / collection.name
        return self.folder / collection.folder if collection.folder is not None else None
