"""Operational alerts as notices, but for those about failing sources, which `monitor/health.py` makes. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from watcher.core.check_results import OpenAlarm
from watcher.core.operations import WATCHER, ChannelFailure, Delivery, Hold, HoldState, Notice
from watcher.render import document

INVENTORY_PREFIX = "inventory:"  # before the name of an inventory, as the source of a notice
UNREADABLE, READABLE = "inventory-unreadable", "inventory-readable"
_DECISIONS = {
    "operator": "by the operator",
    "confirmed": "later checks confirmed it",
    "import": "it was imported",
    "undoubted": "the reasons to hold it no longer apply",
}


def describe_hold(hold: Hold) -> Notice:
    """Return the notice that a release is held and why. The same release and reasons give the same subject."""
    sentences = "; ".join(reason.sentence for reason in hold.reasons)
    codes = ",".join(sorted(reason.code for reason in hold.reasons))
    commands = {command: f"watcher {command} {hold.source} {hold.id}" for command in ("accept", "reject")}
    return _about_hold("release-held", hold, f"{_name(hold)} is held: {sentences}", about=codes, **commands)


def describe_decision(hold: Hold) -> Notice:
    """Return the notice that a held release was accepted or rejected, and by whom."""
    identifier = "release-accepted" if hold.state is HoldState.ACCEPTED else "release-rejected"
    decision = f": {_DECISIONS[hold.by]}" if hold.by in _DECISIONS else ""
    return _about_hold(identifier, hold, f"{_name(hold)} was {hold.state}{decision}", about=hold.decided or "")


def describe_skipped_check(source: str, number: int, at: str) -> Notice:
    """Return the notice that a check was skipped. Its subject is the day, so it is sent once a day."""
    return Notice(
        id="check-skipped",
        source=source,
        subject=at[:10],
        summary=f"check of {source} skipped: the previous check is still running ({number} skipped so far)",
        details={"skipped": number},
        at=at,
    )


def describe_refused_config(problems: Sequence[str], at: str) -> Notice:
    """Return the notice that the daemon could not reload its configuration and keeps the previous one."""
    return Notice(
        id="config-refused",
        source=WATCHER,
        subject=at,
        summary=f"the changed configuration was refused and the previous one stays in force: {'; '.join(problems)}",
        details={"problems": list(problems)},
        at=at,
    )


def describe_unreadable_inventory(source: str, problem: str, at: str) -> Notice:
    """Return the notice that a list of the configuration cannot be read any more. `source` is `inventory:NAME`."""
    return Notice(
        id=UNREADABLE,
        source=source,
        subject=at,
        summary=f"{problem}; the last list that could be read stays in force",
        details={"problem": problem},
        at=at,
    )


def describe_readable_inventory(source: str, alarm: OpenAlarm, at: str) -> Notice:
    name = source.removeprefix(INVENTORY_PREFIX)
    summary = f"inventory {name} can be read again; it could not since {alarm.since}"
    return Notice(id=READABLE, source=source, subject=at, summary=summary, details={"since": alarm.since}, at=at)


def describe_changed_settings(source: str, summary: str, changes: Sequence[str], releases: int, at: str) -> Notice:
    """Return the notice that a history was derived again, because settings of its source were changed."""
    return Notice(
        id="settings-changed",
        source=source,
        subject=at,
        summary=summary,
        details={"changes": list(changes), "releases": releases},
        at=at,
    )


def describe_broken_channel(failure: ChannelFailure, at: str) -> Notice:
    summary = f"{_endpoint(failure)} has been failing since {failure.since}: {failure.last_error}"
    return _about_channel("channel-broken", failure, summary, at)


def describe_disabled_channel(failure: ChannelFailure, at: str) -> Notice:
    """Return the notice that the server of a channel said that it is gone, so nothing is sent to it any more."""
    command = f"watcher channel enable {failure.channel}"
    summary = f"channel {failure.channel} is now disabled: {failure.last_error}; its messages wait for `{command}`"
    return _about_channel("channel-disabled", failure, summary, at, enable=command)


def describe_recovered_channel(failure: ChannelFailure, at: str) -> Notice:
    summary = f"{_endpoint(failure)} works again; it had been failing since {failure.since}"
    return _about_channel("channel-recovered", failure, summary, at)


def describe_refused_recipient(failure: ChannelFailure, delivery: Delivery, at: str) -> Notice:
    summary = (
        f"{_endpoint(failure)} was refused: {failure.last_error}; "
        "`watcher outbox --state failed` lists the messages that were not sent"
    )
    return _about_channel("recipient-refused", failure, summary, at, delivery=delivery.id)


def _about_hold(identifier: str, hold: Hold, summary: str, *, about: str, **commands: str) -> Notice:
    return Notice(
        id=identifier,
        source=hold.source,
        subject=f"{hold.digest} {about}",
        summary=summary,
        details={**document.hold_document(hold), **commands},
        at=hold.decided or hold.last_seen,
    )


def _about_channel(identifier: str, failure: ChannelFailure, summary: str, at: str, **details: str) -> Notice:
    return Notice(
        id=identifier,
        source=f"channel:{failure.channel}",
        subject=f"{failure.recipient} {failure.since}",
        summary=summary,
        details={
            "channel": failure.channel,
            "recipient": failure.recipient or None,
            "since": failure.since,
            "failures": failure.failures,
            "last_error": failure.last_error,
            **details,
        },
        at=at,
    )


def _endpoint(failure: ChannelFailure) -> str:
    return f"{failure.recipient} on channel {failure.channel}" if failure.recipient else f"channel {failure.channel}"


def _name(hold: Hold) -> str:
    return f"release {hold.id} of {hold.published or 'no date'}"
