"""The table that says when a release of a source is held."""

from __future__ import annotations

from pydantic import Field, StrictFloat, StrictInt

from watcher.config.table import SettingsTable

_MOST_ENTRIES = 10**9  # more than any document has


class HoldSettings(SettingsTable):
    """[source.hold]: when a release of a source is held (docs/held.md)."""

    min_entries: StrictInt | None = Field(
        None, ge=0, le=_MOST_ENTRIES, description="hold a release with fewer entries, whatever confirms it"
    )
    max_entries: StrictInt | None = Field(
        None, ge=0, le=_MOST_ENTRIES, description="hold a release with more entries, whatever confirms it"
    )
    max_gone: StrictFloat = Field(
        0.2, gt=0, le=1, description="the largest share of entries that may be removed without a later date"
    )
    max_gone_entries: StrictInt = Field(
        500,
        ge=0,
        le=_MOST_ENTRIES,
        description="the largest number of entries that may be removed without a later date",
    )
    max_gone_dated: StrictFloat = Field(
        0.95, gt=0, le=1, description="the largest share of entries that may be removed under a later date"
    )
    confirm_after: StrictInt = Field(2, ge=1, le=100, description="checks in a row that confirm a held release")
