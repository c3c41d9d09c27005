"""The table [web]: the web interface, as far as messages refer to it."""

from __future__ import annotations

from urllib.parse import urlsplit

from pydantic import Field, field_validator

from watcher.config.table import SettingsTable
from watcher.config.value_types import HttpUrl


class WebSettings(SettingsTable):
    """[web]: where people reach the web interface. Messages have permanent links if `address` is set."""

    address: HttpUrl | None = Field(
        None, description="the URL of its first page, https://watcher.example.org/; unset: messages have no links to it"
    )

    @field_validator("address")
    @classmethod
    def _base_url(cls, value: str | None) -> str | None:
        parts = urlsplit(value or "")
        if parts.query or parts.fragment or (value or "").endswith(("?", "#")):
            raise ValueError("must be the URL of a first page, without ? and #")
        return value
