"""What reading the history needs of config.toml: where the history is, what is looked at and how often, severities.

A mistake in a channel must keep nobody from the history, and a command that only reads is to answer at once: so this
is read without the bounds of every table. Whatever fetches, writes or sends reads all of them (`config`).
"""

from __future__ import annotations

import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from watcher.config.defaults import EVERY, often
from watcher.core.errors import ConfigError
from watcher.core.model import CANARY, Severity
from watcher.core.times import duration

HISTORY = "history.db"


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A source: a registry group or, `collection`, many."""

    name: str
    every: timedelta
    enabled: bool = True
    collection: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigOverview:
    """`severities` are by event id, `channels` by name."""

    history: Path
    sources: tuple[Watched, ...]
    channels: frozenset[str]
    severities: Mapping[str, Severity]


def tables(path: Path) -> dict[str, Any]:
    """Read a configuration's tables. Raises ConfigError where it is not there, not TOML, or others may write it."""
    try:
        if path.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise ConfigError(f"{path}: can be written by others; chmod go-w {path}")
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file; `watcher config example > config.toml` writes one") from None
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not TOML: {error}") from None


def outline(path: Path) -> ConfigOverview:
    """Read the outline of a configuration. Raises ConfigError with the first thing in it that cannot be read."""
    found = tables(path)
    try:
        store, canary = found.get("store", {}), found.get("canary")
        sources = [_watched(table) for table in found.get("source", ())]
        if canary is not None:
            sources.append(Watched(name=CANARY, every=often(_every(canary, "canary"))))
        return ConfigOverview(
            history=path.resolve().parent / store.get("path", HISTORY),
            sources=tuple(sources),
            channels=frozenset(str(table["name"]) for table in found.get("channel", ())),
            severities={event: Severity(word) for event, word in found.get("severity", {}).items()},
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ConfigError(f"{path}: {error}; `watcher config check` says what is wrong") from None


def _watched(table: Mapping[str, Any]) -> Watched:
    kind = table.get("type", "registry")
    return Watched(
        name=str(table["name"]),
        every=_every(table, kind),
        enabled=table.get("enabled", True) is True,
        collection=kind == "collection",
    )


def _every(table: Mapping[str, Any], kind: str) -> timedelta:
    return duration(table["every"]) if "every" in table else EVERY[kind]
