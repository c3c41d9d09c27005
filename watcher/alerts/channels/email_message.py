"""The subject, text and HTML of an e-mail about a release, a notice, a digest or a test, safe to display."""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from watcher.alerts.importance import importance, sort_events
from watcher.core.event_details import EventDetails
from watcher.core.model import TEST_MARK, Comparison
from watcher.core.operations import Notice
from watcher.core.patterns import regex
from watcher.registries.event_details import describe_events
from watcher.render import html
from watcher.render.safe_text import visible
from watcher.render.text import render_comparison, render_counts, render_marks

_SUBJECT_LENGTH = 100
_MAX_EVENTS = 200
_MAX_DETAILED = 25  # events with details; the others are one line
# Bytes of the text, and as many of the HTML: quoted-printable makes three of each, and the whole is to have 500 kB.
_MAX_PART = 80_000
_MORE = regex(r" \(\+\d+ more\)$")
_FOOTER = "registry-watcher, list {name}: `watcher diff {source} {old} {new} --all` shows every field."
_TIMED_FOOTER = "registry-watcher, list {name}: `watcher deadlines {source}` lists every early allocation."


class Mail(Struct, frozen=True, kw_only=True):
    """A message before it is written. `importance` orders the messages of a digest."""

    subject: str
    text: str
    html: str
    importance: int = 0


def release_mail(comparison: Comparison, *, list_name: str, address: str = "") -> Mail:
    """Return the mail about a release, the most important events first. `address` is that of the web interface."""
    comparison = replace(comparison, events=sort_events(comparison.events))
    events = comparison.events
    details = describe_events(replace(comparison, events=events[:_MAX_DETAILED]), address=address)
    footer = (_TIMED_FOOTER if comparison.timed else _FOOTER).format(
        name=list_name, source=comparison.source, old=comparison.old.id, new=comparison.new.id
    )
    if comparison.subscriptions:
        footer += f" Subscriptions: {', '.join(comparison.subscriptions)}."
    text = render_comparison(replace(comparison, events=events[:_MAX_EVENTS]), width=78, details=details)
    if len(events) > _MAX_EVENTS:
        text += f"\n\n  {len(events) - _MAX_EVENTS} more events are not listed here."
    return Mail(
        subject=_release_subject(comparison),
        text=f"{_cut_lines(text)}\n\n-- \n{footer}\n",
        html=_fit_page(comparison, details, footer),
        importance=max(map(importance, events), default=0),
    )


def _release_subject(comparison: Comparison) -> str:
    """Return the source and the most important event; of a release that is marked, the mark says more."""
    events = comparison.events
    marks = {mark: sentence for mark, sentence in comparison.marks.items() if mark != TEST_MARK}
    test = "[test] " if TEST_MARK in comparison.marks else ""
    if marks:
        first, left = render_marks(replace(comparison, marks=marks)), len(events)
    elif events:
        first, left = events[0].summary, len(events) - 1
    else:
        first, left = render_counts(comparison.changes), 0
    return subject_line(f"{test}{comparison.source}: {first}", f" (+{left} more)" if left else "")


def _cut_lines(text: str) -> str:
    """Return the lines that a mail has room for, and how many more there are."""
    if len(text.encode()) <= _MAX_PART:
        return text
    kept = text.encode()[:_MAX_PART].decode(errors="ignore").rpartition("\n")[0]
    return f"{kept}\n\n  {text.count(chr(10)) - kept.count(chr(10)):,} more lines are not shown here."


def _fit_page(comparison: Comparison, details: Sequence[EventDetails], note: str) -> str:
    """Return the page with as many details, and then as many events, as a mail has room for."""
    detailed, most = len(details), _MAX_EVENTS
    while True:
        page = html.render_comparison(comparison, details[:detailed], most=most, note=note)
        if len(page.encode()) <= _MAX_PART or not most:
            return page
        detailed, most = (detailed // 2, most) if detailed else (0, most // 2)


def notice_mail(notice: Notice, *, list_name: str) -> Mail:
    rows = [("notice", f"{notice.id} ({notice.severity})"), ("source", notice.source), ("at", notice.at)]
    rows += [(name, text) for name, value in notice.details.items() if (text := _to_text(value))]
    lines = [f"{visible(name):<12} {visible(value)}" for name, value in rows]
    footer = f"registry-watcher, list {list_name}: an operational alert, sent to operators."
    return Mail(
        subject=subject_line(f"[registry-watcher] {notice.source}: {notice.summary}", ""),
        text="\n".join([visible(notice.summary), "", *lines]) + f"\n\n-- \n{footer}\n",
        html=html.render_notice(f"{notice.source}: {notice.summary}", rows, note=footer),
        importance=10 * notice.severity.rank + 10,
    )


def digest_mail(mails: Sequence[Mail], *, list_name: str) -> Mail:
    """Return one mail in place of several, the most important first. Its subject is that of the first."""
    mails = sorted(mails, key=lambda mail: -mail.importance)
    first, others = mails[0], len(mails) - 1
    more = f" (+{others} more message{'' if others == 1 else 's'})" if others else ""
    listed = "\n".join(f"  {number}. {mail.subject}" for number, mail in enumerate(mails, 1))
    parts = [f"{number}. {mail.subject}\n\n{mail.text.rstrip()}" for number, mail in enumerate(mails, 1)]
    heading = f"{len(mails)} messages of registry-watcher, list {list_name}:"
    return Mail(
        subject=subject_line(_MORE.sub("", first.subject), more),
        text=_cut_lines("\n\n\n".join([f"{heading}\n\n{listed}", *parts])) + "\n",
        html=_fit_digest(heading, mails),
        importance=first.importance,
    )


def _fit_digest(heading: str, mails: Sequence[Mail]) -> str:
    """Return the page with as many of the mails as a mail has room for; the others are only listed."""
    subjects = [mail.subject for mail in mails]
    number = len(mails)
    while True:
        left_out = f"{len(mails) - number} of them are only listed here." if number < len(mails) else ""
        page = html.render_digest(heading, subjects, [mail.html for mail in mails[:number]], left_out=left_out)
        if len(page.encode()) <= _MAX_PART or not number:
            return page
        number //= 2


def _to_text(value: object) -> str:
    if isinstance(value, list):
        return "; ".join(filter(None, map(_to_text, value)))
    if isinstance(value, dict):
        return str(value.get("sentence") or ", ".join(f"{name} {inner}" for name, inner in value.items()))
    return "" if value is None else str(value)


def test_mail(list_name: str, created: str) -> Mail:
    text = f"This is a test of channel {list_name}, sent at {created}. No registry changed."
    return Mail(
        subject=subject_line(f"[registry-watcher] test of channel {list_name}", ""),
        text=f"{text}\n",
        html=html.render_notice(f"Test of channel {list_name}", [("sent", created)], note=text),
    )


def subject_line(text: str, more: str) -> str:
    """Return a subject that no mailer decodes into something else, cut at a word to 100 characters with `more`."""
    clean = re.sub(r"\s+", " ", visible(text)).replace("=?", "= ?").replace("?=", "? =").strip()
    room = _SUBJECT_LENGTH - len(more)
    if len(clean) > room:
        cut = clean[: room - 1]
        # A word that is longer than half of the line is cut itself.
        clean = (cut[: cut.rfind(" ")] if " " in cut[room // 2 :] else cut).rstrip(" ,;:(") + "…"
    return clean + more
