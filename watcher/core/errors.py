"""Every error that this package raises on purpose. The class says whose fault it is.

WatcherError
├── UsageError       the caller asked for something that does not exist or makes no sense
├── ConfigError      the operator: config.toml, credentials, permissions
│   └── ReadSettingsError  changed settings cannot read the stored releases
├── FetchError       the network or the server
├── ParseError       the registry: the bytes are not in the expected format
├── StoreError       our database or archive: damaged, locked, of another version
│   ├── ClaimLostError     another worker has taken over
│   └── UnreadableSnapshotError  a stored snapshot cannot be parsed any more
└── DeliveryError    a channel: the mail server or the receiver of webhooks
"""

from __future__ import annotations

from typing import ClassVar

from watcher.core.texts import LONGEST_ERROR, cut_text

NO_THREAD = (
    "the system starts no more threads: it has no memory left for one, or too many tasks run; "
    "raise LimitDATA or TasksMax of the service"
)


class WatcherError(Exception):
    """Base of all errors of this package; its text is one clear line for the user, never a traceback.

    It has at most 2,000 characters: what a server or a document says can have megabytes, and an error is stored, logged
    and sent.
    """

    longest: ClassVar[int] = LONGEST_ERROR

    def __init__(self, message: str = "") -> None:
        super().__init__(cut_text(message, self.longest))


class UsageError(WatcherError):
    """Something that the caller asked for does not exist or cannot be combined."""


class ConfigError(WatcherError):
    """The configuration is wrong; `problems` has one line for each thing to correct."""

    longest: ClassVar[int] = 100_000  # a line can be long, and there can be many

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(cut_text(problem, LONGEST_ERROR) for problem in problems)


class ReadSettingsError(ConfigError):
    """The settings of a source were changed so that a stored release cannot be read any more.

    Its text begins with the name of the source, `message` is the rest.
    """

    def __init__(self, source: str, message: str) -> None:
        super().__init__(f"{source}: {message}")
        self.message = cut_text(message, LONGEST_ERROR)


class FetchError(WatcherError):
    """A release could not be fetched."""

    def __init__(self, reason: str, message: str, *, transient: bool, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.reason = reason  # a stable snake_case code that is stored with the check
        self.transient = transient  # the same request may succeed later
        self.retry_after = retry_after  # seconds, if the server sent them


class ParseError(WatcherError):
    """The bytes are not a release in this format. `reason` is a stable code such as `not_well_formed`."""

    def __init__(self, reason: str, message: str, *, line: int | None = None, column: int | None = None) -> None:
        where = "" if line is None else f"line {line}: " if column is None else f"line {line}, column {column}: "
        super().__init__(where + message)
        self.reason = reason
        self.line = line
        self.column = column


class StoreError(WatcherError):
    """The database or the archive cannot be used as it is; the message says what to do."""


class ClaimLostError(StoreError):
    """The worker was silent for longer than its lease. Another one does its work now, so this one writes no more."""


class UnreadableSnapshotError(StoreError):
    """A stored snapshot is undamaged, but its format's reader refuses it."""

    def __init__(self, source: str, sha256: str, error: ParseError) -> None:
        super().__init__(f"{source}: snapshot {sha256[:12]} cannot be parsed any more: {error}")
        self.sha256 = sha256
        self.error = error


class DeliveryError(WatcherError):
    """A message was not accepted."""

    def __init__(
        self,
        message: str,
        *,
        permanent: bool,
        retry_after: float | None = None,
        personal: bool = False,
        gone: bool = False,
    ) -> None:
        super().__init__(message)
        self.permanent = permanent  # this message will never be accepted
        self.retry_after = retry_after  # seconds, if the server named them
        self.personal = personal  # the error is this recipient's, and others may work
        self.gone = gone  # the server accepts nothing any more (HTTP 410), so the channel is disabled


def is_without_thread(error: BaseException) -> bool:
    """Return whether Python raised an error because the system started no thread. Python has no class for that."""
    return isinstance(error, RuntimeError) and str(error) == "can't start new thread"
