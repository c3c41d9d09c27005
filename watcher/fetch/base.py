"""The types that fetchers and their callers share. They load no HTTP client: commands that only read need none."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from msgspec import Struct


class Policy(Struct, frozen=True, kw_only=True):
    """The limits and permissions of a fetcher, in seconds and bytes."""

    contact: str = ""
    connect_timeout: float = 10
    read_timeout: float = 30
    deadline: float = 120  # of a whole fetch with its redirects and retries
    max_bytes: int = 64 * 2**20  # of the decoded body
    attempts: int = 3
    backoff: float = 1.0
    allow_files: bool = False
    allow_private: bool = False
    allow_hosts: tuple[str, ...] = ()  # the other hosts that a redirect may lead to
    proxy: str | None = None  # never from the environment; behind a proxy, only the proxy resolves names
    ca_file: Path | str | None = None  # certificate authorities that are trusted besides those of this machine


class Validators(Struct, frozen=True, kw_only=True):
    """A server's names for the state of a resource. A request sends them back, so that it can answer "not modified"."""

    etag: str | None = None
    last_modified: str | None = None


class Response(Struct, frozen=True, kw_only=True):
    """A complete response. `url` is the last one after redirects; `body` is decoded and otherwise untouched."""

    body: bytes
    url: str
    validators: Validators


class NotModified(Struct, frozen=True, kw_only=True):
    """The server has nothing newer than the state that `validators` name."""

    validators: Validators


class Fetcher(Protocol):
    """Gets the bytes of a release: from the network, from a folder, or from the canary. Raises FetchError."""

    def fetch(self, url: str, validators: Validators | None = None) -> Response | NotModified: ...
