"""The types of single values in the configuration: addresses, URLs, names, references to secrets."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import os
import re
import socket
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, WithJsonSchema

from watcher.core.documents import parse_document
from watcher.core.errors import ConfigError
from watcher.core.operator_files import read_operator_file, require_private
from watcher.core.patterns import regex
from watcher.core.port_ranges import parse_ports
from watcher.core.tables import split_usable_ids

GROUP = "{group}"
_LAST_PORT = 65535
_ATOM = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
# RFC 5321 section 4.1.2, without quoted strings and addresses of hosts. `email` writes any other address as `<>`.
_ADDRESS = regex(rf"(?=[^@]{{1,64}}@.{{1,255}}\Z){_ATOM}(?:\.{_ATOM})*@{_LABEL}(?:\.{_LABEL})*")
_RSYNC = regex(r"rsync://[A-Za-z0-9.\[\]:-]+(/[A-Za-z0-9._~-]+)+/?")
_HOST_NAME = regex(r"(?=.{1,255}\Z)[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f.:IPv]+\]")
_KEY_BYTES = (24, 64)  # Standard Webhooks, "signature scheme"
_MAKE_SECRET = 'echo "whsec_$(openssl rand -base64 32)"'  # noqa: S105 - a command
_REFERENCE = regex(r"(file|env|credential):(.+)")


class SecretRef(str):
    """A reference to a secret: `file:PATH`, `env:NAME` or `credential:NAME`. It never holds the secret itself."""

    __slots__ = ()

    def read(self, folder: Path) -> str:
        """Return the secret. A relative path is under `folder`. Raises ConfigError if it cannot be read."""
        kind, _, name = self.partition(":")
        if kind == "env":
            secret = os.environ.get(name)
            if not secret:
                raise ConfigError(f"{self}: the environment has no variable {name}")
            return secret.removesuffix("\n")
        if kind == "credential":
            directory = os.environ.get("CREDENTIALS_DIRECTORY")
            if not directory:
                raise ConfigError(f"{self}: not started by systemd with LoadCredential={name}:…")
            return _read_secret_file(self, Path(directory) / name, private=False)
        return _read_secret_file(self, folder / name, private=True)


class HiddenUrl(str):
    """A URL that may hold a token, or a reference to one. Its `repr` does not show it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "HiddenUrl('***')"

    @property
    def is_reference(self) -> bool:
        return _REFERENCE.fullmatch(self) is not None

    def read(self, folder: Path) -> str:
        """Return the URL. Raises ConfigError if what it refers to cannot be read or is not a URL."""
        if not self.is_reference:
            return str(self)
        try:
            return _http_url(SecretRef(self).read(folder).strip())
        except ValueError as error:
            raise ConfigError(f"{self:s}: {error}") from None


class ProxyUrl(HiddenUrl):
    """The URL of an HTTP proxy, or a reference to one, which may then have user and password; "" for no proxy."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "ProxyUrl('***')"

    def read(self, folder: Path) -> str:
        """Return the URL; "" for no proxy. Raises ConfigError if what it refers to cannot be read or is not a URL."""
        if not self.is_reference:
            return str(self)
        try:
            return _url(SecretRef(self).read(folder).strip(), ("http", "https"), userinfo=True)
        except ValueError as error:
            raise ConfigError(f"{self:s}: {error}") from None


def split_webhook_secrets(text: str) -> list[str]:
    """Return the secrets of a webhook, one on each line. Raises ValueError that says what to do and shows no secret.

    standardwebhooks decodes leniently: it drops what is not base64 and signs with a key that no receiver has.
    """
    hint = f"a secret is whsec_ and the base64 of {_KEY_BYTES[0]} to {_KEY_BYTES[1]} bytes; make one: {_MAKE_SECRET}"
    secrets = []
    for number, line in enumerate(text.split("\n"), 1):
        if secret := line.strip():
            if why := _refuse_key(secret.removeprefix("whsec_")):
                raise ValueError(f"line {number} is {why}; {hint}")
            secrets.append(secret)
    if not secrets:
        raise ValueError(f"has no secret; {hint}")
    return secrets


def _refuse_key(encoded: str) -> str | None:
    """Return why a text is not the base64 of a key of Standard Webhooks; None if it is."""
    if not re.fullmatch("[A-Za-z0-9+/]*={0,2}", encoded):
        is_url_safe = re.fullmatch("[A-Za-z0-9_-]+={0,2}", encoded)
        return "URL-safe base64, which receivers decode into another key" if is_url_safe else "not base64"
    try:
        length = len(base64.b64decode(encoded, validate=True))
    except binascii.Error:
        return "base64 that is cut off"
    low, high = _KEY_BYTES
    return None if low <= length <= high else f"the base64 of {length} bytes"


def _read_secret_file(reference: str, path: Path, *, private: bool) -> str:
    try:
        data, status = read_operator_file(path)
        if private:
            require_private(path, status)
        return data.decode("utf-8").removesuffix("\n")
    except ConfigError as error:
        raise ConfigError(f"{reference}: {error}") from None
    except OSError as error:
        raise ConfigError(f"{reference}: {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{reference}: {path}: is not text") from None


def _secret(value: object) -> SecretRef:
    if not isinstance(value, str) or not _REFERENCE.fullmatch(value):
        raise ValueError('must say where the secret is ("file:PATH", "env:NAME" or "credential:NAME"), not the secret')
    return SecretRef(value)


def _address(value: str) -> str:
    if not _ADDRESS.fullmatch(value):
        hint = "" if value.isascii() else "; only ASCII is sent: write an international domain as xn--…"
        raise ValueError(f"{value!r} is not a mail address{hint}")
    return value


def _not_empty(values: tuple[Any, ...]) -> tuple[Any, ...]:
    if not values:
        raise ValueError("must list at least one value")
    return values


def _port_range(value: str) -> str:
    parse_ports(value)
    return value


def _document_name(value: str) -> str:
    parse_document(value)
    return value


def _file_mode(value: object) -> object:
    if isinstance(value, str) and re.fullmatch("0?[0-7]{3}", value):
        return int(value, 8)
    raise ValueError('must be permissions in octal, such as "0640"')


def _command(value: tuple[str, ...]) -> tuple[str, ...]:
    if not value or "/" not in value[0]:
        raise ValueError("must be a list that begins with the path of a program: PATH is not searched, so it has a /")
    if any("\0" in argument for argument in value):
        raise ValueError("an argument cannot have a NUL character")
    return value


def _http_url(value: str) -> str:
    return _url(value, ("http", "https"))


def _source_url(value: str) -> str:
    return _url(value, ("http", "https", "file"))


def _rsync_url(value: str) -> str:
    _url(value, ("rsync",))
    if not _RSYNC.fullmatch(value):
        raise ValueError("must be rsync://HOST/MODULE/ or rsync://HOST/MODULE/FOLDER/")
    return value if value.endswith("/") else value + "/"


def _url_template(value: str) -> str:
    if GROUP not in value or set("{}") & set(value.replace(GROUP, "")):
        raise ValueError(f"must contain {GROUP} where the id of a group goes, and no other braces")
    _source_url(value.replace(GROUP, "x"))
    return value


def _hidden_url(value: object) -> HiddenUrl:
    text = value if isinstance(value, str) else ""
    return HiddenUrl(text if _REFERENCE.fullmatch(text) else _http_url(text))


def _proxy_url(value: object) -> ProxyUrl:
    if value == "":
        return ProxyUrl("")
    text = value if isinstance(value, str) else ""
    return ProxyUrl(text if _REFERENCE.fullmatch(text) else _http_url(text))


def _host_name(value: str) -> str:
    if not _HOST_NAME.fullmatch(value):
        raise ValueError("must be a host name, or an address in brackets")
    return value


def _server_name(value: str) -> str:
    try:
        ipaddress.ip_address(value.strip("[]"))
    except ValueError:
        if not re.fullmatch(r"[^\s/:@\\\[\]*?]+", value):
            raise ValueError("must be the name or address of a host, without scheme, port and path") from None
    return value


def _contact(value: str) -> str:
    if not (value.isascii() and (value.isprintable() or not value)):
        raise ValueError("goes into a header; use printable ASCII only")
    return value


def _url(value: str, schemes: tuple[str, ...], *, userinfo: bool = False) -> str:
    url = urlsplit(value)
    if url.scheme not in schemes:
        raise ValueError(f"must begin with {', '.join(f'{scheme}:' for scheme in schemes)}")
    if url.scheme in ("http", "https") and not (
        value.isascii() and value.isprintable() and not {" ", "\\"} & set(value)
    ):
        raise ValueError(
            "the URL has spaces, backslashes or characters beyond ASCII: percent-encode them; a host name is xn--…"
        )
    if url.scheme != "file" and not url.hostname:
        raise ValueError("the URL has no host")
    try:
        _ = url.port
    except ValueError:
        raise ValueError(f"the port of the URL must be a number up to {_LAST_PORT}") from None
    if not userinfo and (url.username is not None or url.password is not None):
        raise ValueError("a URL must not contain user and password: it would appear in logs")
    return value


def check_listen_address(value: str) -> str:
    """Return ADDRESS:PORT. Raises ValueError for anything else."""
    host, _, port = value.rpartition(":")
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        raise ValueError("must be ADDRESS:PORT, such as 127.0.0.1:9876 or [::1]:9876") from None
    if not port.isdecimal() or int(port) > _LAST_PORT:
        raise ValueError(f"the port must be a number up to {_LAST_PORT}")
    return value


def _group_ids(values: tuple[str, ...]) -> tuple[str, ...]:
    groups, refused = split_usable_ids(values)
    if refused:
        same = groups.get(refused[0].lower())
        raise ValueError(
            f"{refused[0]!r} differs from {same!r} only in case"
            if same
            else f"{refused[0]!r} is not a group id: letters, digits and . _ -, at most 64 characters"
        )
    if len(groups) < len(values):
        raise ValueError("a group is listed twice")
    return values


Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$", description="lower-case letters, digits and . _ -")]
GroupName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}\.[a-z0-9._-]{1,64}$")]
MailAddress = Annotated[str, AfterValidator(_address)]
PortRange = Annotated[str, AfterValidator(_port_range)]
DocumentName = Annotated[str, AfterValidator(_document_name)]
Command = Annotated[tuple[str, ...], AfterValidator(_command), Field(json_schema_extra={"minItems": 1})]
FileMode = Annotated[
    int,
    BeforeValidator(_file_mode),
    PlainSerializer(lambda value: f"{value:04o}"),
    WithJsonSchema({"type": "string", "description": "octal: 0640"}),
]
HttpUrl = Annotated[str, AfterValidator(_http_url)]
SourceUrl = Annotated[str, AfterValidator(_source_url)]
RsyncUrl = Annotated[str, AfterValidator(_rsync_url)]
UrlTemplate = Annotated[str, AfterValidator(_url_template)]
ListenAddress = Annotated[str, AfterValidator(check_listen_address)]
MailAddresses = Annotated[tuple[MailAddress, ...], AfterValidator(_not_empty), Field(json_schema_extra={"minItems": 1})]
Texts = Annotated[tuple[str, ...], BeforeValidator(lambda value: (value,) if isinstance(value, str) else value)]
Names = Annotated[tuple[str, ...], AfterValidator(_not_empty), Field(json_schema_extra={"minItems": 1})]
GroupIds = Annotated[Names, AfterValidator(_group_ids)]
Secret = Annotated[SecretRef, BeforeValidator(_secret), WithJsonSchema({"type": "string"})]
HiddenUrlField = Annotated[
    HiddenUrl, BeforeValidator(_hidden_url), PlainSerializer(lambda _: "***"), WithJsonSchema({"type": "string"})
]
ProxyUrlField = Annotated[
    ProxyUrl, BeforeValidator(_proxy_url), PlainSerializer(lambda _: "***"), WithJsonSchema({"type": "string"})
]
ServerName = Annotated[str, AfterValidator(_server_name)]
HostName = Annotated[str, AfterValidator(_host_name)]
Contact = Annotated[str, AfterValidator(_contact)]


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def default_sender() -> str:
    """Return the sender of mails unless one is configured: at the name of this machine if a mail address can use it."""
    name = socket.gethostname()
    return f"registry-watcher@{name if _ADDRESS.fullmatch(f'x@{name}') else 'localhost'}"


def default_ehlo_name(sender: str) -> str:
    """Return the name in EHLO unless one is configured: of this machine if it is a full one, else that of the sender.

    Servers refuse a name without a dot, and an address of loopback, from other machines.
    """
    for name in (socket.getfqdn(), sender.rpartition("@")[2]):
        if "." in name and _HOST_NAME.fullmatch(name) and not name.startswith("localhost."):
            return name
    return "[127.0.0.1]"
