"""The table [web]: the pages for people, and the address under which messages refer to them."""

from __future__ import annotations

from urllib.parse import urlsplit

from pydantic import Field, StrictInt, field_validator, model_validator

from watcher.config.table import SettingsTable
from watcher.config.value_types import HttpUrl, ListenAddress, Secret, ServerName, is_loopback


class WebSettings(SettingsTable):
    """[web]: the pages for people (docs/web.md). Messages have permanent links if `address` is set."""

    address: HttpUrl | None = Field(
        None, description="the URL of its first page, https://watcher.example.org/; unset: messages have no links to it"
    )

    listen: ListenAddress | None = Field(
        None, description="ADDRESS:PORT at which the daemon serves the pages; unset: it serves none"
    )
    hosts: tuple[ServerName, ...] = Field((), description="host names it answers to, besides addresses and localhost")
    token: Secret | None = Field(
        None,
        description="where the token is that readers and operators need: file:PATH, env:NAME or credential:NAME; "
        "required beyond loopback; without one nobody can accept, reject or acknowledge on a page",
    )
    requests_per_minute: StrictInt = Field(
        1_200, ge=60, le=10_000_000, description="what one client may ask for; a search counts as four"
    )

    @model_validator(mode="after")
    def _token_beyond_loopback(self) -> WebSettings:
        if (
            self.listen is not None
            and self.token is None
            and not is_loopback(self.listen.rpartition(":")[0].strip("[]"))
        ):
            raise ValueError("listen: other machines reach this address; set token, or listen on 127.0.0.1")
        return self

    @field_validator("address")
    @classmethod
    def _base_url(cls, value: str | None) -> str | None:
        parts = urlsplit(value or "")
        if parts.query or parts.fragment or (value or "").endswith(("?", "#")):
            raise ValueError("must be the URL of a first page, without ? and #")
        return value
