"""Decide who receives what, over which channel: subscriptions, shared addresses, silences, digests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from watcher.alerts import messages
from watcher.alerts.channels.base import Channel
from watcher.config.channel_settings import AnyChannel
from watcher.config.settings import Settings
from watcher.core.clock import Clock
from watcher.core.intervals import Interval
from watcher.core.model import CANARY, QUIET_EVENTS, Comparison, Event
from watcher.core.operations import Delivery, Notice
from watcher.core.port_ranges import find_ports, parse_ports
from watcher.core.times import to_text

_SILENCED = "silenced"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRouter:
    """Turns a release or a notice into rendered deliveries; stores and sends nothing. For one thread."""

    settings: Settings
    clock: Clock
    channels: Mapping[str, Channel]

    def for_release(self, comparison: Comparison) -> list[Delivery]:
        """Return the rendered deliveries of a release. An address that several channels list gets one for all."""
        silenced = [
            all(self._is_silenced(source, event.id) for source in _sources(comparison.source, event))
            for event in comparison.events
        ]
        deliveries = []
        for (name, recipient), wanted in self._wanted_events(comparison).items():
            for silent in (False, True):
                numbers = [number for number in sorted(wanted) if silenced[number] is silent]
                if numbers:
                    part = replace(comparison, events=tuple(comparison.events[number] for number in numbers))
                    mark = _SILENCED if silent else ""
                    delivery = messages.render_release(self.channels[name], recipient, part, mark=mark)
                    deliveries.append(self._with_state(delivery, silent=silent))
        return deliveries

    def for_notice(self, notice: Notice) -> list[Delivery]:
        """Return the deliveries that a notice causes, rendered: one for each address of the operators' channels."""
        silent = self.is_silenced(notice)
        deliveries = []
        addressed: set[str] = set()
        for settings in self._enabled():
            if settings.operator:
                channel = self.channels[settings.name]
                recipients = [to for to in channel.recipients() if not to or to.casefold() not in addressed]
                addressed.update(to.casefold() for to in recipients)
                mark = _SILENCED if silent else ""
                rendered = [messages.render_notice(channel, to, notice, mark=mark) for to in recipients]
                deliveries += [self._with_state(delivery, silent=silent) for delivery in rendered]
        return deliveries

    def is_silenced(self, notice: Notice) -> bool:
        return self._is_silenced(notice.source, notice.id)

    def _enabled(self) -> list[AnyChannel]:
        return [settings for settings in self.settings.channel if settings.name in self.channels]

    def _wanted_events(self, comparison: Comparison) -> dict[tuple[str, str], set[int]]:
        """Return the numbers of the events that each recipient of each channel gets, by channel and recipient."""
        wanted: dict[tuple[str, str], set[int]] = {}
        first: dict[str, tuple[str, str]] = {}  # address, in lower case → the first channel that lists it
        index = {id(event): number for number, event in enumerate(comparison.events)}
        for settings in self._enabled():
            events = self._subscribed(settings, comparison)
            for recipient in self.channels[settings.name].recipients() if events else ():
                listed = (settings.name, recipient)
                target = first.setdefault(recipient.casefold(), listed) if recipient else listed
                wanted.setdefault(target, set()).update(index[id(event)] for event in events)
        return wanted

    def _subscribed(self, settings: AnyChannel, comparison: Comparison) -> tuple[Event, ...]:
        if comparison.source == CANARY:
            subscribed = self.settings.canary is not None and settings.name in self.settings.canary.channels
            return comparison.events if subscribed else ()
        return select_events(settings, comparison.source, comparison.events)

    def _is_silenced(self, source: str, event: str) -> bool:
        now = self.clock.now()
        return any(
            silence.begin <= now < silence.until
            and _matches_any(silence.sources, source)
            and _matches_any(silence.events, event)
            for silence in self.settings.silence
        )

    def _with_state(self, delivery: Delivery, *, silent: bool) -> Delivery:
        """Return a delivery in its first state: `silenced`, `gathering` for a digest, or `pending`."""
        if silent:
            return replace(delivery, state=_SILENCED)
        digest = next(settings.digest for settings in self._enabled() if settings.name == delivery.channel)
        if digest:
            return replace(delivery, state="gathering", after=to_text(self.clock.now() + digest))
        return delivery


def select_events(channel: AnyChannel, source: str, events: Iterable[Event]) -> tuple[Event, ...]:
    """Return the events of a source that a channel subscribed to, by their id or one of their further ids (`also`)."""
    ports = [parse_ports(text) for text in channel.ports]
    return tuple(
        event
        for event in events
        if any(_matches_any(channel.sources, name) for name in _sources(source, event))
        and event.severity.rank >= channel.severity.rank
        and _selects(channel.events, event)
        and (not ports or _overlaps(event, ports))
    )


def _sources(source: str, event: Event) -> tuple[str, ...]:
    """Return the groups that an event of a source is about."""
    return (source, event.other.source) if event.other else (source,)


def _selects(globs: Sequence[str], event: Event) -> bool:
    """Return whether the globs match an event; a quiet event needs one that says more than `*`."""
    if event.id in QUIET_EVENTS:
        globs = [glob for glob in globs if glob.strip("*")]
    return any(_matches_any(globs, identifier) for identifier in (event.id, *event.also))


def _matches_any(globs: Iterable[str], name: str) -> bool:
    return any(fnmatchcase(name, glob) for glob in globs)


def _overlaps(event: Event, wanted: Sequence[Interval]) -> bool:
    ranges = [ports for text in event.ports if (ports := find_ports(text))]
    return any(low <= last and first <= high for first, last in ranges for low, high in wanted)
