"""Reads a configuration once, not for each of the thousand monitors that a test opens with it: that takes 2 ms each."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from watcher.cli.context import load_settings
from watcher.config.settings import Settings


@lru_cache(maxsize=8)
def _load(config: Path, text: bytes) -> Settings:
    return load_settings(config)


def load_once(config: Path) -> Settings:
    """Return the settings of a configuration; they are read again when its text changed."""
    return _load(config, config.read_bytes())
