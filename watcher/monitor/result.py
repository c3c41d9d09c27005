"""The result of a check or an import: an outcome with its release, changes, reason or hold."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct, field

from watcher.core.model import Comparison
from watcher.core.operations import Hold
from watcher.store.history_rows import StoredRelease


class Outcome(StrEnum):
    """The result of a check or of the ingest of one release."""

    BASELINE = "baseline"  # the first release of a source: nothing to compare it with, so no alerts
    CHANGED = "changed"  # a new release, later than all others
    INSERTED = "inserted"  # a new release, earlier than the newest, put in date order; alerted if no check saw a later
    UNCHANGED = "unchanged"  # the newest release, byte for byte or by the server's word (304)
    COSMETIC = "cosmetic"  # other bytes of a known release: the snapshot is kept, nothing else changes
    ARCHIVED = "archived"  # imported into the archive alone: the next import, check or rebuild records its release
    STALE = "stale"  # a release that newer ones followed: the server lags
    HELD = "held"  # a release that waits for confirmation; it is not in the history
    FAILED = "failed"  # the check failed and changed nothing


class Rederivation(Struct, frozen=True, kw_only=True):
    """A history that was derived again because settings had changed: how many releases, and what changed."""

    releases: int
    changes: tuple[str, ...]

    @property
    def summary(self) -> str:
        changed = f"settings changed ({'; '.join(self.changes)})" if self.changes else "its rules changed"
        releases = "1 release" if self.releases == 1 else f"{self.releases} releases"
        return f"{changed}; the history of {releases} was derived again from the snapshots"


class CheckResult(Struct, frozen=True, kw_only=True):
    """The result of a check or of the ingest of one release.

    `comparison` is against the release before it, None for the first. `reason` is a stable code (of a failure or a
    hold), `message` its sentence. `hold` is set for the outcomes `held` and `stale`. `key` names the
    columns that identify an entry, for a baseline. `details` is the traceback of an unexpected error, for the log.
    `is_alerted`: subscribers are alerted about what the release changed.
    """

    outcome: Outcome
    sha256: str = ""
    release: StoredRelease | None = None
    comparison: Comparison | None = None
    reason: str | None = None
    message: str | None = None
    hold: Hold | None = None
    key: str = ""
    rederivation: Rederivation | None = None
    details: str = ""
    is_alerted: bool = False


class Rebuilt(Struct, frozen=True, kw_only=True):
    """A rebuilt history: its number of releases, and why snapshots were left out, by SHA-256.

    `recovered` are the releases that the archive had and the history lacked: refused ones, or those of killed checks.
    """

    releases: int
    left_out: Mapping[str, str] = field(default_factory=dict)
    recovered: tuple[CheckResult, ...] = ()
