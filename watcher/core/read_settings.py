"""The settings that decide how a stored release is read: its rules, its format, its key and its columns.

The history keeps those that it was derived with, so that a change of them is seen.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Self

from msgspec.structs import asdict, replace

from watcher.core.tables import LAYOUT_HELP, Layout


class ReadSettings(Layout, frozen=True, kw_only=True):
    """The settings of one source that its history depends on, under their names in the configuration."""

    registry: str = "ports"
    format: str = "xml"
    key: tuple[str, ...] = ()
    renames: bool = False
    title: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()

    @property
    def layout(self) -> Layout:
        return Layout(**{name: getattr(self, name) for name in Layout.__struct_fields__})

    def without_layout(self) -> Self:
        """Return the settings without the layout, for a source where it describes the second format only."""
        return replace(self, **asdict(Layout()))

    @classmethod
    def from_table(cls, table: Mapping[str, Any]) -> Self:
        """Return the read settings in a table of the configuration; its other settings are ignored."""
        given: dict[str, Any] = {name: table[name] for name in cls.__struct_fields__ if name in table}
        given |= {name: tuple(value) for name, value in given.items() if isinstance(value, list)}
        if isinstance(given.get("comment"), str):
            given["comment"] = (given["comment"],)
        return cls(**given)

    @classmethod
    def from_text(cls, text: str) -> Self:
        return cls.from_table(json.loads(text))

    def to_text(self) -> str:
        """Return a JSON object of the settings that do not have their default, so that new ones can be added."""
        defaults = asdict(ReadSettings())
        changed = {name: value for name, value in asdict(self).items() if value != defaults[name]}
        return json.dumps({"registry": self.registry, "format": self.format, **changed}, ensure_ascii=False)

    def changes_from_text(self, text: str) -> tuple[str, ...]:
        """Return what differs from the settings of a text; () if the text is empty: they were not recorded."""
        return self.changes_from(ReadSettings.from_text(text)) if text else ()

    def changes_from(self, old: Self | None) -> tuple[str, ...]:
        """Return what differs from older settings, `key: unset → ["ISO"]`; nothing if there are no older ones."""
        if old is None:
            return ()
        before, after = asdict(old), asdict(self)
        return tuple(
            f"{name}: {_describe(before[name])} → {_describe(after[name])}"
            for name in sorted(after, key=lambda name: name in LAYOUT_HELP)
            if before[name] != after[name]
        )


def _describe(value: object) -> str:
    return "unset" if value in ((), "", None) else json.dumps(value, ensure_ascii=False)
