"""A comparison as a page without scripts and remote content. Also the HTML part of a mail."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from watcher.core.event_details import EntryDetails, EventDetails, FieldDifference, Link, Person
from watcher.core.event_words import say_event
from watcher.core.lazy import load
from watcher.core.model import Comparison, Event
from watcher.core.patterns import regex
from watcher.render.details_text import label_person, name_entries
from watcher.render.safe_text import visible
from watcher.render.text import TIMED, describe_releases, render_counts, render_marks

if TYPE_CHECKING:
    from jinja2 import Environment, Template

Part = Mapping[str, str]  # of a cell: `text`, its `kind` (removed, added) and its `url`
_WEB = regex(r"https?://[^\s<>\"]+", re.IGNORECASE)
_MAIL = regex(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", re.ASCII)
# What a page shows. Registry text has no `<` of its own in it. Messages of older versions have no <main>.
_BODIES = (regex(r"<main>(.*?)</main>", re.DOTALL), regex(r"<body[^>]*>(.*?)</body>", re.DOTALL))


@cache
def _template(name: str) -> Template:
    """Return a template. Registry text is only ever an escaped value in it, never a template itself."""
    return _environment().get_template(name)


@cache
def _environment() -> Environment:
    # Loaded with the first page: most commands render none.
    jinja = load("jinja2")
    environment: Environment = jinja.Environment(
        loader=jinja.PackageLoader("watcher.render"),
        autoescape=True,
        undefined=jinja.StrictUndefined,
        trim_blocks=True,
    )
    return environment


def render_notice(title: str, rows: Sequence[tuple[str, str]], *, note: str) -> str:
    """Return the page of an operational alert; `rows` are pairs of a name and its value."""
    return _template("notice.html").render(
        title=visible(title), rows=[(visible(name), visible(value)) for name, value in rows], note=note
    )


def render_digest(title: str, subjects: Sequence[str], pages: Sequence[str], *, left_out: str = "") -> str:
    """Return one page with the bodies of others that this module made."""
    # Everything in them was escaped when their page was made.
    bodies = [load("markupsafe").Markup(match[1]) for page in pages if (match := _find_body(page))]
    return _template("digest.html").render(
        title=visible(title), subjects=[*map(visible, subjects)], pages=bodies, left_out=left_out
    )


def _find_body(page: str) -> re.Match[str] | None:
    return next((match for body in _BODIES if (match := body.search(page))), None)


def render_comparison(
    comparison: Comparison,
    details: Sequence[EventDetails] = (),
    *,
    most: int | None = None,
    note: str = "",
) -> str:
    """Return the page. The first events have the `details` that are given, in their order; the others are one line.

    It lists at most `most` events and says how many more there are.
    """
    shown = comparison.events[:most]
    left = len(comparison.events) - len(shown)
    releases = describe_releases(comparison)
    return _template("comparison.html").render(
        title=f"{comparison.source}: {releases}",
        source=comparison.source,
        releases=releases,
        summary=TIMED if comparison.timed else render_counts(comparison.changes),
        marked=render_marks(comparison),
        events=[_describe_card(event, described) for event, described in zip(shown, details, strict=False)],
        others=[_describe_line(event) for event in shown[len(details) :]],
        left_out=f"{left} more events are not listed here." if left else "",
        note=visible(note),
    )


def _describe_line(event: Event) -> dict[str, Any]:
    return {"severity": event.severity, "id": event.id, "sentence": visible(say_event(event))}


def _describe_card(event: Event, details: EventDetails) -> dict[str, Any]:
    page = "This entry" if "/entry/" in details.link else "This release"
    links = [("IANA registry", details.registry.url if details.registry else ""), (page, details.link)]
    return {
        **_describe_line(event),
        "entries": [{"name": name_entries(entry), "rows": list(_list_rows(entry))} for entry in details.entries],
        "more_entries": details.more_entries,
        "links": [{"text": text, "url": url} for text, url in links if url],
        "command": visible(details.command),
    }


def _list_rows(entry: EntryDetails) -> Iterator[dict[str, Any]]:
    for difference in entry.differences:
        yield {"label": visible(difference.word), "parts": list(_list_changed_parts(difference))}
    for text in entry.texts:
        yield {"label": visible(text.word), "parts": list(_list_linked_parts(text.text))}
    for person in entry.people:
        yield {"label": visible(label_person(person)), "parts": list(_list_person_parts(person))}
    if entry.references:
        parts = [part for link in entry.references for part in (_part(" "), _link_part(link))]
        yield {"label": "references", "parts": parts[1:]}


def _part(text: str, *, kind: str = "", url: str = "") -> Part:
    return {"text": visible(text), "kind": kind, "url": url}


def _link_part(link: Link) -> Part:
    return _part(link.text, url=link.url if _WEB.fullmatch(link.url) else "")


def _list_changed_parts(difference: FieldDifference) -> Iterator[Part]:
    if not difference.hunks:
        yield _part(difference.before, kind="removed") if difference.before else _part("(none)")
        yield _part(" → ")
        yield _part(difference.after, kind="added") if difference.after else _part("(none)")
    for number, hunk in enumerate(difference.hunks):
        words = [(" … ", "")] if number else []
        words += [(hunk.left, ""), (hunk.removed, "removed"), (hunk.added, "added"), (hunk.right, "")]
        for position, (text, kind) in enumerate(pair for pair in words if pair[0]):
            if position:
                yield _part(" ")
            yield _part(text, kind=kind)
    if difference.more_hunks:
        yield _part(f" … and {difference.more_hunks} more places")


def _list_linked_parts(text: str) -> Iterator[Part]:
    """Yield a text with its URLs as links. Punctuation at the end of a URL is not part of it."""
    start = 0
    for match in _WEB.finditer(text):
        url = match[0].rstrip(".,;:)]}'")
        if url == visible(url):
            yield _part(text[start : match.start()])
            yield _part(url, url=url)
            start = match.start() + len(url)
    yield _part(text[start:])


def _list_person_parts(person: Person) -> Iterator[Part]:
    names = ", ".join(dict.fromkeys(filter(None, (person.name, person.organisation))))
    if names or not person.addresses:
        yield _part(names or person.id)
    for number, address in enumerate(person.addresses):
        if names or number:
            yield _part(", ")
        url = address if _WEB.fullmatch(address) else f"mailto:{address}" if _MAIL.fullmatch(address) else ""
        yield _part(address, url=url)
