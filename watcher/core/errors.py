"""Every error this package raises on purpose; the class says whose fault it is.

    WatcherError                 one clear line for the person who typed the command
    ├── UsageError               what was asked for makes no sense or does not exist
    ├── ConfigError              the operator's: config.toml, credentials, permissions
    ├── FetchError               the network's or the server's; `transient` says whether trying again can help
    ├── ParseError               the bytes are not what the format says; carries line and column where known
    ├── StoreError               our own database or archive: damaged, locked, of another version
    └── DeliveryError            a channel's; `permanent` says that trying again cannot help

"Not modified" is a value, not an error. Only the daemon's outermost turn catches everything.
"""

from __future__ import annotations


class WatcherError(Exception):
    """Base of all errors that end as one line and an exit code, never as a traceback."""


class UsageError(WatcherError):
    """What the caller asked for does not exist or cannot be combined."""


class ConfigError(WatcherError):
    """The configuration is wrong; `problems` has one line for each thing to mend."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class FetchError(WatcherError):
    """A release could not be fetched.

    `reason` is a stable snake_case code kept with the check (`timeout`, `http_status`, `too_large`, …);
    `transient` is true where the same request may succeed later; `retry_after` is in seconds, where the server said.
    """

    def __init__(self, reason: str, message: str, *, transient: bool, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.transient = transient
        self.retry_after = retry_after


class ParseError(WatcherError):
    """The bytes are not a release in the format they were read as.

    `reason` is a stable snake_case code (`not_well_formed`, `not_expected_format`, `empty`, …).
    """

    def __init__(self, reason: str, message: str, *, line: int | None = None, column: int | None = None) -> None:
        where = "" if line is None else f"line {line}: " if column is None else f"line {line}, column {column}: "
        super().__init__(where + message)
        self.reason = reason
        self.line = line
        self.column = column


class StoreError(WatcherError):
    """The database or the archive cannot be used as it stands; the message says what to do."""


class DeliveryError(WatcherError):
    """A notification was not accepted; `retry_after` is seconds, when the other side named them.

    `permanent`: this message is never taken. `personal`: it is this recipient's, and others may well be taken.
    `gone`: the endpoint takes nothing any more.
    """

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
        self.permanent = permanent
        self.retry_after = retry_after
        self.personal = personal
        self.gone = gone
