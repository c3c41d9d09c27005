"""The facts that order the releases of a source."""

from __future__ import annotations

from msgspec import Struct


class Label(Struct, frozen=True, kw_only=True):
    """The facts that a release is ordered by. `observed` is a UTC time; `live`: a check was served it.

    `named` orders imported releases of one day: the UTC time that the file or folder is named after ("" without one),
    `/`, the name, `/`, its folder; or the place of the commit, a UTC time and a number. `sequence` numbers the releases
    that checks were served, in the order in which they were: clocks jump. None: imported, or of an older version.
    """

    digest: str
    published: str | None
    observed: str | None
    live: bool
    named: str | None = None
    sequence: int | None = None

    @property
    def seen(self) -> str:
        """The text that orders releases of one day: the name of an import, else the time of observation."""
        return (None if self.live else self.named) or self.observed or ""


def earliest_sequence(*numbers: int | None) -> int | None:
    """Return the `Label.sequence` of a release with several copies: the smallest."""
    return min((number for number in numbers if number is not None), default=None)


def earliest_name(*names: str | None) -> str | None:
    """Return the `Label.named` that counts for a release with several copies: the earliest of those with a time."""
    return min(filter(None, names), key=lambda name: (name.startswith("/"), name), default=None)


class PlacedRelease(Struct, frozen=True, kw_only=True):
    """A release in the order, with the day (`YYYY-MM-DD`) that it counts for."""

    digest: str
    dated: str


class Ending(Struct, frozen=True, kw_only=True):
    """The last release of a source, and the facts about all of them that show whether a new one comes after it."""

    count: int  # of all releases
    digest: str
    dated: str
    seen: str  # `Label.seen` of the last release
    newest: str  # the latest observation of any release; "" if none was observed
    live: str  # the latest day of a live release; "" if none is live
    sequence: int | None = None  # the greatest `Label.sequence`
    derivations: int = 0  # how often the history was derived again
