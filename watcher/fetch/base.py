"""How something is fetched, and what comes of it: the types that fetchers and their callers share.

Apart from it because it loads a client for HTTP, and who has the bytes already needs none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How we fetch. Times are seconds; `max_bytes` counts what was decoded.

    `deadline` holds for a whole fetch with its redirects and retries. `allow_hosts` are those that a redirect may
    lead to besides the host it starts from. The proxy is never taken from the environment; behind one, only it sees
    which address a name stands for. `ca_file` is a bundle of certificate authorities in place of the shipped one.
    """

    contact: str = ""
    connect_timeout: float = 10
    read_timeout: float = 30
    deadline: float = 120
    max_bytes: int = 64 * 2**20
    attempts: int = 3
    backoff: float = 1.0
    allow_files: bool = False
    allow_private: bool = False
    allow_hosts: tuple[str, ...] = ()
    proxy: str | None = None
    ca_file: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Validators:
    """What a server calls the state of a resource: sent back to it, so that it can answer "not modified"."""

    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """A whole answer: `url` is where it came from in the end, `body` is decoded and otherwise untouched."""

    body: bytes
    url: str
    validators: Validators
    media_type: str | None = None
    charset: str | None = None
    status: int = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class NotModified:
    """The server has nothing newer than what `validators` name."""

    validators: Validators


class Fetcher(Protocol):
    """What a release comes from: the network, or the list of what a folder holds. Raises FetchError."""

    def fetch(self, url: str, validators: Validators | None = None) -> Response | NotModified: ...
