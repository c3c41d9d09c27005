"""The settings that reading the history needs. They are read without pydantic, even if other settings are wrong."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from watcher.core.errors import ConfigError
from watcher.core.lazy import load
from watcher.core.model import CANARY, Severity
from watcher.core.operator_files import read_operator_file, require_unchangeable
from watcher.core.postgresql_url import parse_url
from watcher.core.read_settings import ReadSettings
from watcher.core.times import parse_duration, to_text
from watcher.store.archive_location import locate_archive

if TYPE_CHECKING:
    from watcher.core import event_filter
    from watcher.core.event_filter import IgnoreRule
    from watcher.store.archive_location import ArchiveLocation
    from watcher.store.location import HistoryLocation
else:
    event_filter = load("event_filter")  # only where there are rules

MOST_BYTES = 32 * 2**20  # of a configuration: 100,000 sources take 15 MB
HISTORY, SNAPSHOTS = "history.db", "snapshots"
# The time between two checks of a source, by its type.
DEFAULT_INTERVALS = {"registry": timedelta(hours=6), "collection": timedelta(hours=24), "canary": timedelta(days=1)}


class SourceOverview(Struct, frozen=True, kw_only=True):
    """A source as far as reading needs it: one registry group or, `collection`, many.

    `read_settings` are those of one registry group.
    """

    name: str
    every: timedelta
    enabled: bool = True
    collection: bool = False
    read_settings: ReadSettings | None = None


class ConfigOverview(Struct, frozen=True, kw_only=True):
    """The settings that reading needs. `severities` are by event id; `channels` are names; `address`: of [web]."""

    history: HistoryLocation
    archive: ArchiveLocation
    sources: tuple[SourceOverview, ...]
    channels: frozenset[str]
    severities: Mapping[str, Severity]
    address: str = ""
    ignored: tuple[IgnoreRule, ...] = ()


def read_tables(path: Path) -> dict[str, Any]:
    """Return the tables of a file. Raises ConfigError: missing, no file, not TOML, or to be changed by others."""
    try:
        data, status = read_operator_file(path, most=MOST_BYTES)
        require_unchangeable(path, status)
        tables = tomllib.loads(data.decode("utf-8-sig"))
        place = _find_nul(tables)
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file; `watcher init` writes one") from None
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    except RecursionError:
        raise ConfigError(f"{path}: not TOML: values are nested too deep") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not TOML: {error}") from None
    except ValueError:
        raise ConfigError(f"{path}: not TOML: a number has thousands of digits") from None
    if place is not None:
        raise ConfigError(f"{path}: {place.removeprefix('.')}: a text cannot have a NUL character")
    return tables


def _find_nul(value: object) -> str | None:
    """Return the place of a text with a NUL, which no path, name or address can have; None without one."""
    if isinstance(value, str):
        return "" if "\0" in value else None
    steps: Iterable[tuple[str, object]] = ()
    if isinstance(value, dict):
        steps = ((f".{name}", inner) for name, inner in value.items())
    elif isinstance(value, list):
        steps = ((f"[{number}]", inner) for number, inner in enumerate(value))
    for step, inner in steps:
        if (place := _find_nul(inner)) is not None:
            return step + place
    return None


def canary_check_interval(every: timedelta) -> timedelta:
    """Return how often to check a canary that changes `every` so often, so that each change is seen soon."""
    return max(every / 4, timedelta(minutes=1))


def load_overview(path: Path) -> ConfigOverview:
    """Return the overview of a configuration. Raises ConfigError with the first mistake that concerns it."""
    tables = read_tables(path)
    try:
        store, canary = tables.get("store", {}), tables.get("canary")
        sources = [_source(table) for table in tables.get("source", ())]
        if canary is not None:
            sources.append(SourceOverview(name=CANARY, every=canary_check_interval(_interval(canary, "canary"))))
        return ConfigOverview(
            history=parse_url(store["url"]) if "url" in store else path.resolve().parent / store.get("path", HISTORY),
            archive=locate_archive(path.resolve().parent / store.get("snapshots", SNAPSHOTS), store.get("objects")),
            sources=tuple(sources),
            channels=frozenset(str(table["name"]) for table in tables.get("channel", ())),
            severities={event: Severity(word) for event, word in tables.get("severity", {}).items()},
            address=str(tables.get("web", {}).get("address", "")),
            ignored=tuple(map(_rule, tables.get("ignore", ()))),
        )
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
        raise ConfigError(f"{path}: {error}; `watcher config check` says what is wrong") from None


def _rule(table: Mapping[str, Any]) -> IgnoreRule:
    until = to_text(table["until"]) if "until" in table else ""
    return event_filter.IgnoreRule(
        filter=event_filter.EventFilter.from_table(table), reason=str(table["reason"]), until=until
    )


def _source(table: Mapping[str, Any]) -> SourceOverview:
    kind = table.get("type", "registry")
    return SourceOverview(
        name=str(table["name"]),
        every=_interval(table, kind),
        enabled=table.get("enabled", True) is True,
        collection=kind == "collection",
        read_settings=_read_settings(table) if kind == "registry" else None,
    )


def _read_settings(table: Mapping[str, Any]) -> ReadSettings:
    configured = ReadSettings.from_table(table)
    return configured.without_layout() if "also" in table else configured


def _interval(table: Mapping[str, Any], kind: str) -> timedelta:
    return parse_duration(table["every"]) if "every" in table else DEFAULT_INTERVALS[kind]
