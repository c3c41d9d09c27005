"""Why a release that a check was served is not believed yet, and when it is after all. Pure; knows no registry.

Two kinds of mistake are weighed here. A release held though it is real costs one more check; one believed though it
is not costs false alerts. So what a registry can plausibly do to itself is believed at once (2019-06: as-numbers
merged 2,323 rows into 137 under a new date), and what servers do by accident is asked for again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta

from watcher.core.model import Content, Fields, Problem, Section
from watcher.core.operations import Hold, HoldState, Reason

# What a second look can settle. Everything else is for the operator: no number of servings makes it right.
_SETTLED_BY_SERVING = frozenset({"goes_back", "mass_removal", "sub_registries_gone"})
STALE = "stale_server"
LARGE_CHANGE = "large_change"
_LARGE = frozenset({"mass_removal", "sub_registries_gone"})

_FEW = 10  # entries may always go
_FEW_REGISTRIES = 3  # from this number on their going is counted
_HALF = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What is believed of one source.

    `max_gone` is the share of entries that may be gone, and `max_gone_entries` their number, in a release that bears
    no later date than the newest; `max_gone_dated` the share in one that does. `confirm_after` is how many servings in
    a row make a doubtful release believed, the first included; 1 believes at once.
    """

    min_entries: int | None = None
    max_entries: int | None = None
    max_gone: float = 0.2
    max_gone_entries: int = 500
    max_gone_dated: float = 0.95
    confirm_after: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Newest:
    """The newest release there is. `dated` is the day it counts for (`watcher.order`)."""

    content: Content
    dated: str


def doubts(new: Content, newest: Newest | None, bounds: Bounds, *, today: date) -> tuple[Reason, ...]:
    """Return why a release of a content never seen before is not believed; nothing where it is."""
    found = list(_out_of_bounds(new, bounds))
    if newest is not None:
        found += _another_registry(new, newest.content)
        found += _back_in_time(new, newest, today)
        if not _root(new).get("moved_to"):  # a redirect says itself that everything went elsewhere
            found += _entries_gone(new, newest.content, bounds)
            found += _registries_gone(new, newest.content)
    return tuple(found)


def stale(served: str | None, newest: str | None) -> Reason:
    """Return why a release that newer ones followed is not believed; the arguments are the dates that they bear."""
    sentence = f"the release of {served or 'no date'} was served again, older than {newest or 'the newest'}"
    return Reason(code=STALE, sentence=sentence, numbers={"served": served or "", "newest": newest or ""})


def served(known: Hold | None, now: Hold) -> Hold:
    """Return the hold of a release that was served again; `now` is what it would be if this were the first time.

    A rejected release stays rejected. One that was settled otherwise and is doubted again begins anew.
    """
    if known is None:
        return now
    if known.state in (HoldState.HELD, HoldState.REJECTED):
        return replace(
            known,
            reasons=now.reasons if known.state is HoldState.HELD else now.reasons or known.reasons,
            last_seen=now.last_seen,
            times=known.times + 1,
            in_a_row=known.in_a_row + 1,
        )
    return replace(now, sha256=known.sha256, times=known.times + 1)


def believed(hold: Hold, bounds: Bounds) -> bool:
    """Whether a release is taken: nothing speaks against it, or it was served often enough in a row.

    A content never seen before that is served again is what the registry says. A release of ours that comes back
    is more likely a server that lags: it is held for `confirm_after` checks and believed at the one after them.
    """
    if hold.state is not HoldState.HELD:
        return False
    codes = {reason.code for reason in hold.reasons}
    if STALE in codes:
        return hold.in_a_row > bounds.confirm_after
    return not codes or (codes <= _SETTLED_BY_SERVING and hold.in_a_row >= bounds.confirm_after)


def came_back(content: Content, at: str) -> Content:
    """Return a release of ours as the one that it became when it was believed to have come back at a time."""
    return replace(
        content,
        digest=digest_of_return(content.digest, at),
        problems=(*content.problems, Problem(code="rollback", message=f"the release {content.digest[:12]} again")),
    )


def digest_of_return(digest: str, at: str) -> str:
    """Return the digest of the release that another one, named by its own, became when it came back at a time."""
    return hashlib.sha256(f"{digest} {at}".encode()).hexdigest()


def marks(hold: Hold) -> Mapping[str, str]:
    """Return what is out of the ordinary in a release that was doubted and is taken now, for those who are told."""
    large = [reason.sentence for reason in hold.reasons if reason.code in _LARGE]
    return {LARGE_CHANGE: "; ".join(large)} if large else {}


def told(hold: Hold, bounds: Bounds) -> bool:
    """Whether the operator hears of a hold: of a server that lags only when it goes on."""
    if hold.state is not HoldState.HELD:
        return False
    return hold.in_a_row >= bounds.confirm_after or any(reason.code != STALE for reason in hold.reasons)


def _out_of_bounds(new: Content, bounds: Bounds) -> Iterable[Reason]:
    entries = new.entries
    if bounds.min_entries is not None and entries < bounds.min_entries:
        yield Reason(
            code="too_few_entries",
            sentence=f"it has {entries} entries; min_entries is {bounds.min_entries}",
            numbers={"entries": entries, "min_entries": bounds.min_entries},
        )
    if bounds.max_entries is not None and entries > bounds.max_entries:
        yield Reason(
            code="too_many_entries",
            sentence=f"it has {entries} entries; max_entries is {bounds.max_entries}",
            numbers={"entries": entries, "max_entries": bounds.max_entries},
        )


def _another_registry(new: Content, old: Content) -> Iterable[Reason]:
    was, now = (_root(each).get("id", "") for each in (old, new))
    if was and now and was != now:
        yield Reason(
            code="other_registry",
            sentence=f"this is the registry {now!r}; it was {was!r}",
            numbers={"registry": now, "was": was},
        )


def _back_in_time(new: Content, newest: Newest, today: date) -> Iterable[Reason]:
    if new.published and newest.content.published and new.published < _earliest_after(newest, today):
        yield Reason(
            code="goes_back",
            sentence=f"it bears the date {new.published}, before {newest.content.published} of the newest, and was "
            "never seen before",
            numbers={"published": new.published, "newest": newest.content.published},
        )


def _earliest_after(newest: Newest, today: date) -> str:
    """The earliest date that a release after the newest can bear; "" for any.

    A date in the future says nothing of what comes after it (2019-03-26, half a year ahead); it counts as the day
    after it was seen, so that what comes next may bear the day on which it was.
    """
    published = newest.content.published or ""
    if published > (today + timedelta(days=1)).isoformat():
        return ""
    if published > newest.dated:
        return (date.fromisoformat(newest.dated) - timedelta(days=1)).isoformat()
    return published


def _entries_gone(new: Content, old: Content, bounds: Bounds) -> Iterable[Reason]:
    """Counted net: a registry that gives its entries other keys loses none."""
    had, gone = old.entries, old.entries - new.entries
    edited = bool(new.published and old.published and new.published > old.published)
    most = had * bounds.max_gone_dated if edited else min(had * bounds.max_gone, bounds.max_gone_entries)
    if gone > max(most, _FEW):
        yield Reason(
            code="mass_removal",
            sentence=f"{gone} of {had} entries are gone" + ("" if edited else ", and its date has not moved on"),
            numbers={"gone": gone, "entries": had},
        )


def _registries_gone(new: Content, old: Content) -> Iterable[Reason]:
    had, has = (sum(1 for section, _ in each.items if section is Section.REGISTRY) - 1 for each in (old, new))
    gone = had - has
    if gone >= _FEW_REGISTRIES and gone > had * _HALF:
        yield Reason(
            code="sub_registries_gone",
            sentence=f"{gone} of {had} registries in it are gone",
            numbers={"gone": gone, "registries": had},
        )


def _root(content: Content) -> Fields:
    """The header of the whole document: the one under no path."""
    headers = (
        item for (section, key), item in content.items.items() if section is Section.REGISTRY and not any(key.values)
    )
    return next((item.fields for item in headers), {})
