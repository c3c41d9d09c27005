"""What befalls the watcher itself, as notices for those who run it. Pure.

A notice goes over the channels with `operator = true`, through the same outbox as news of a registry.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from watcher.model import Hold, HoldState, Notice, Severity
from watcher.render import document

# id → how much it matters
NOTICES: Mapping[str, Severity] = {
    "release-held": Severity.WARNING,
    "release-accepted": Severity.NOTICE,
    "release-rejected": Severity.INFO,
    # made in watcher/health.py
    "source-unhealthy": Severity.WARNING,
    "source-gone": Severity.WARNING,
    "source-recovered": Severity.NOTICE,
    "nothing-checked": Severity.WARNING,
    "checked-again": Severity.NOTICE,
    "clock-jumped": Severity.WARNING,
    "check-skipped": Severity.WARNING,
    "config-refused": Severity.WARNING,
}
_BY = {
    "operator": "by hand",
    "confirmed": "it was served again",
    "import": "it was imported",
    "undoubted": "nothing speaks against it any more",
}


def held(hold: Hold) -> Notice:
    """Return the notice that a release is held and why. The same release is told of once for the same reasons."""
    reasons = "; ".join(reason.sentence for reason in hold.reasons)
    codes = sorted(reason.code for reason in hold.reasons)
    return _notice("release-held", hold, f"{_named(hold)} is held: {reasons}", ",".join(codes))


def decided(hold: Hold) -> Notice:
    """Return the notice that a held release was accepted or rejected."""
    word = str(hold.state)
    how = _BY.get(hold.by or "", "")
    notice = "release-accepted" if hold.state is HoldState.ACCEPTED else "release-rejected"
    return _notice(notice, hold, f"{_named(hold)} was {word}" + (f": {how}" if how else ""), hold.decided or "")


def check_skipped(source: str, number: int, at: str) -> Notice:
    """Return the notice that a source was not looked at when it was time to; told of once a day."""
    return Notice(
        id="check-skipped",
        severity=NOTICES["check-skipped"],
        source=source,
        subject=at[:10],
        summary=f"{source} was not looked at: the look before it is still under way ({number} skipped so far)",
        details={"skipped": number},
        at=at,
    )


def config_refused(problems: Sequence[str], at: str) -> Notice:
    """Return the notice that the daemon was told to read its configuration again, and why the old one stays."""
    return Notice(
        id="config-refused",
        severity=NOTICES["config-refused"],
        source="watcher",
        subject=at,
        summary=f"the changed configuration is refused, the old one stays in force: {'; '.join(problems)}",
        details={"problems": list(problems)},
        at=at,
    )


def _notice(identifier: str, hold: Hold, summary: str, about: str) -> Notice:
    return Notice(
        id=identifier,
        severity=NOTICES[identifier],
        source=hold.source,
        subject=f"{hold.digest} {about}",
        summary=summary,
        details={**document.hold(hold), **(_commands(hold) if identifier == "release-held" else {})},
        at=hold.decided or hold.last_seen,
    )


def _commands(hold: Hold) -> dict[str, str]:
    return {word: f"watcher {word} {hold.source} {hold.id}" for word in ("accept", "reject")}


def _named(hold: Hold) -> str:
    return f"the release {hold.id} of {hold.published or 'no date'}"
