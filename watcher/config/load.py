"""config.toml to `Settings`: every problem at once, each with its place, in words of the person who wrote it.

Knows files and the environment, and no registry, format or event: they are handed in.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from pydantic import (
    ValidationError,
)

from watcher.config.overview import tables
from watcher.config.settings import (
    AnySource,
    BelieveSettings,
    CanarySettings,
    CollectionSettings,
    DaemonSettings,
    EmailSettings,
    FetchSettings,
    HealthSettings,
    HeartbeatSettings,
    LogSettings,
    MetricsSettings,
    Settings,
    SilenceSettings,
    SmtpSettings,
    SourceSettings,
    StoreSettings,
    WebhookSettings,
)
from watcher.config.source_format import format_problems, list_formats
from watcher.core.errors import ConfigError
from watcher.core.model import CANARY
from watcher.core.operations import NOTICES, WATCHER
from watcher.formats.base import Format

EXAMPLE_FILE = Path(__file__).with_name("config.example.toml")


def load(
    path: Path, *, registries: Collection[str], formats: Mapping[str, Format], events: Collection[str]
) -> Settings:
    """Read a configuration. Raises ConfigError with everything that is wrong with it, one line for each."""
    values = tables(path)
    if "folder" in values:
        raise ConfigError(f"{path}: folder: unknown")
    problems: list[str] = []
    try:
        settings = Settings(**values, folder=path.resolve().parent)
    except ValidationError as error:
        problems += [f"{path}: {_told(problem)}" for problem in error.errors()]
        raise ConfigError(*problems) from None
    problems += [f"{path}: {problem}" for problem in _misfits(settings, registries, formats, events)]
    if problems:
        raise ConfigError(*problems)
    folder = settings.folder
    store = StoreSettings(path=folder / settings.store.path, snapshots=folder / settings.store.snapshots)
    return settings.model_copy(update={"store": store})


def json_schema(formats: Mapping[str, Format]) -> dict[str, Any]:
    """Return the JSON Schema of a configuration file."""
    schema = Settings.model_json_schema(by_alias=True)
    list_formats(schema, formats)
    del schema["properties"]["folder"]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def example() -> str:
    """Return a working, commented configuration."""
    return EXAMPLE_FILE.read_text("utf-8")


def _misfits(
    settings: Settings, registries: Collection[str], formats: Mapping[str, Format], events: Collection[str]
) -> list[str]:
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
        if isinstance(source, SourceSettings):
            found += [f"source[{number}].{problem}" for problem in format_problems(source, formats)]
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
        EmailSettings,
        WebhookSettings,
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
