"""The table [[inventory]]: a list of your own that history and subscriptions can be limited to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field, model_validator

from watcher.config.table import SettingsTable
from watcher.config.value_types import Name
from watcher.core.lazy import load

if TYPE_CHECKING:
    from watcher.inventory import catalog
else:
    catalog = load("list_formats")  # a configuration without lists does without their readers


class InventorySettings(SettingsTable):
    """[[inventory]]: a list of your own, of ports, services or code points (docs/audit.md)."""

    name: Name
    file: Path = Field(description="the list; it is read again when it changes")
    format: str = Field("", description="its format; empty: as its text has it")
    source: str = Field("", description="the source that it is about; empty: that of ports, or by `registry`")
    registry: str = Field("", description="the registry group that it is about, in any source: tls-parameters")
    table: str = Field("", description="of a group with several registries: the id of one, tls-parameters-4")

    @model_validator(mode="after")
    def _known_format(self) -> InventorySettings:
        if self.format and self.format not in catalog.LIST_FORMATS:
            raise ValueError(f"format must be one of {', '.join(catalog.LIST_FORMATS)}")
        if self.source and self.registry:
            raise ValueError("give source or registry, not both")
        return self


def list_format_names() -> list[str]:
    """Return the values that `format` can have."""
    return ["", *catalog.LIST_FORMATS]
