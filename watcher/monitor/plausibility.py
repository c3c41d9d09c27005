"""Decide whether a release that a check was served is accepted at once or held. Pure; knows no registry.

Two mistakes are weighed. Holding a real release costs one more check; accepting a false one costs false alerts. So
changes that a registry plausibly makes are accepted at once (2019-06: as-numbers merged 2,323 rows into 137 under a
new date), and accidents that servers have need a second check to confirm them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import date, timedelta

from msgspec import Struct
from msgspec.structs import replace

from watcher.core.model import ROOT, Content, Problem, Section
from watcher.core.operations import Hold, HoldState, Reason
from watcher.diff.relatedness import describe_unrelated

# Reasons that another check can settle. All others are for the operator, however often the release is served.
_CONFIRMABLE = frozenset({"goes_back", "mass_removal", "sub_registries_gone"})
STALE = "stale_server"
LARGE_CHANGE = "large_change"
_LARGE = frozenset({"mass_removal", "sub_registries_gone"})

_REMOVALS_ALLOWED = 10  # entries, however small the registry is
_SUB_REGISTRIES_COUNTED = 3  # fewer removed sub-registries are no reason
_HALF = 0.5


class Bounds(Struct, frozen=True, kw_only=True):
    """When releases of one source are held.

    `max_gone` and `max_gone_entries` are the share and the number of entries that a release may remove if its date is
    not later than the newest release's; `max_gone_dated` is the share if it is. `confirm_after` is the number of
    checks in a row, the first included, that confirm a held release; 1 accepts it at once.
    """

    min_entries: int | None = None
    max_entries: int | None = None
    max_gone: float = 0.2
    max_gone_entries: int = 500
    max_gone_dated: float = 0.95
    confirm_after: int = 2


class Newest(Struct, frozen=True, kw_only=True):
    """The newest release in the history. `dated` is the day it counts for (`ordering`)."""

    content: Content
    dated: str


def reasons_to_hold(new: Content, newest: Newest | None, bounds: Bounds, *, today: date) -> tuple[Reason, ...]:
    """Return the reasons to hold a release whose content is new; empty if it is plausible."""
    reasons = list(_out_of_bounds(new, bounds))
    if newest is not None:
        reasons += _other_registry(new, newest.content)
        reasons += _goes_back(new, newest, today)
        if not _is_redirect(new):
            reasons += _other_table(new, newest.content, bounds)
            reasons += _mass_removal(new, newest.content, bounds)
            reasons += _sub_registries_removed(new, newest.content)
    return tuple(reasons)


def stale_reason(served: str | None, newest: str | None) -> Reason:
    """Return the reason to hold a release that newer ones followed; the arguments are the releases' own dates."""
    sentence = f"the release of {served or 'no date'} was served again, older than {newest or 'the newest'}"
    return Reason(code=STALE, sentence=sentence, numbers={"served": served or "", "newest": newest or ""})


def count_serving(earlier: Hold | None, current: Hold) -> Hold:
    """Return the hold of a release after one more check was served it.

    `current` is the hold that it would be the first time. A rejected release stays rejected; one that was settled in
    any other way starts a new hold.
    """
    if earlier is None:
        return current
    if earlier.state in (HoldState.HELD, HoldState.REJECTED):
        return replace(
            earlier,
            reasons=current.reasons if earlier.state is HoldState.HELD else current.reasons or earlier.reasons,
            last_seen=current.last_seen,
            times=earlier.times + 1,
            in_a_row=earlier.in_a_row + 1,
        )
    return replace(current, sha256=earlier.sha256, times=earlier.times + 1)


def is_confirmed(hold: Hold, bounds: Bounds) -> bool:
    """Return whether a held release is accepted: no reason is left, or it was served often enough in a row.

    New content that is served again is what the registry says. An old release that is served again more likely comes
    from a server that lags: it is held for `confirm_after` checks and accepted at the next one.
    """
    if hold.state is not HoldState.HELD:
        return False
    codes = {reason.code for reason in hold.reasons}
    if STALE in codes:
        return hold.in_a_row > bounds.confirm_after
    return not codes or (codes <= _CONFIRMABLE and hold.in_a_row >= bounds.confirm_after)


def as_returned(content: Content, at: str) -> Content:
    """Return the content of an old release as the release that it became when it came back at a time."""
    return replace(
        content,
        digest=returned_digest(content.digest, at),
        problems=(*content.problems, Problem(code="rollback", message=f"the release {content.digest[:12]} again")),
    )


def returned_digest(digest: str, at: str) -> str:
    """Return the digest of the release that an old one became when it came back at a time."""
    return hashlib.sha256(f"{digest} {at}".encode()).hexdigest()


def large_change_marks(hold: Hold) -> Mapping[str, str]:
    """Return the marks of an accepted release that was held for a large change: subscribers see them."""
    sentences = [reason.sentence for reason in hold.reasons if reason.code in _LARGE]
    return {LARGE_CHANGE: "; ".join(sentences)} if sentences else {}


def should_notify(hold: Hold, bounds: Bounds) -> bool:
    """Return whether the operators are notified of a hold; a server that lags is notified only when it goes on."""
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


def _other_registry(new: Content, old: Content) -> Iterable[Reason]:
    if old.document and new.document and old.document != new.document:
        yield Reason(
            code="other_registry",
            sentence=f"this is the registry {new.document!r}; it was {old.document!r}",
            numbers={"registry": new.document, "was": old.document},
        )


def _other_table(new: Content, old: Content, bounds: Bounds) -> Iterable[Reason]:
    """Compare plain tables, which bear no id. `max_gone = 1` allows that all entries are other ones."""
    if old.document or new.document or not old.entries:
        return
    if sentence := describe_unrelated(old, new, compare_entries=bounds.max_gone < 1):
        yield Reason(code="other_table", sentence=sentence, numbers={"entries": new.entries, "was": old.entries})


def _goes_back(new: Content, newest: Newest, today: date) -> Iterable[Reason]:
    if new.published and newest.content.published and new.published < _earliest_after(newest, today):
        yield Reason(
            code="goes_back",
            sentence=f"its date is {new.published}, before {newest.content.published} of the newest release, and it "
            "was never seen before",
            numbers={"published": new.published, "newest": newest.content.published},
        )


def _earliest_after(newest: Newest, today: date) -> str:
    """Return the earliest date that the release after the newest can have; "" for any.

    A date in the future says nothing about the dates after it (2019-03-26 had one half a year ahead). It counts as the
    day after it was seen, so that the next release may have the date of the day it is seen.
    """
    published = newest.content.published or ""
    if published > (today + timedelta(days=1)).isoformat():
        return ""
    if published > newest.dated:
        return (date.fromisoformat(newest.dated) - timedelta(days=1)).isoformat()
    return published


def _mass_removal(new: Content, old: Content, bounds: Bounds) -> Iterable[Reason]:
    """Compare the numbers of entries: a registry that gives its entries other keys removes none."""
    before, removed = old.entries, old.entries - new.entries
    is_later = bool(new.published and old.published and new.published > old.published)
    allowed = before * bounds.max_gone_dated if is_later else min(before * bounds.max_gone, bounds.max_gone_entries)
    if removed > max(allowed, _REMOVALS_ALLOWED):
        yield Reason(
            code="mass_removal",
            sentence=f"{removed} of {before} entries are removed" + ("" if is_later else ", and its date is not later"),
            numbers={"gone": removed, "entries": before},
        )


def _sub_registries_removed(new: Content, old: Content) -> Iterable[Reason]:
    before, after = (
        sum(1 for section, _ in content.items if section is Section.REGISTRY) - 1 for content in (old, new)
    )
    removed = before - after
    if removed >= _SUB_REGISTRIES_COUNTED and removed > before * _HALF:
        yield Reason(
            code="sub_registries_gone",
            sentence=f"{removed} of {before} sub-registries are removed",
            numbers={"gone": removed, "registries": before},
        )


def _is_redirect(content: Content) -> bool:
    """Return whether a document only says where the registry moved, so that it has no entries."""
    root = content.items.get((Section.REGISTRY, ROOT))
    return root is not None and bool(root.fields.get("moved_to"))
