"""What a value in the configuration may be: durations, addresses, URLs, names, where a secret is. Knows no table."""

from __future__ import annotations

import ipaddress
import os
import re
import socket
import stat
from datetime import timedelta
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import (
    BeforeValidator,
    Field,
    PlainSerializer,
    WithJsonSchema,
)

from watcher.core.errors import ConfigError
from watcher.core.port_ranges import parse_ports
from watcher.core.tables import usable
from watcher.core.times import duration

_NAME = r"^[a-z0-9][a-z0-9._-]{0,63}$"
GROUP_NAME = r"^[a-z0-9][a-z0-9._-]{0,63}\.[a-z0-9._-]{1,64}$"
GROUP = "{group}"
_LAST_PORT = 65535
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9]([A-Za-z0-9.-]{0,253}[A-Za-z0-9])?")
_RSYNC = re.compile(r"rsync://[A-Za-z0-9.\[\]:-]+(/[A-Za-z0-9._~-]+)+/?")
_REFERENCE = re.compile(r"(file|env|credential):(.+)")


def _duration(value: object) -> object:
    return duration(value) if isinstance(value, str) else value


def interval(value: timedelta) -> timedelta:
    if value < timedelta(minutes=1):
        raise ValueError("at least one minute (1m): registries change every few days")
    return value


def address(value: str) -> str:
    if not _ADDRESS.fullmatch(value):
        raise ValueError(f"{value!r} is not a mail address")
    return value


def not_empty(values: tuple[str, ...]) -> tuple[str, ...]:
    if not values:
        raise ValueError("names nobody")
    return values


def port_range(value: str) -> str:
    parse_ports(value)
    return value


def http_url(value: str) -> str:
    return _url(value, ("http", "https"))


def source_url(value: str) -> str:
    return _url(value, ("http", "https", "file"))


def rsync_url(value: str) -> str:
    _url(value, ("rsync",))
    if not _RSYNC.fullmatch(value):
        raise ValueError("write it as rsync://HOST/MODULE/ or rsync://HOST/MODULE/FOLDER/")
    return value if value.endswith("/") else value + "/"


def template(value: str) -> str:
    if GROUP not in value or set("{}") & set(value.replace(GROUP, "")):
        raise ValueError(f"holds {GROUP} where the id of a group goes, and no other braces")
    source_url(value.replace(GROUP, "x"))
    return value


def group_ids(values: tuple[str, ...]) -> tuple[str, ...]:
    found, refused = usable(values)
    if refused:
        raise ValueError(f"{refused[0]!r} is no id of a group (letters, digits and . _ -, at most 64) of its own")
    if len(found) < len(values):
        raise ValueError("a group is given twice")
    return values


def _hidden_url(value: object) -> HiddenUrl:
    text = value if isinstance(value, str) else ""
    return HiddenUrl(text if _REFERENCE.fullmatch(text) else http_url(text))


def listen(value: str) -> str:
    host, _, port = value.rpartition(":")
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        raise ValueError("write it as ADDRESS:PORT, 127.0.0.1:9876 or [::1]:9876") from None
    if not port.isdecimal() or int(port) > _LAST_PORT:
        raise ValueError("the port is not a number up to 65535")
    return value


def some_time(value: timedelta) -> timedelta:
    if value < timedelta(seconds=1):
        raise ValueError("at least one second (1s)")
    return value


def _url(value: str, schemes: tuple[str, ...]) -> str:
    parts = urlsplit(value)
    if parts.scheme not in schemes:
        raise ValueError(f"a URL here begins with {', '.join(f'{scheme}:' for scheme in schemes)}")
    if parts.scheme != "file" and not parts.hostname:
        raise ValueError("the URL names no host")
    try:
        _ = parts.port
    except ValueError:
        raise ValueError("the URL's port is not a number up to 65535") from None
    if parts.username is not None or parts.password is not None:
        raise ValueError("a URL holds no user and password; it would end up in logs")
    return value


class SecretRef(str):
    """Where a secret is: `file:PATH`, `env:NAME` or `credential:NAME`. The secret itself is never kept here."""

    __slots__ = ()

    def read(self, folder: Path) -> str:
        """Return the secret. A relative path is under `folder`. Raises ConfigError where there is none."""
        kind, _, name = self.partition(":")
        if kind == "env":
            found = os.environ.get(name)
            if not found:
                raise ConfigError(f"{self}: the environment has no variable {name}")
            return found.removesuffix("\n")
        if kind == "credential":
            directory = os.environ.get("CREDENTIALS_DIRECTORY")
            if not directory:
                raise ConfigError(f"{self}: not started by systemd with LoadCredential={name}:…")
            return _secret_file(self, Path(directory) / name, private=False)
        return _secret_file(self, folder / name, private=True)


class HiddenUrl(str):
    """A URL that may hold a token, or where it is written; shown to nobody."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "HiddenUrl('***')"

    def read(self, folder: Path) -> str:
        """Return the URL. Raises ConfigError where the place it is written in cannot be read or holds none."""
        if not _REFERENCE.fullmatch(self):
            return str(self)
        try:
            return http_url(SecretRef(self).read(folder).strip())
        except ValueError as error:
            raise ConfigError(f"{self:s}: {error}") from None


def _secret_file(reference: str, path: Path, *, private: bool) -> str:
    try:
        mode = path.stat().st_mode
        if private and mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise ConfigError(f"{reference}: {path} can be read or written by others; chmod 600 {path}")
        return path.read_text("utf-8").removesuffix("\n")
    except OSError as error:
        raise ConfigError(f"{reference}: {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{reference}: {path}: is not text") from None


def _secret(value: object) -> SecretRef:
    if not isinstance(value, str) or not _REFERENCE.fullmatch(value):
        raise ValueError('name where the secret is, "file:PATH", "env:NAME" or "credential:NAME", not the secret')
    return SecretRef(value)


Duration = Annotated[
    timedelta,
    BeforeValidator(_duration),
    PlainSerializer(lambda value: f"{int(value.total_seconds())}s"),
    WithJsonSchema({"type": "string", "description": "30s, 15m, 6h, 2d, 1w or a combination, 1h30m"}),
]
Secret = Annotated[SecretRef, BeforeValidator(_secret), WithJsonSchema({"type": "string"})]
Name = Annotated[str, Field(pattern=_NAME)]


HiddenUrlField = Annotated[
    HiddenUrl, BeforeValidator(_hidden_url), PlainSerializer(lambda _: "***"), WithJsonSchema({"type": "string"})
]


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def hostname() -> str:
    name = socket.gethostname()
    return name if _ADDRESS.fullmatch(f"x@{name}") else "localhost"
