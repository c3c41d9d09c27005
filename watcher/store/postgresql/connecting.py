"""Connects to a PostgreSQL server, for the history and for what workers share."""

from __future__ import annotations

import os
import secrets
import socket
from functools import cache
from typing import Any

import psycopg
from psycopg.types.string import StrDumperUnknown

from watcher.core.postgresql_url import PostgresqlUrl

_CONNECT_SECONDS = 10
_LONGEST_NAME = 63  # bytes of a session's name; the server cuts the rest
# A host that loses its power says nothing: both sides notice it within half a minute. On a Unix socket this is ignored.
_IDLE, _INTERVAL, _COUNT = 15, 5, 3
_SERVER_KEEPALIVE = (
    f"SET tcp_keepalives_idle = {_IDLE}; SET tcp_keepalives_interval = {_INTERVAL}; SET tcp_keepalives_count = {_COUNT}"
)


class _TextDumper(StrDumperUnknown):
    """Passes a text on without NUL, which PostgreSQL's texts cannot have.

    No registry's text has one: every reader refuses it. It can be in a question, or in what a server answered.
    """

    def dump(self, obj: str) -> Any:
        return super().dump(obj.replace("\0", "\ufffd") if "\0" in obj else obj)


@cache
def _make_token(process: int) -> str:  # noqa: ARG001 - a forked child is another process
    return secrets.token_hex(4)


def name_session() -> str:
    """Return the name of this process's sessions. No other process has it; people see the host and the process id."""
    process = os.getpid()
    begin, end = f"watcher {_make_token(process)} (", f", process {process})"
    host = socket.gethostname().encode("ascii", "replace").decode()
    room = _LONGEST_NAME - len(begin) - len(end)
    return begin + (host if len(host) <= room else f"{host[: room - 3]}...") + end


def connect(url: PostgresqlUrl) -> psycopg.Connection[tuple[Any, ...]]:
    """Return a connection in which each statement is a transaction. Raises psycopg.Error."""
    connection = psycopg.connect(
        url,
        autocommit=True,
        connect_timeout=_CONNECT_SECONDS,
        client_encoding="utf-8",
        application_name=name_session(),
        keepalives_idle=_IDLE,
        keepalives_interval=_INTERVAL,
        keepalives_count=_COUNT,
    )
    connection.execute(_SERVER_KEEPALIVE.encode())
    connection.adapters.register_dumper(str, _TextDumper)
    return connection
