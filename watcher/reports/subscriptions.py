"""What subscriptions would have received from the history: the events that each selects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from watcher.alerts.subscribers import Plan, Subscriber
from watcher.alerts.subscriptions import matches
from watcher.core.model import CANARY
from watcher.reports.attention import view_event
from watcher.reports.events import ObservedEvent, observe_event
from watcher.reports.observation import ObservationGaps
from watcher.store.event_query import EventQuery
from watcher.store.store import Store


class SubscribedPlan(Struct, frozen=True, kw_only=True):
    """A subscription or the filters of a channel, and who receives what it selects."""

    name: str
    plan: Plan
    recipients: tuple[tuple[str, str], ...]  # channel and address

    @property
    def timing(self) -> str:
        return self.plan.timing or "as the channel"


class Selection(Struct, frozen=True, kw_only=True):
    """The events that one subscription selects, the oldest first; `ignored` are those that a rule ignores."""

    subscribed: SubscribedPlan
    events: tuple[ObservedEvent, ...]
    ignored: tuple[ObservedEvent, ...]


def list_plans(subscribers: Sequence[Subscriber]) -> list[SubscribedPlan]:
    """Return the subscriptions of all subscribers, each once, channels by their name after `channel:`."""
    plans: dict[str, Plan] = {}
    recipients: dict[str, list[tuple[str, str]]] = {}
    for subscriber in subscribers:
        for plan in subscriber.plans:
            name = f"channel:{plan.subscription.name}" if plan.is_own else plan.subscription.name
            plans.setdefault(name, plan)
            recipients.setdefault(name, []).append((subscriber.channel, subscriber.recipient))
    return [SubscribedPlan(name=name, plan=plan, recipients=tuple(recipients[name])) for name, plan in plans.items()]


def select_from_history(
    store: Store,
    observation: ObservationGaps,
    plans: Sequence[SubscribedPlan],
    *,
    since: str | None = None,
    until: str | None = None,
) -> list[Selection]:
    """Return what each of some subscriptions selects among the events of a time, in their order.

    Silences do not count, nor that the first release of a source sends no alerts.
    """
    events: dict[str, list[ObservedEvent]] = {plan.name: [] for plan in plans}
    ignored: dict[str, list[ObservedEvent]] = {plan.name: [] for plan in plans}
    filters = [plan.plan.subscription.filter for plan in plans]
    for stored in store.history.events.find(EventQuery(since=since, until=until)):
        if stored.source == CANARY:
            continue
        view = view_event(store, stored, filters)
        if names := [plan.name for plan in plans if matches(view, plan.plan.subscription)]:
            observed = observe_event(stored, observation)
            for name in names:
                (events if observed.attention.ignored is None else ignored)[name].append(observed)
    return [
        Selection(subscribed=plan, events=tuple(events[plan.name]), ignored=tuple(ignored[plan.name])) for plan in plans
    ]


def plan_document(subscribed: SubscribedPlan) -> dict[str, Any]:
    """Return a subscription as the JSON contract has it."""
    return {
        "subscription": subscribed.name,
        "timing": subscribed.timing,
        "recipients": [
            {"channel": channel, "recipient": recipient or None} for channel, recipient in subscribed.recipients
        ],
    }
