"""What befalls the watcher itself, as notices for those who run it. Pure.

A notice goes over the channels with `operator = true`, through the same outbox as news of a registry.
"""

from __future__ import annotations

from collections.abc import Sequence

from watcher.core.operations import NOTICES, ChannelFailure, Delivery, Hold, HoldState, Notice
from watcher.render import document

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


def channel_broken(endpoint: ChannelFailure, at: str) -> Notice:
    """Return the notice that nothing gets through a channel any more; one outage is told of once."""
    told = f"{_who(endpoint)} takes nothing since {endpoint.since}: {endpoint.last_error}"
    return _of_channel("channel-broken", endpoint, told, at)


def channel_disabled(endpoint: ChannelFailure, at: str) -> Notice:
    """Return the notice that the other side of a channel said that it is gone, and that nothing is sent to it."""
    told = f"the channel {endpoint.channel} is disabled: {endpoint.last_error}; its messages wait"
    enable = {"enable": f"watcher channel enable {endpoint.channel}"}
    return _of_channel("channel-disabled", endpoint, told, at, **enable)


def channel_recovered(endpoint: ChannelFailure, at: str) -> Notice:
    """Return the notice that a channel that was broken takes messages again."""
    told = f"{_who(endpoint)} takes messages again; that had failed since {endpoint.since}"
    return _of_channel("channel-recovered", endpoint, told, at)


def recipient_refused(endpoint: ChannelFailure, delivery: Delivery, at: str) -> Notice:
    """Return the notice that one recipient of a channel is refused for good; told once until it is taken again."""
    kept = "what was refused is kept (`watcher outbox --state failed`)"
    told = f"{_who(endpoint)} is refused: {endpoint.last_error}; {kept}"
    return _of_channel("recipient-refused", endpoint, told, at, delivery=delivery.id)


def _who(endpoint: ChannelFailure) -> str:
    return (
        f"{endpoint.recipient} of the channel {endpoint.channel}"
        if endpoint.recipient
        else f"the channel {endpoint.channel}"
    )


def _of_channel(identifier: str, endpoint: ChannelFailure, summary: str, at: str, **more: str) -> Notice:
    return Notice(
        id=identifier,
        severity=NOTICES[identifier],
        source=f"channel:{endpoint.channel}",
        subject=f"{endpoint.recipient} {endpoint.since}",
        summary=summary,
        details={
            "channel": endpoint.channel,
            "recipient": endpoint.recipient or None,
            "since": endpoint.since,
            "failures": endpoint.failures,
            "last_error": endpoint.last_error,
            **more,
        },
        at=at,
    )


def _commands(hold: Hold) -> dict[str, str]:
    return {word: f"watcher {word} {hold.source} {hold.id}" for word in ("accept", "reject")}


def _named(hold: Hold) -> str:
    return f"the release {hold.id} of {hold.published or 'no date'}"
