"""Memento (RFC 7089): the states of a source or an entry over time, for clients that ask for one of a day.

An original resource is a page or a path of the API that shows what holds now. Its mementos are the same as of a
release. A TimeGate leads to the memento of a time, a TimeMap lists all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

from msgspec import Struct

from watcher.core.errors import UsageError
from watcher.core.times import from_text
from watcher.reports.entry import find_entry, read_subject
from watcher.store.history_rows import StoredRelease
from watcher.store.store import Store
from watcher.web.html import link
from watcher.web.page import PageContext, PageRequest, PageResponse
from watcher.web.parameters import BadRequestError

_LINK_FORMAT = "application/link-format"


class Original(Struct, frozen=True, kw_only=True):
    """An original resource: its path, and the path of its memento in a release."""

    path: str
    memento: Callable[[str], str]
    source: str
    entry: Sequence[str] = ()

    @property
    def timegate(self) -> str:
        return f"/-/timegate{self.path}"

    @property
    def timemap(self) -> str:
        return f"/-/timemap{self.path}"


def source_original(source: str) -> Original:
    """Return a source: its timeline, whose mementos are the pages of its releases."""
    return Original(path=link(source), memento=lambda release: link(source, "release", release), source=source)


def document_original(source: str) -> Original:
    """Return the document that a source publishes, whose mementos are its bytes as they were served."""
    path = link(source, "release", "latest", "bytes")
    return Original(path=path, memento=lambda release: link(source, "release", release, "bytes"), source=source)


def entry_original(source: str, what: Sequence[str], registry: str = "") -> Original:
    """Return the page of an entry; `registry` is the path of its nested registry."""
    return Original(
        path=link(source, "entry", *what, registry=registry),
        memento=lambda release: link(source, "entry", *what, registry=registry, at=release),
        source=source,
        entry=what,
    )


def api_original(source: str, what: str) -> Original:
    """Return an entry as the API has it."""
    parts = ("api", "v1", "sources", source, "entries", what)
    return Original(
        path=link(*parts), memento=lambda release: link(*parts, at=release), source=source, entry=what.split("/")
    )


def find_instant(release: StoredRelease) -> datetime:
    """Return since when a release with a date holds: its day, to the second if a check saw it on that day."""
    observed = release.release.observed
    return from_text(observed if observed and observed[:10] == release.dated else f"{release.dated}T00:00:00Z")


def describe_original(request: PageRequest, original: Original) -> Mapping[str, str]:
    """Return the headers of an original resource."""
    return {"Link": ", ".join(_links(request.base, original, ("timegate", "timemap")))}


def describe_memento(request: PageRequest, original: Original, release: StoredRelease) -> Mapping[str, str]:
    """Return the headers of a memento, which `request` asks for. A release without any date is not one."""
    if not release.dated:
        return describe_original(request, original)
    links = ", ".join(_links(request.base, original, ("original", "timegate", "timemap")))
    return {"Link": links, "Memento-Datetime": _date(find_instant(release))}


def render_timegate(context: PageContext, request: PageRequest) -> PageResponse:
    """Redirect to the state at the Accept-Datetime: the first one before it began, the newest one without the header.

    Raises BadRequestError for a malformed date, UsageError without such a resource.
    """
    original = _read_original(request)
    accepted = request.headers.get("accept-datetime")
    wanted = _parse_date(accepted) if accepted is not None else None
    mementos = _list_mementos(context, original)
    held = [release for release in mementos if wanted is None or find_instant(release) <= wanted]
    chosen = held[-1] if held else mementos[0]
    ends = {release.row: release for release in (mementos[0], chosen, mementos[-1])}
    links = [
        *_links(request.base, original, ("original", "timemap")),
        *_memento_links(request.base, original, [*ends.values()]),
    ]
    headers = {
        "Location": request.base + original.memento(chosen.release.id),
        "Vary": "accept-datetime",
        "Link": ", ".join(links),
    }
    return PageResponse(status=302, headers=headers)


def render_timemap(context: PageContext, request: PageRequest) -> PageResponse:
    """Return all mementos in link format (RFC 6690), the oldest first. Raises UsageError without such a resource."""
    original = _read_original(request)
    mementos = _list_mementos(context, original)
    span = f'from="{_date(find_instant(mementos[0]))}"; until="{_date(find_instant(mementos[-1]))}"'
    links = [
        *_links(request.base, original, ("original",)),
        f'<{request.base}{original.timemap}>; rel="self"; type="{_LINK_FORMAT}"; {span}',
        *_links(request.base, original, ("timegate",)),
        *_memento_links(request.base, original, mementos),
    ]
    return PageResponse(body=(",\n".join(links) + "\n").encode(), content_type=_LINK_FORMAT)


def _read_original(request: PageRequest) -> Original:
    """Return the original resource whose path follows that of a TimeGate or TimeMap. Raises UsageError."""
    match list(request.parts):
        case ["api", "v1", "sources", source, "entries", what]:
            return api_original(source, what)
        case [source]:
            return source_original(source)
        case [source, "release", "latest", "bytes"]:
            return document_original(source)
        case [source, "entry", *what] if what:
            return entry_original(source, what, request.text("registry"))
    raise UsageError("no such resource; there are /SOURCE, /SOURCE/entry/WHAT and /SOURCE/release/latest/bytes")


def _list_mementos(context: PageContext, original: Original) -> Sequence[StoredRelease]:
    """Return the releases that are states of a resource, at least one, the oldest first. Raises UsageError."""
    with context.open_store() as store:
        releases = (
            _find_states(context, store, original) if original.entry else store.history.list_releases(original.source)
        )
    releases = [release for release in releases if release.dated]
    if not releases:
        raise UsageError(f"{original.source} has no release with a date yet")
    return sorted(releases, key=lambda release: (find_instant(release), release.place))


def _find_states(context: PageContext, store: Store, original: Original) -> Sequence[StoredRelease]:
    """Return the releases of the source that changed, added or removed an entry."""
    what = "/".join(original.entry)
    subject = read_subject(store.history, original.source, what)
    entry = find_entry(store.history, context.observation(store), original.source, subject)
    ends = [release for version in entry.versions for release in (version.first, version.until) if release is not None]
    return list({release.row: release for release in ends if release.release.source == original.source}.values())


def _links(base: str, original: Original, relations: Sequence[str]) -> list[str]:
    targets = {
        "original": f'<{base}{original.path}>; rel="original"',
        "timegate": f'<{base}{original.timegate}>; rel="timegate"',
        "timemap": f'<{base}{original.timemap}>; rel="timemap"; type="{_LINK_FORMAT}"',
    }
    return [targets[relation] for relation in relations]


def _memento_links(base: str, original: Original, mementos: Sequence[StoredRelease]) -> list[str]:
    """Return the links to mementos, of which the first and the last are those of the whole TimeMap."""
    lines = []
    for release in mementos:
        ends = ("first ", release is mementos[0]), ("last ", release is mementos[-1])
        relation = "".join(word for word, holds in ends if holds) + "memento"
        url = base + original.memento(release.release.id)
        lines.append(f'<{url}>; rel="{relation}"; datetime="{_date(find_instant(release))}"')
    return lines


def _date(when: datetime) -> str:
    return format_datetime(when, usegmt=True)


def _parse_date(text: str) -> datetime:
    """Return the time of an HTTP date (RFC 1123). Raises BadRequestError for any other form."""
    try:
        when = parsedate_to_datetime(text)
        if format_datetime(when.astimezone(UTC), usegmt=True) == text:
            return when
    except (ValueError, TypeError, OverflowError):
        pass
    raise BadRequestError(f"Accept-Datetime: {text!r} is not a date of the form 'Thu, 31 May 2007 20:35:00 GMT'")
