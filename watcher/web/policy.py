"""What a route asks of a client and allows to caches. Every route has one of the policies below the classes."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Access(StrEnum):
    """Who may use a route."""

    OPEN = "open"  # everybody who reaches the server
    MONITORING = "monitoring"  # as open: what monitoring systems ask for
    READER = "reader"  # if there is a token, those who have it
    OPERATOR = "operator"  # those who have the token; without one nobody


class Cache(StrEnum):
    """The Cache-Control of a response with status 200; every other response has `NEVER`."""

    NEVER = "no-store"
    REVALIDATE = "private, no-cache"  # with an ETag; `private`: a page can show who is signed in
    FOREVER = "public, max-age=31536000, immutable"  # the link changes with the content


class RoutePolicy(NamedTuple):
    """`cost` is what one request takes from the requests that a client may make in a minute."""

    access: Access
    cache: Cache
    cost: int


STATIC = RoutePolicy(Access.OPEN, Cache.FOREVER, 1)
MONITOR = RoutePolicy(Access.MONITORING, Cache.NEVER, 1)
READ = RoutePolicy(Access.READER, Cache.REVALIDATE, 1)
REDIRECT = RoutePolicy(Access.READER, Cache.NEVER, 1)
SEARCH = RoutePolicy(Access.READER, Cache.REVALIDATE, 4)  # takes the server several times as long as a page
STREAM = RoutePolicy(Access.READER, Cache.NEVER, 10)
SIGN_IN_FORM = RoutePolicy(Access.OPEN, Cache.NEVER, 1)
SIGN_IN = RoutePolicy(Access.OPEN, Cache.NEVER, 24)  # ten guesses in a row, then less than one a second
SIGN_OUT = RoutePolicy(Access.OPEN, Cache.NEVER, 1)
DECIDE = RoutePolicy(Access.OPERATOR, Cache.NEVER, 4)
