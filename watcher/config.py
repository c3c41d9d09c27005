"""config.toml to `Settings`: every problem at once, each with its place, in words of the person who wrote it.

Knows files and the environment, and neither registries nor events: their names are handed in.
"""

from __future__ import annotations

import difflib
import ipaddress
import os
import re
import socket
import stat
import tomllib
from collections.abc import Collection, Iterator, Mapping
from datetime import timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    PlainSerializer,
    Tag,
    ValidationError,
    WithJsonSchema,
    model_validator,
)

from watcher.errors import ConfigError
from watcher.formats.contract import Layout
from watcher.health import WATCHER
from watcher.model import Severity
from watcher.notices import NOTICES
from watcher.registries.canary import CANARY
from watcher.registries.index import usable
from watcher.subscriptions import parse_ports

EXAMPLE_FILE = Path(__file__).with_name("config.example.toml")

_NAME = r"^[a-z0-9][a-z0-9._-]{0,63}$"
_GROUP_NAME = r"^[a-z0-9][a-z0-9._-]{0,63}\.[a-z0-9._-]{1,64}$"
_GROUP = "{group}"
_DURATION = re.compile(r"(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
_LAST_PORT = 65535
_SUFFIXES = {"csv": "csv", "xhtml": "xhtml", "html": "xhtml", "txt": "txt"}  # of a second format
_UNITS = ("weeks", "days", "hours", "minutes", "seconds")
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9]([A-Za-z0-9.-]{0,253}[A-Za-z0-9])?")
_RSYNC = re.compile(r"rsync://[A-Za-z0-9.\[\]:-]+(/[A-Za-z0-9._~-]+)+/?")
_REFERENCE = re.compile(r"(file|env|credential):(.+)")


def _duration(value: object) -> object:
    if not isinstance(value, str):
        return value
    found = _DURATION.fullmatch(value.strip())
    if not value.strip() or not found:
        raise ValueError("write a duration as 30s, 15m, 6h, 2d, 1w or a combination, 1h30m")
    try:
        return timedelta(**{unit: int(number or 0) for unit, number in zip(_UNITS, found.groups(), strict=True)})
    except OverflowError:
        raise ValueError("a duration of more than a million years") from None


def _interval(value: timedelta) -> timedelta:
    if value < timedelta(minutes=1):
        raise ValueError("at least one minute (1m): registries change every few days")
    return value


def _patience(value: timedelta) -> timedelta:
    if value < timedelta(seconds=1):
        raise ValueError("at least one second (1s)")
    return value


def _address(value: str) -> str:
    if not _ADDRESS.fullmatch(value):
        raise ValueError(f"{value!r} is not a mail address")
    return value


def _not_empty(values: tuple[str, ...]) -> tuple[str, ...]:
    if not values:
        raise ValueError("names nobody")
    return values


def _port_range(value: str) -> str:
    parse_ports(value)
    return value


def _http_url(value: str) -> str:
    return _url(value, ("http", "https"))


def _source_url(value: str) -> str:
    return _url(value, ("http", "https", "file"))


def _rsync_url(value: str) -> str:
    _url(value, ("rsync",))
    if not _RSYNC.fullmatch(value):
        raise ValueError("write it as rsync://HOST/MODULE/ or rsync://HOST/MODULE/FOLDER/")
    return value if value.endswith("/") else value + "/"


def _template(value: str) -> str:
    if _GROUP not in value or set("{}") & set(value.replace(_GROUP, "")):
        raise ValueError(f"holds {_GROUP} where the id of a group goes, and no other braces")
    _source_url(value.replace(_GROUP, "x"))
    return value


def _group_ids(values: tuple[str, ...]) -> tuple[str, ...]:
    found, refused = usable(values)
    if refused:
        raise ValueError(f"{refused[0]!r} is no id of a group (letters, digits and . _ -, at most 64) of its own")
    if len(found) < len(values):
        raise ValueError("a group is given twice")
    return values


def _hidden_url(value: object) -> HiddenUrl:
    text = value if isinstance(value, str) else ""
    return HiddenUrl(text if _REFERENCE.fullmatch(text) else _http_url(text))


def _listen(value: str) -> str:
    host, _, port = value.rpartition(":")
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        raise ValueError("write it as ADDRESS:PORT, 127.0.0.1:9876 or [::1]:9876") from None
    if not port.isdecimal() or int(port) > _LAST_PORT:
        raise ValueError("the port is not a number up to 65535")
    return value


def _some_time(value: timedelta) -> timedelta:
    if value < timedelta(seconds=1):
        raise ValueError("at least one second (1s)")
    return value


def _url(value: str, schemes: tuple[str, ...]) -> str:
    parts = urlsplit(value)
    if parts.scheme not in schemes:
        raise ValueError(f"a URL here begins with {', '.join(f'{scheme}:' for scheme in schemes)}")
    if parts.scheme != "file" and not parts.hostname:
        raise ValueError("the URL names no host")
    try:
        _ = parts.port
    except ValueError:
        raise ValueError("the URL's port is not a number up to 65535") from None
    if parts.username is not None or parts.password is not None:
        raise ValueError("a URL holds no user and password; it would end up in logs")
    return value


class SecretRef(str):
    """Where a secret is: `file:PATH`, `env:NAME` or `credential:NAME`. The secret itself is never kept here."""

    __slots__ = ()

    def read(self, folder: Path) -> str:
        """Return the secret. A relative path is under `folder`. Raises ConfigError where there is none."""
        kind, _, name = self.partition(":")
        if kind == "env":
            found = os.environ.get(name)
            if not found:
                raise ConfigError(f"{self}: the environment has no variable {name}")
            return found.removesuffix("\n")
        if kind == "credential":
            directory = os.environ.get("CREDENTIALS_DIRECTORY")
            if not directory:
                raise ConfigError(f"{self}: not started by systemd with LoadCredential={name}:…")
            return _secret_file(self, Path(directory) / name, private=False)
        return _secret_file(self, folder / name, private=True)


class HiddenUrl(str):
    """A URL that may hold a token, or where it is written; shown to nobody."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "HiddenUrl('***')"

    def read(self, folder: Path) -> str:
        """Return the URL. Raises ConfigError where the place it is written in cannot be read or holds none."""
        if not _REFERENCE.fullmatch(self):
            return str(self)
        try:
            return _http_url(SecretRef(self).read(folder).strip())
        except ValueError as error:
            raise ConfigError(f"{self:s}: {error}") from None


def _secret_file(reference: str, path: Path, *, private: bool) -> str:
    try:
        mode = path.stat().st_mode
        if private and mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise ConfigError(f"{reference}: {path} can be read or written by others; chmod 600 {path}")
        return path.read_text("utf-8").removesuffix("\n")
    except OSError as error:
        raise ConfigError(f"{reference}: {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{reference}: {path}: is not text") from None


def _secret(value: object) -> SecretRef:
    if not isinstance(value, str) or not _REFERENCE.fullmatch(value):
        raise ValueError('name where the secret is, "file:PATH", "env:NAME" or "credential:NAME", not the secret')
    return SecretRef(value)


Duration = Annotated[
    timedelta,
    BeforeValidator(_duration),
    PlainSerializer(lambda value: f"{int(value.total_seconds())}s"),
    WithJsonSchema({"type": "string", "description": "30s, 15m, 6h, 2d, 1w or a combination, 1h30m"}),
]
Secret = Annotated[SecretRef, BeforeValidator(_secret), WithJsonSchema({"type": "string"})]
Name = Annotated[str, Field(pattern=_NAME)]


HiddenUrlField = Annotated[
    HiddenUrl, BeforeValidator(_hidden_url), PlainSerializer(lambda _: "***"), WithJsonSchema({"type": "string"})
]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, arbitrary_types_allowed=True)


class StoreSettings(_Table):
    """[store]: where history and snapshots are kept; relative to the file."""

    path: Path = Path("history.db")
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
    sender: Annotated[str, AfterValidator(_address)] = Field(
        default_factory=lambda: f"registry-watcher@{_hostname()}", alias="from"
    )
    timeout: float = Field(30.0, gt=0, le=300)

    @model_validator(mode="before")
    @classmethod
    def _secure_by_default(cls, values: Any) -> Any:
        if isinstance(values, dict) and "security" not in values:
            local = _is_loopback(str(values.get("host", "localhost")))
            return {**values, "security": "none" if local else "starttls"}
        return values

    @model_validator(mode="after")
    def _no_password_in_the_clear(self) -> SmtpSettings:
        if self.security == "none" and self.password and not _is_loopback(self.host):
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
    failing_for: Annotated[Duration, AfterValidator(_some_time)] = Field(
        timedelta(days=1), description="or failed checks for so long"
    )


class SourceSettings(_Table):
    """[[source]]: where and how often one registry group is looked at."""

    name: Name
    type: Literal["registry"] = "registry"
    url: Annotated[str, AfterValidator(_source_url)]
    registry: str = "ports"
    format: Literal["xml", "csv", "tsv", "json", "jsonl", "record-jar", "xhtml", "txt"] = "xml"
    key: tuple[str, ...] = Field((), description="of a plain table: the columns that tell its rows apart")
    header: bool | None = Field(None, description="csv, tsv: whether the first row holds titles; seen from it if unset")
    columns: tuple[str, ...] = Field((), description="csv, tsv without titles: what the columns are called")
    path: str = Field("", description="json: where the list of rows is, dotted; the only list there is if unset")
    every: Annotated[Duration, AfterValidator(_interval)] = timedelta(hours=6)
    enabled: bool = True
    also: Annotated[str, AfterValidator(_source_url)] | None = Field(
        None, description="a second format of the same release, held against it (docs/held.md)"
    )
    also_format: Literal["csv", "xhtml", "txt"] | None = Field(None, description="its format; from its suffix if unset")
    believe: BelieveSettings = BelieveSettings()
    health: HealthSettings | None = Field(None, description="of this source; by default as in [health]")

    @property
    def second_format(self) -> str:
        """The format of `also`: as it is said, or as its name says."""
        suffix = (self.also or "").rpartition(".")[2].lower()
        return self.also_format or _SUFFIXES.get(suffix, "")

    @property
    def layout(self) -> Layout:
        """What the source's format has to be told about the document."""
        return Layout(header=False if self.columns else self.header, names=self.columns, path=self.path)

    @model_validator(mode="after")
    def _options_of_the_format(self) -> SourceSettings:
        if self.path and self.format != "json":
            raise ValueError('path is for format = "json"')
        if (self.header is not None or self.columns) and self.format not in ("csv", "tsv"):
            raise ValueError('header and columns are for format = "csv" and "tsv"')
        if self.header and self.columns:
            raise ValueError("columns name those of a table without titles, and header = true says that it has some")
        if self.also and self.format != "xml":
            raise ValueError('also is for format = "xml": a poorer format is held against it')
        if self.also and not self.second_format:
            raise ValueError('the name of also does not say its format; say also_format = "csv", "xhtml" or "txt"')
        if self.key and self.format == "xml":
            raise ValueError("key is for tables; the registry says what tells its records apart")
        return self


class GroupSettings(SourceSettings):
    """One group of a collection: a source made by us, named COLLECTION.GROUP in lower case."""

    name: Annotated[str, Field(pattern=_GROUP_NAME)]
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
            AfterValidator(_not_empty),
            AfterValidator(_group_ids),
            Field(json_schema_extra={"minItems": 1}),
        ]
        | None
    ) = None
    index: Annotated[str, AfterValidator(_source_url)] | None = None
    folder: Path | None = None
    rsync: Annotated[str, AfterValidator(_rsync_url)] | None = None
    url: Annotated[str, AfterValidator(_template)] = f"https://www.iana.org/assignments/{_GROUP}/{_GROUP}.xml"
    include: tuple[str, ...] = Field(("*",), description="globs of group ids")
    exclude: tuple[str, ...] = Field((), description="globs of group ids")
    registry: str = "iana"
    format: Literal["xml"] = "xml"
    every: Annotated[Duration, AfterValidator(_interval)] = timedelta(hours=24)
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


class _Channel(_Table):
    name: Name
    sources: tuple[str, ...] = Field(("*",), description="globs of source names")
    events: tuple[str, ...] = Field(("*",), description="globs of event ids")
    severity: Severity = Field(Severity.INFO, description="at least")
    ports: tuple[Annotated[str, AfterValidator(_port_range)], ...] = Field((), description="443, 8000-8100; none: all")
    operator: bool = Field(False, description="also told of what befalls the watcher itself")
    digest: Duration = Field(timedelta(), description="gather what comes within so long into one message; 0s: do not")
    most_per_hour: int | None = Field(None, ge=1, description="messages; what is more waits")
    enabled: bool = True


class EmailChannel(_Channel):
    """[[channel]] of type email."""

    type: Literal["email"]
    to: Annotated[
        tuple[Annotated[str, AfterValidator(_address)], ...],
        AfterValidator(_not_empty),
        Field(json_schema_extra={"minItems": 1}),
    ]


class WebhookChannel(_Channel):
    """[[channel]] of type webhook: Standard Webhooks, signed."""

    type: Literal["webhook"]
    url: Annotated[str, AfterValidator(_http_url)]
    secret: Secret
    timeout: float = Field(15.0, gt=0, le=120)


ChannelSettings = EmailChannel | WebhookChannel


class LogSettings(_Table):
    """[log]: to standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "text", "json"] = "auto"


class DaemonSettings(_Table):
    """[daemon]: docs/operation.md."""

    jitter: Duration = Field(timedelta(seconds=30), description="by which a look at a source may be late")
    hung_after: Annotated[Duration, AfterValidator(_patience)] = Field(
        timedelta(minutes=15), description="beyond its own deadlines; what takes longer is ended by the watchdog"
    )
    grace: Duration = Field(timedelta(seconds=20), description="for what is under way when it is told to stop")


class HeartbeatSettings(_Table):
    """[heartbeat]: a URL that is asked for while all is looked at in time: a dead man's switch elsewhere."""

    url: HiddenUrlField
    every: Annotated[Duration, AfterValidator(_some_time)] = timedelta(minutes=5)
    timeout: float = Field(10.0, gt=0, le=120)


class CanarySettings(_Table):
    """[canary]: a registry of our own that changes on a schedule, to prove the way to the channels that ask for it."""

    channels: Annotated[tuple[str, ...], AfterValidator(_not_empty), Field(json_schema_extra={"minItems": 1})]
    every: Annotated[Duration, AfterValidator(_interval)] = timedelta(days=1)

    @property
    def source(self) -> CanarySource:
        """The source that it is looked at as: often enough to see each change soon."""
        return CanarySource(name=CANARY, registry=CANARY, every=max(self.every / 4, timedelta(minutes=1)))


class MetricsSettings(_Table):
    """[metrics]: /metrics for Prometheus and /healthz, over HTTP."""

    listen: Annotated[str, AfterValidator(_listen)] = "127.0.0.1:9876"
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
    channel: tuple[Annotated[ChannelSettings, Field(discriminator="type")], ...] = ()
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


def load(path: Path, *, registries: Collection[str], events: Collection[str]) -> Settings:
    """Read a configuration. Raises ConfigError with everything that is wrong with it, one line for each."""
    try:
        if path.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise ConfigError(f"{path}: can be written by others; chmod go-w {path}")
        values = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file; `watcher config example > config.toml` writes one") from None
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not TOML: {error}") from None
    if "folder" in values:
        raise ConfigError(f"{path}: folder: unknown")
    problems: list[str] = []
    try:
        settings = Settings(**values, folder=path.resolve().parent)
    except ValidationError as error:
        problems += [f"{path}: {_told(problem)}" for problem in error.errors()]
        raise ConfigError(*problems) from None
    problems += [f"{path}: {problem}" for problem in _misfits(settings, registries, events)]
    if problems:
        raise ConfigError(*problems)
    folder = settings.folder
    store = StoreSettings(path=folder / settings.store.path, snapshots=folder / settings.store.snapshots)
    return settings.model_copy(update={"store": store})


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of a configuration file."""
    schema = Settings.model_json_schema(by_alias=True)
    del schema["properties"]["folder"]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def example() -> str:
    """Return a working, commented configuration."""
    return EXAMPLE_FILE.read_text("utf-8")


def _misfits(settings: Settings, registries: Collection[str], events: Collection[str]) -> list[str]:
    """What each table by itself cannot know."""
    found: list[str] = []
    for kind, names in (
        ("source", [source.name for source in settings.source]),
        ("channel", [channel.name for channel in settings.channel]),
    ):
        twice = sorted({name for name in names if names.count(name) > 1})
        found += [f"{kind}: the name {name!r} is given twice" for name in twice]
    for number, source in enumerate(settings.source):
        if source.registry not in registries:
            found.append(f"source[{number}].registry: unknown {source.registry!r}{_meant(source.registry, registries)}")
        found += [f"source[{number}].{problem}" for problem in _unreachable(source, settings)]
    for number, channel in enumerate(settings.channel):
        for pattern in channel.events:
            if not any(fnmatchcase(event, pattern) for event in events):
                found.append(f"channel[{number}].events: {pattern!r} matches no event{_meant(pattern, events)}")
    known = {*events, *NOTICES}
    for number, silence in enumerate(settings.silence):
        for pattern in silence.events:
            if not any(fnmatchcase(each, pattern) for each in known):
                found.append(f"silence[{number}].events: {pattern!r} matches no event{_meant(pattern, known)}")
    found += _canary_misfits(settings)
    found += [
        f"severity.{event}: unknown event{_meant(event, events)}" for event in settings.severity if event not in events
    ]
    return found


def _canary_misfits(settings: Settings) -> Iterator[str]:
    names = [channel.name for channel in settings.channel]
    for channel in settings.canary.channels if settings.canary else ():
        if channel not in names:
            yield f"canary.channels: there is no channel {channel!r}{_meant(channel, names)}"
    if any(source.name in (CANARY, WATCHER) for source in settings.source):
        yield f"source: the names {CANARY!r} and {WATCHER!r} are the watcher's own"


def _unreachable(source: AnySource, settings: Settings) -> Iterator[str]:
    """What keeps a source from being read, or from being told from others."""
    if not settings.fetch.allow_files:
        for place in ("url", "index", "also"):
            if (getattr(source, place, None) or "").startswith("file:"):
                yield f"{place}: file: URLs need allow_files = true in [fetch]"
        if isinstance(source, CollectionSettings) and source.folder is not None:
            yield "folder: a folder needs allow_files = true in [fetch]"
    for other in settings.collections:
        if source.name.startswith(f"{other.name}."):
            yield f"name: {source.name!r} would be a group of the collection {other.name!r}"


_BRANCH = 2


def _told(problem: Mapping[str, Any]) -> str:
    """One problem in plain words, with its place."""
    place = ""
    for number, step in enumerate(problem["loc"]):
        if number == _BRANCH and problem["loc"][0] in ("channel", "source"):  # of the union: not in the file
            continue
        place += f"[{step}]" if isinstance(step, int) else f".{step}" if place else str(step)
    kind, message = problem["type"], str(problem["msg"])
    if kind == "extra_forbidden":
        return f"{place}: unknown{_meant(str(problem['loc'][-1]), _KEYS)}"
    if kind == "missing":
        return f"{place}: is missing"
    if kind == "string_pattern_mismatch":
        return f"{place}: a name is of lower-case letters, digits and . _ -, at most 64"
    if kind in ("union_tag_not_found", "union_tag_invalid"):
        if problem["loc"][0] == "source":
            return f'{place}.type: a source has type = "registry", which need not be written, or type = "collection"'
        return f'{place}.type: a channel has type = "email" or type = "webhook"'
    message = message.removeprefix("Value error, ").removeprefix("Input should be ")
    return f"{place}: {message}"


def _meant(name: str, known: Collection[str]) -> str:
    close = difflib.get_close_matches(name, sorted(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _hostname() -> str:
    name = socket.gethostname()
    return name if _ADDRESS.fullmatch(f"x@{name}") else "localhost"


_KEYS = {
    alias
    for table in (
        Settings,
        StoreSettings,
        FetchSettings,
        SmtpSettings,
        SourceSettings,
        BelieveSettings,
        CollectionSettings,
        EmailChannel,
        WebhookChannel,
        LogSettings,
        DaemonSettings,
        HealthSettings,
        HeartbeatSettings,
        CanarySettings,
        MetricsSettings,
        SilenceSettings,
    )
    for name, info in table.model_fields.items()
    if (table, alias := info.alias or name) != (Settings, "folder")
}
