"""The table [[inventory]]: a list of your own that history and subscriptions can be limited to."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, model_validator

from watcher.config.table import SettingsTable
from watcher.config.value_types import Name
from watcher.inventory.catalog import LIST_FORMATS


class InventorySettings(SettingsTable):
    """[[inventory]]: a list of your own, of ports, services or code points (docs/audit.md)."""

    name: Name
    file: Path = Field(description="the list; it is read again when it changes")
    format: str = Field(
        "", description="its format; empty: as its text has it", json_schema_extra={"enum": ["", *LIST_FORMATS]}
    )
    source: str = Field("", description="the source that it is about; empty: that of ports, or by `registry`")
    registry: str = Field("", description="the registry group that it is about, in any source: tls-parameters")
    table: str = Field("", description="of a group with several registries: the id of one, tls-parameters-4")

    @model_validator(mode="after")
    def _known_format(self) -> InventorySettings:
        if self.format and self.format not in LIST_FORMATS:
            raise ValueError(f"format must be one of {', '.join(LIST_FORMATS)}")
        if self.source and self.registry:
            raise ValueError("give source or registry, not both")
        return self
