"""All 65,536 ports on one map, on any day, with what changed since another day highlighted; and the same as a table."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from watcher.core.errors import UsageError
from watcher.core.suggestions import PROTOCOLS
from watcher.render.hilbert import SIDE, draw_runs, merge_runs, place_of
from watcher.reports.port_space import PORTS, PortSpace, PortSpan, PortUse, read_port_space
from watcher.store.history_rows import StoredRelease
from watcher.store.store import Store
from watcher.web.filters import one_of, read_day
from watcher.web.html import render_html
from watcher.web.page import PageContext, PageRequest, PageResponse
from watcher.web.recent import RecentResults

_ROWS = 400
_MOST_SPACES = 8  # of a megabyte each
_SPACES: RecentResults[PortSpace] = RecentResults(_MOST_SPACES)
_QUARTERS = "0123"  # of the curve, in the order of the numbers
_DEEPEST = 6


def render(context: PageContext, request: PageRequest) -> PageResponse:
    (source,) = request.parts
    protocol = next(iter(one_of(request, "protocol", PROTOCOLS)), "")
    with context.open_store() as store:
        if store.history.read_registry_id(source) != "ports":
            raise UsageError(f"{source} is not a registry of ports")
        release = store.history.find_release(source, read_day(request, "at") or "latest")
        space = _read(store, source, release, protocol)
        since = read_day(request, "from")
        old = _read(store, source, store.history.find_release(source, since), protocol) if since else None
    zoom = "".join(digit for digit in request.text("zoom")[:_DEEPEST] if digit in _QUARTERS)
    low, high = _range(zoom)
    changed = merge_runs(space.differing(old)) if old is not None else []
    shown = [(first, last) for first, last in changed if first <= high and last >= low]
    spans, more_spans = _list_spans(space, low, high)
    return render_html(
        "port_map.html",
        viewer=request.viewer,
        source=source,
        release=release,
        old=old,
        paths=_draw(space),
        lit=draw_runs(changed),
        changed=shown[:_ROWS],
        counts=_count(space, low, high),
        uses=list(PortUse),
        view=_view(zoom),
        quarters=[(zoom + quarter, *_view(zoom + quarter), *_range(zoom + quarter)) for quarter in _QUARTERS]
        if len(zoom) < _DEEPEST
        else [],
        zoom=zoom,
        low=low,
        high=high,
        spans=spans,
        more_spans=more_spans,
        query=request,
        protocols=PROTOCOLS,
    )


def _read(store: Store, source: str, release: StoredRelease, protocol: str) -> PortSpace:
    """Return the ports of a release. The last few are kept: a map is looked at from many sides."""
    key = (source, release.digest, protocol)
    space = _SPACES.find(key)
    if space is None:
        space = read_port_space(store.history, source, release, protocol)
        _SPACES.keep(key, space)
    return space


@lru_cache(maxsize=_MOST_SPACES)
def _count(space: PortSpace, low: int, high: int) -> Mapping[PortUse, int]:
    return space.count(low, high)


@lru_cache(maxsize=_MOST_SPACES)
def _list_spans(space: PortSpace, low: int, high: int) -> tuple[list[PortSpan], int]:
    """Return the spans that the table shows, and how many more there are."""
    spans = space.spans(low, high)
    return spans[:_ROWS], max(0, len(spans) - _ROWS)


@lru_cache(maxsize=_MOST_SPACES)
def _draw(space: PortSpace) -> Mapping[PortUse, str]:
    return {use: draw_runs(runs) for use, runs in space.runs().items() if runs}


def _range(zoom: str) -> tuple[int, int]:
    """Return the ports of a part of the map: each digit of `zoom` takes a quarter of the one before."""
    low, size = 0, PORTS
    for digit in zoom:
        size //= 4
        low += size * int(digit)
    return low, low + size - 1


def _view(zoom: str) -> tuple[int, int, int]:
    """Return left, top and side of the square that a part of the map fills."""
    low, high = _range(zoom)
    corners = [place_of(low), place_of(high), place_of((low + high) // 2)]
    side = SIDE >> len(zoom)
    return min(column for column, _ in corners) // side * side, min(row for _, row in corners) // side * side, side
