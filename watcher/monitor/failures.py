"""Turn an exception inside the check of one source into the result of a failed check: a reason code and a sentence."""

from __future__ import annotations

import traceback
from pathlib import Path

from watcher.core.errors import (
    NO_THREAD,
    ConfigError,
    FetchError,
    ParseError,
    ReadSettingsError,
    StoreError,
    UnreadableSnapshotError,
    WatcherError,
    is_without_thread,
)
from watcher.core.texts import LONGEST_ERROR, cut_text
from watcher.monitor.result import CheckResult, Outcome
from watcher.store.location import HistoryLocation, to_store_error

OWN_FAULTS = ("store", "system", "internal")  # reasons whose cause is this machine or this program
TOO_LARGE = "too_large"
OUT_OF_MEMORY = (
    "the release needs more memory than this process may use; raise MemoryMax and LimitDATA of the service "
    "if it is what it should be"
)
_MOST = 500  # characters of an exception's text
_LONGEST = 20_000  # characters of a traceback
_PACKAGE = Path(__file__).resolve().parents[1]


def failed_result(error: Exception, history: HistoryLocation) -> CheckResult:
    """Return the result of a check that ended with an exception; `history` is where the database is."""
    if isinstance(error, FetchError | ParseError):
        return CheckResult(outcome=Outcome.FAILED, reason=error.reason, message=str(error))
    if isinstance(error, ConfigError):
        message = error.message if isinstance(error, ReadSettingsError) else str(error)
        return CheckResult(outcome=Outcome.FAILED, reason="settings", message=cut_text(message, LONGEST_ERROR))
    store_error = error if isinstance(error, StoreError) else to_store_error(history, error)
    if store_error is not None:
        return CheckResult(outcome=Outcome.FAILED, reason="store", message=str(store_error))
    if isinstance(error, MemoryError):
        return CheckResult(outcome=Outcome.FAILED, reason=TOO_LARGE, message=OUT_OF_MEMORY)
    if isinstance(error, OSError) or is_without_thread(error):
        return CheckResult(outcome=Outcome.FAILED, reason="system", message=_describe_lack(error))
    details = "" if isinstance(error, WatcherError) else cut_text("".join(traceback.format_exception(error)), _LONGEST)
    return CheckResult(outcome=Outcome.FAILED, reason="internal", message=describe_error(error), details=details)


def _describe_lack(error: Exception) -> str:
    """Return what the machine could not give."""
    return NO_THREAD if is_without_thread(error) else str(error)[:_MOST]


def describe_error(error: Exception) -> str:
    """Return an exception in one line: its text; for an unexpected one also its type and where it was raised."""
    if isinstance(error, MemoryError):
        return OUT_OF_MEMORY
    if is_without_thread(error):
        return NO_THREAD
    text = str(error)[:_MOST]
    if isinstance(error, WatcherError):
        return text
    places = [frame for frame in traceback.extract_tb(error.__traceback__) if _PACKAGE in Path(frame.filename).parents]
    place = f" (watcher/{Path(places[-1].filename).relative_to(_PACKAGE)}:{places[-1].lineno})" if places else ""
    return f"unforeseen error: {type(error).__name__}: {text}{place}; please report it"


def is_fault_of_release(error: Exception, history: HistoryLocation) -> bool:
    """Return whether an exception came from what a release says, not from the disk or another process.

    A release that needs more memory than there is counts too: else each later check would try to judge it first.
    """
    if isinstance(error, ParseError | UnreadableSnapshotError | MemoryError):
        return True
    if isinstance(error, WatcherError | OSError) or is_without_thread(error):
        return False
    return to_store_error(history, error) is None
