"""Decide who receives what, over which channel: subscriptions, shared addresses, silences, digests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property

from msgspec import Struct
from msgspec.structs import replace

from watcher.alerts import messages
from watcher.alerts.channels.base import Channel
from watcher.alerts.subscribers import AT_ONCE, Plan, Subscriber, list_subscribers
from watcher.alerts.subscriptions import (
    EventView,
    Inventories,
    Subscription,
    compile_rules,
    find_ignoring,
    matches_any,
    view_events,
)
from watcher.config.channel_settings import AnyChannel
from watcher.config.settings import Settings
from watcher.core.clock import Clock
from watcher.core.digest_schedule import DigestSchedule
from watcher.core.event_filter import EventFilter, IgnoreRule
from watcher.core.model import CANARY, Comparison
from watcher.core.operations import Delivery, Notice
from watcher.core.times import to_text

_SILENCED = "silenced"
_CANARY_PLAN = Plan(subscription=Subscription(name=CANARY, filter=EventFilter()), is_own=True)


class AlertRouter(Struct, frozen=True, kw_only=True, dict=True):
    """Turns a release or a notice into rendered deliveries; stores and sends nothing. For one thread."""

    settings: Settings
    clock: Clock
    channels: Mapping[str, Channel]
    inventories: Inventories | None = None

    def for_release(self, comparison: Comparison) -> list[Delivery]:
        """Return the rendered deliveries of a release. An address that several channels list gets one for all."""
        silenced = [
            all(self._is_silenced(source, view.event.id) for source in view.sources) for view in view_events(comparison)
        ]
        deliveries = []
        for (name, recipient, timing), plans in self._plan(comparison).items():
            for silent in (False, True):
                numbers = [number for number in sorted(plans) if silenced[number] is silent]
                if numbers:
                    part = replace(
                        comparison,
                        events=tuple(comparison.events[number] for number in numbers),
                        subscriptions=self._name_subscriptions(plans[number] for number in numbers),
                    )
                    mark = " ".join(filter(None, (timing, _SILENCED if silent else "")))
                    delivery = messages.render_release(self.channels[name], recipient, part, mark=mark)
                    deliveries.append(self._with_state(delivery, timing, silent=silent))
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

    @cached_property
    def subscribers(self) -> tuple[Subscriber, ...]:
        """Who receives events over the enabled channels."""
        return list_subscribers(self.settings, self.channels, self.inventories)

    @cached_property
    def _schedules(self) -> Mapping[str, DigestSchedule]:
        plans = [plan for subscriber in self.subscribers for plan in subscriber.plans]
        return {plan.timing: plan.schedule for plan in plans if plan.schedule}

    @cached_property
    def _ignoring(self) -> list[tuple[IgnoreRule, Subscription]]:
        return compile_rules((table.rule for table in self.settings.ignore), self.inventories)

    def _plan(self, comparison: Comparison) -> dict[tuple[str, str, str], dict[int, list[Plan]]]:
        """Return the numbers of the events of each message, by channel, recipient and timing, with their plans.

        An event is sent once to a recipient, at the earliest of the times that its subscriptions name.
        """
        selected: dict[tuple[str, str], dict[int, list[Plan]]] = {}
        first: dict[str, tuple[str, str]] = {}  # address, in lower case → the first channel that sends to it
        views = self._list_due_views(comparison)
        for subscriber in self.subscribers:
            plans = {number: chosen for number, view in views.items() if (chosen := self._select(subscriber, view))}
            if plans:
                listed = (subscriber.channel, subscriber.recipient)
                target = first.setdefault(listed[1].casefold(), listed) if listed[1] else listed
                for number, chosen in plans.items():
                    selected.setdefault(target, {}).setdefault(number, []).extend(chosen)
        planned: dict[tuple[str, str, str], dict[int, list[Plan]]] = {}
        for (channel, recipient), events in selected.items():
            for number, chosen in events.items():
                soonest = min(chosen, key=lambda plan: plan.urgency)
                planned.setdefault((channel, recipient, soonest.timing), {})[number] = chosen
        return planned

    def _list_due_views(self, comparison: Comparison) -> dict[int, EventView]:
        """Return the events that no rule ignores, by their number."""
        at = comparison.timed or comparison.new.observed or comparison.new.published or ""
        return {
            number: view
            for number, view in enumerate(view_events(comparison))
            if comparison.source == CANARY or find_ignoring(view, self._ignoring, at) is None
        }

    def _select(self, subscriber: Subscriber, view: EventView) -> list[Plan]:
        if view.source != CANARY:
            return subscriber.select(view)
        is_subscribed = self.settings.canary is not None and subscriber.channel in self.settings.canary.channels
        return [_CANARY_PLAN] if is_subscribed else []

    def _name_subscriptions(self, plans: Iterable[Iterable[Plan]]) -> tuple[str, ...]:
        """Return the names of some subscriptions in the order of the configuration."""
        names = {plan.subscription.name for chosen in plans for plan in chosen if not plan.is_own}
        return tuple(table.name for table in self.settings.subscription if table.name in names)

    def _is_silenced(self, source: str, event: str) -> bool:
        now = self.clock.now()
        return any(
            silence.begin <= now < silence.until
            and matches_any(silence.sources, source)
            and matches_any(silence.events, event)
            for silence in self.settings.silence
        )

    def _with_state(self, delivery: Delivery, timing: str = "", *, silent: bool) -> Delivery:
        """Return a delivery in its first state: `silenced`, `gathering` for a digest, or `pending`."""
        if silent:
            return replace(delivery, state=_SILENCED)
        now = self.clock.now()
        if schedule := self._schedules.get(timing):
            after = to_text(schedule.find_next(now))
            return replace(delivery, state="gathering", after=after, schedule=timing)
        digest = next(settings.digest for settings in self._enabled() if settings.name == delivery.channel)
        if digest and timing != AT_ONCE:
            return replace(delivery, state="gathering", after=to_text(now + digest))
        return delivery
