"""Who is told what, over which channel: subscriptions, addresses that several channels name, silences, digests.

Makes rows for the outbox and sends nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from watcher.alerts import messages
from watcher.alerts.subscriptions import Subscription, matching, selected
from watcher.config.settings import ChannelSettings, EmailChannel, Settings
from watcher.core.model import CANARY, Comparison, Event
from watcher.core.operations import Delivery, Notice
from watcher.core.times import to_text

_SILENCED = "silenced"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRouter:
    """What the configuration says of it; `now` is asked for digests and silences."""

    settings: Settings
    now: Callable[[], datetime]

    def compose(self, comparison: Comparison) -> Iterator[Delivery]:
        """Return what each recipient is told of a release: nothing where nothing in it is wanted.

        An address that several channels name gets one message, over the first of them, with all that they want.
        """
        silenced = [self._silenced(comparison.source, event.id) for event in comparison.events]
        for (name, recipient), wanted in self._wanted(comparison).items():
            for kept in (False, True):
                numbers = [number for number in sorted(wanted) if silenced[number] is kept]
                if numbers:
                    told = replace(comparison, events=tuple(comparison.events[number] for number in numbers))
                    channel = self._channels[name]
                    mark = _SILENCED if kept else ""
                    found = messages.compose(name, channel.type, [recipient], told, mark=mark)
                    yield from self._begun(channel, found, kept=kept)

    def announce(self, notice: Notice) -> Iterator[Delivery]:
        """Return what the operators' channels are told of something that befell the watcher itself, an address once."""
        told: set[str] = set()
        kept = self.keeps(notice)
        for channel in self._channels.values():
            if channel.operator:
                new = [each for each in recipients(channel) if not each or each.casefold() not in told]
                told.update(each.casefold() for each in new)
                found = messages.announce(channel.name, channel.type, new, notice, mark=_SILENCED if kept else "")
                yield from self._begun(channel, found, kept=kept)

    def keeps(self, notice: Notice) -> bool:
        """Whether a silence keeps a notice from the operators."""
        return self._silenced(notice.source, notice.id)

    @property
    def _channels(self) -> dict[str, ChannelSettings]:
        return {channel.name: channel for channel in self.settings.channel if channel.enabled}

    def _wanted(self, comparison: Comparison) -> dict[tuple[str, str], set[int]]:
        """The places of the events that each recipient wants, by the channel that tells it."""
        wanted: dict[tuple[str, str], set[int]] = {}
        first: dict[str, tuple[str, str]] = {}  # an address, however it is spelled → who tells it
        place = {id(event): number for number, event in enumerate(comparison.events)}
        for channel in self._channels.values():
            events = self._of_interest(channel, comparison)
            for recipient in recipients(channel) if events else ():
                own = (channel.name, recipient)
                over = first.setdefault(recipient.casefold(), own) if recipient else own
                wanted.setdefault(over, set()).update(place[id(event)] for event in events)
        return wanted

    def _of_interest(self, channel: ChannelSettings, comparison: Comparison) -> tuple[Event, ...]:
        if comparison.source == CANARY:
            asked = self.settings.canary is not None and channel.name in self.settings.canary.channels
            return comparison.events if asked else ()
        subscription = Subscription(
            channel=channel.name,
            sources=channel.sources,
            events=channel.events,
            severity=channel.severity,
            ports=channel.ports,
        )
        return matching(subscription, comparison.source, comparison.events)

    def _silenced(self, source: str, event: str) -> bool:
        now = self.now()
        return any(
            each.begin <= now < each.until and selected(each.sources, source) and selected(each.events, event)
            for each in self.settings.silence
        )

    def _begun(self, channel: ChannelSettings, found: Iterable[Delivery], *, kept: bool) -> Iterator[Delivery]:
        """Deliveries in the state they begin in: a channel with a digest gathers what is not kept."""
        if kept:
            yield from (replace(each, state=_SILENCED) for each in found)
        elif channel.digest:
            after = to_text(self.now() + channel.digest)
            yield from (replace(each, state="gathering", after=after) for each in found)
        else:
            yield from found


def recipients(channel: ChannelSettings) -> tuple[str, ...]:
    """Return who is told over a channel: addresses, or "" for a channel that is its own recipient."""
    return tuple(channel.to) if isinstance(channel, EmailChannel) else ("",)
