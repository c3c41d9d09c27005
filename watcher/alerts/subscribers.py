"""Who receives events over which channel: the recipients of a configuration, each with its subscriptions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import Struct

from watcher.alerts.channels.base import Channel
from watcher.alerts.subscriptions import EventView, Inventories, Subscription, matches
from watcher.config.channel_settings import AnyChannel, EmailSettings
from watcher.config.settings import Settings
from watcher.config.subscription_settings import SubscriptionSettings
from watcher.core.digest_schedule import DigestPeriod, DigestSchedule

AT_ONCE = "at-once"  # in place of the digest of the channel
_PERIODS = (*DigestPeriod,)


class Plan(Struct, frozen=True, kw_only=True):
    """A subscription of one recipient, and when what it selects is sent.

    `schedule` is that of its digests; without one, events are sent as the channel says, or `at_once`. `is_own`: these
    are the filters of the channel itself.
    """

    subscription: Subscription
    schedule: DigestSchedule | None = None
    at_once: bool = False
    is_own: bool = False

    @property
    def timing(self) -> str:
        """When it sends, in words: what one recipient gets at one time is one message. "" is as the channel says."""
        return str(self.schedule) if self.schedule else AT_ONCE if self.at_once else ""

    @property
    def urgency(self) -> tuple[int, str]:
        """A key that sorts timings by how soon they send. It does not depend on the time of day."""
        return _PERIODS.index(self.schedule.period) + 2 if self.schedule else int(not self.at_once), self.timing


class Subscriber(Struct, frozen=True, kw_only=True):
    """A recipient of a channel, "" for the channel itself, with its subscriptions."""

    channel: str
    recipient: str
    plans: tuple[Plan, ...]

    def select(self, view: EventView) -> list[Plan]:
        """Return the subscriptions that select an event, the most urgent first."""
        return sorted((plan for plan in self.plans if matches(view, plan.subscription)), key=lambda plan: plan.urgency)


def list_subscribers(
    settings: Settings, channels: Mapping[str, Channel], inventories: Inventories | None
) -> tuple[Subscriber, ...]:
    """Return who receives events over the enabled channels, in the order of the configuration.

    A channel with filters has these as a subscription of all its recipients. A channel without any has one too, which
    selects everything, for the recipients that no subscription names.
    """
    named = _plan_subscriptions(settings, inventories)
    subscribers = []
    for table in settings.channel:
        if table.name not in channels:
            continue
        own = Plan(subscription=Subscription(name=table.name, filter=table.filter), is_own=True)
        listed = channels[table.name].recipients()
        others = (to for name, to in named if name == table.name and to not in listed)
        for recipient in (*listed, *others):
            plans = named.get((table.name, recipient), [])
            is_owned = recipient in listed and (table.has_filters or not plans)
            plans = [own, *plans] if is_owned else plans
            subscribers.append(Subscriber(channel=table.name, recipient=recipient, plans=tuple(plans)))
    return tuple(subscribers)


def _plan_subscriptions(settings: Settings, inventories: Inventories | None) -> Mapping[tuple[str, str], list[Plan]]:
    """Return the enabled subscriptions of each recipient, by channel and address."""
    plans: dict[tuple[str, str], list[Plan]] = {}
    for table in settings.subscription:
        if table.enabled:
            subscription = Subscription(name=table.name, filter=table.filter, inventories=inventories)
            for channel, recipient in dict.fromkeys(find_recipients(table, settings)):
                plan = Plan(
                    subscription=subscription,
                    schedule=table.schedule,
                    at_once=table.digest == AT_ONCE and bool(_channel(settings, channel).digest),
                )
                plans.setdefault((channel, recipient), []).append(plan)
    return plans


def find_recipients(table: SubscriptionSettings, settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield the channel and the address of each recipient of a subscription; "" for a channel without addresses.

    An address belongs to the first e-mail channel that the subscription names. If it names none, to the first one that
    lists the address, else to the only e-mail channel. An address that belongs to none is left out.
    """
    for name in table.channels:
        channel = _channel(settings, name)
        is_mail = isinstance(channel, EmailSettings)
        if not (is_mail and table.recipients):
            yield from (
                (name, recipient) for recipient in (channel.to if isinstance(channel, EmailSettings) else ("",))
            )
    mail = [channel for channel in settings.channel if isinstance(channel, EmailSettings)]
    chosen = [channel for channel in mail if channel.name in table.channels]
    for address in table.recipients:
        listing = chosen or [channel for channel in mail if address.casefold() in map(str.casefold, channel.to)]
        if owner := next(iter(listing or (mail if len(mail) == 1 else ())), None):
            same = (listed for listed in owner.to if listed.casefold() == address.casefold())
            yield owner.name, next(same, address)


def _channel(settings: Settings, name: str) -> AnyChannel:
    return next(channel for channel in settings.channel if channel.name == name)
