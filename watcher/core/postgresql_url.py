"""The address of a PostgreSQL database."""

from __future__ import annotations

import re


class PostgresqlUrl(str):
    """The address of a PostgreSQL database, `postgresql://USER@HOST:PORT/DATABASE?OPTION=VALUE`, as libpq reads it.

    The history is in the first schema of the search path: `?options=-csearch_path%3DNAME`.
    """

    __slots__ = ()


def is_postgresql(text: str) -> bool:
    """Return whether a text is meant to be such an address."""
    return text.startswith(("postgresql:", "postgres:"))


def parse_url(text: str) -> PostgresqlUrl:
    """Return an address. Raises ValueError for one of something else, or with a password, which others could read."""
    match = re.match(r"postgres(?:ql)?://(?P<user>[^@/?]*@)?", text)
    if match is None:
        raise ValueError("must begin with postgresql://")
    if ":" in (match["user"] or "") or re.search(r"[?&](?:password|sslpassword)=", text):
        raise ValueError("must have no password; put it into ~/.pgpass, or name a file with it in passfile=")
    return PostgresqlUrl(text)
