"""The types that fetchers and their callers share. They load no HTTP client: commands that only read need none."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Validators:
    """A server's names for the state of a resource. A request sends them back, so that it can answer "not modified"."""

    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """A complete response. `url` is the last one after redirects; `body` is decoded and otherwise untouched."""

    body: bytes
    url: str
    validators: Validators


@dataclass(frozen=True, slots=True, kw_only=True)
class NotModified:
    """The server has nothing newer than the state that `validators` name."""

    validators: Validators


class Fetcher(Protocol):
    """Gets the bytes of a release: from the network, from a folder, or from the canary. Raises FetchError."""

    def fetch(self, url: str, validators: Validators | None = None) -> Response | NotModified: ...
