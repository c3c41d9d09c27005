"""The tables of the configuration about channels: [[channel]], one class for each type, and [smtp]."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, StrictBool, StrictFloat, StrictInt, model_validator

from watcher.config.table import SettingsTable
from watcher.config.time_types import Duration
from watcher.config.value_types import (
    Command,
    FileMode,
    HostName,
    HttpUrl,
    MailAddress,
    MailAddresses,
    Name,
    PortRange,
    ProxyUrlField,
    Secret,
    ServerName,
    default_sender,
    is_loopback,
)
from watcher.core.errors import ConfigError
from watcher.core.event_filter import EventFilter
from watcher.core.model import Severity
from watcher.core.operator_files import require_unchangeable

_LONGEST_SHEBANG = 256  # bytes that Linux reads
_FILTERS = ("sources", "events", "severity", "ports")


class SmtpSettings(SettingsTable):
    """[smtp]: the mail server of all e-mail channels."""

    host: ServerName = Field("localhost", description="its name or address")
    port: StrictInt = Field(25, ge=1, le=65535, description="its port")
    security: Literal["none", "starttls", "tls"] = Field(
        "none", description="default: none for this machine, starttls for any other"
    )
    username: str | None = Field(None, description="the user to log in as; unset: do not log in")
    password: Secret | None = Field(None, description="where the password is: file:PATH, env:NAME or credential:NAME")
    sender: MailAddress = Field(default_factory=default_sender, alias="from", description="the sender's address")
    timeout: StrictFloat = Field(30.0, gt=0, le=300, description="seconds for one reply")
    ehlo_name: HostName | None = Field(
        None, description="the host name in EHLO; unset: of this machine, or the domain of the sender"
    )
    ca_file: Path | None = Field(None, description="as ca_file of [fetch], and in place of it")

    @model_validator(mode="before")
    @classmethod
    def _default_security(cls, values: Any) -> Any:
        if isinstance(values, dict) and "security" not in values:
            local = is_loopback(str(values.get("host", "localhost")))
            return {**values, "security": "none" if local else "starttls"}
        return values

    @model_validator(mode="after")
    def _protect_password(self) -> SmtpSettings:
        if self.security == "none" and self.password and not is_loopback(self.host):
            raise ValueError('security = "none" would send the password in the clear; use "starttls" or "tls"')
        return self


class ChannelSettings(SettingsTable):
    """[[channel]]: what all types have in common. The filters are combined with AND."""

    name: Name
    type: str
    sources: tuple[str, ...] = Field(("*",), description="globs of source names")
    events: tuple[str, ...] = Field(("*",), description="globs of event ids")
    severity: Severity = Field(Severity.INFO, description="the lowest severity")
    ports: tuple[PortRange, ...] = Field((), description="443, 8000-8100; empty: any port or none")
    operator: StrictBool = Field(False, description="also send notices about the watcher itself")
    digest: Duration = Field(timedelta(), description="collect messages for so long and send them as one; 0s: do not")
    most_per_hour: StrictInt | None = Field(
        None, ge=1, le=1_000_000, description="the most messages in an hour; others wait"
    )
    enabled: StrictBool = Field(True, description="false: send nothing; messages wait")

    @property
    def filter(self) -> EventFilter:
        """Its own filters, which work as a subscription of its recipients."""
        return EventFilter.from_table({name: getattr(self, name) for name in _FILTERS})

    @property
    def has_filters(self) -> bool:
        return not self.model_fields_set.isdisjoint(_FILTERS)


class EmailSettings(ChannelSettings):
    """[[channel]] of type email. Mails are sent through the server of [smtp]."""

    type: Literal["email"]
    to: MailAddresses = Field(description="the addresses")


class WebhookSettings(ChannelSettings):
    """[[channel]] of type webhook: Standard Webhooks, signed."""

    type: Literal["webhook"]
    url: HttpUrl = Field(description="where messages are posted")
    secret: Secret = Field(description="where the secret is (whsec_ and base64): file:PATH, env:NAME, credential:NAME")
    timeout: StrictFloat = Field(15.0, gt=0, le=120, description="seconds for one try")
    content_type: Literal["application/cloudevents+json", "application/json"] = Field(
        "application/cloudevents+json", description="the Content-Type; the body is the same"
    )
    ca_file: Path | None = Field(None, description="as ca_file of [fetch], and in place of it")
    proxy: ProxyUrlField | None = Field(None, description='as proxy of [fetch], and in place of it; "": no proxy')


class FileSettings(ChannelSettings):
    """[[channel]] of type file: appends each message to a file, as one line of JSON."""

    type: Literal["file"]
    path: Path = Field(description="the file; a rotation may replace it at any time")
    mode: FileMode = Field(0o600, description="the permissions of a file that is created, in octal")


class CommandSettings(ChannelSettings):
    """[[channel]] of type command: a program gets each message as JSON on its standard input."""

    type: Literal["command"]
    command: Command = Field(description="the path of the program and its arguments; no shell")
    timeout: StrictFloat = Field(30.0, gt=0, le=300, description="seconds; then it is killed with all that it started")

    def require_safe_program(self, folder: Path) -> Path:
        """Return the path of the program. Raises ConfigError if others can change it, OSError if it is not there."""
        program = folder / self.command[0]
        require_unchangeable(program, program.stat())
        return program

    def find_program_problem(self, folder: Path) -> str | None:
        """Return why this user cannot run the program; None if it can be started."""
        program = folder / self.command[0]
        try:
            self.require_safe_program(folder)
            if not program.is_file():
                return f"{program}: is not a file"
            with program.open("rb") as file:
                first = file.readline(_LONGEST_SHEBANG)
        except ConfigError as error:
            return str(error)
        except PermissionError:
            first = b""  # a program can be run that cannot be read
        except OSError as error:
            return f"{program}: {error.strerror}"
        if not os.access(program, os.X_OK):
            return f"{program} is not executable; chmod u+x {program}"
        interpreter = first[2:].split()[:1] if first.startswith(b"#!") else []
        if interpreter and not Path(os.fsdecode(interpreter[0])).exists():
            return f"{program}: its interpreter {os.fsdecode(interpreter[0])} is not there"
        return None


class AppriseSettings(ChannelSettings):
    """[[channel]] of type apprise: chat and push services (needs the extra `apprise`)."""

    type: Literal["apprise"]
    url: Secret = Field(
        description="where the URLs of apprise are, one on each line: file:PATH, env:NAME or credential:NAME"
    )
    timeout: StrictFloat = Field(60.0, gt=0, le=300, description="seconds for one try of all URLs")
    ca_file: Path | None = Field(None, description="as ca_file of [fetch], and in place of it")
    proxy: ProxyUrlField | None = Field(None, description='as proxy of [fetch], and in place of it; "": no proxy')


# The settings of every channel type in alerts/channels.
AnyChannel = EmailSettings | WebhookSettings | FileSettings | CommandSettings | AppriseSettings
