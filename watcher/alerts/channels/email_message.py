"""The subject, text and HTML of an e-mail about a release, a notice, a digest or a test, safe to display."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from watcher.core.model import Comparison
from watcher.core.operations import Notice
from watcher.render import html
from watcher.render.safe_text import visible
from watcher.render.text import render_comparison, render_counts, render_marks

_SUBJECT_LENGTH = 150
_MAX_EVENTS = 200
# Bytes of the text, and as many of the HTML: quoted-printable makes three of each, and the whole is to have 500 kB.
_MAX_PART = 80_000
_FOOTER = "registry-watcher, list {name}: `watcher diff {source} {old} {new} --all` shows every field."
_TIMED_FOOTER = "registry-watcher, list {name}: `watcher deadlines {source}` lists every early allocation."


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    subject: str
    text: str
    html: str


def release_mail(comparison: Comparison, *, list_name: str) -> Mail:
    events = comparison.events
    first = events[0].summary if events else render_counts(comparison.changes)
    if comparison.marks:
        first = f"{render_marks(comparison)}: {first}"
    more = f" (and {len(events) - 1} more)" if len(events) > 1 else ""
    footer = (_TIMED_FOOTER if comparison.timed else _FOOTER).format(
        name=list_name, source=comparison.source, old=comparison.old.id, new=comparison.new.id
    )
    if comparison.subscriptions:
        footer += f" Subscriptions: {', '.join(comparison.subscriptions)}."
    text = render_comparison(replace(comparison, events=events[:_MAX_EVENTS]), width=78)
    if len(events) > _MAX_EVENTS:
        text += f"\n\n  {len(events) - _MAX_EVENTS} more events are not listed here."
    return Mail(
        subject=subject_line(f"[{comparison.source}] {first}", more),
        text=f"{_cut_lines(text)}\n\n-- \n{footer}\n",
        html=_fit_page(comparison, footer),
    )


def _cut_lines(text: str) -> str:
    """Return the lines that a mail has room for, and how many more there are."""
    if len(text.encode()) <= _MAX_PART:
        return text
    kept = text.encode()[:_MAX_PART].decode(errors="ignore").rpartition("\n")[0]
    return f"{kept}\n\n  {text.count(chr(10)) - kept.count(chr(10)):,} more lines are not shown here."


def _fit_page(comparison: Comparison, note: str) -> str:
    """Return the page with as many events as a mail has room for."""
    most = _MAX_EVENTS
    while len((page := html.render_comparison(comparison, most=most, note=note)).encode()) > _MAX_PART and most:
        most //= 2
    return page


def notice_mail(notice: Notice, *, list_name: str) -> Mail:
    rows = [("notice", f"{notice.id} ({notice.severity})"), ("source", notice.source), ("at", notice.at)]
    rows += [(name, text) for name, value in notice.details.items() if (text := _to_text(value))]
    lines = [f"{visible(name):<12} {visible(value)}" for name, value in rows]
    footer = f"registry-watcher, list {list_name}: an operational alert, sent to operators."
    return Mail(
        subject=subject_line(f"[registry-watcher] {notice.source}: {notice.summary}", ""),
        text="\n".join([visible(notice.summary), "", *lines]) + f"\n\n-- \n{footer}\n",
        html=html.render_notice(f"{notice.source}: {notice.summary}", rows, note=footer),
    )


def digest_mail(mails: Sequence[Mail], *, list_name: str) -> Mail:
    more = f" (and {len(mails) - 1} more)"
    listed = "\n".join(f"  {number}. {mail.subject}" for number, mail in enumerate(mails, 1))
    parts = [f"{number}. {mail.subject}\n\n{mail.text.rstrip()}" for number, mail in enumerate(mails, 1)]
    heading = f"{len(mails)} messages of registry-watcher, list {list_name}:"
    text = _cut_lines("\n\n\n".join([f"{heading}\n\n{listed}", *parts])) + "\n"
    return Mail(subject=subject_line(mails[0].subject, more), text=text, html=html.render_text(heading, text))


def _to_text(value: object) -> str:
    if isinstance(value, list):
        return "; ".join(filter(None, map(_to_text, value)))
    if isinstance(value, dict):
        return str(value.get("sentence") or ", ".join(f"{name} {inner}" for name, inner in value.items()))
    return "" if value is None else str(value)


def test_mail(list_name: str, created: str) -> Mail:
    text = f"This is a test of channel {list_name}, sent at {created}. No registry changed.\n"
    return Mail(
        subject=subject_line(f"[registry-watcher] test of channel {list_name}", ""),
        text=text,
        html=f'<!DOCTYPE html><html lang="en"><title>Test</title><body><p>{text.strip()}</p></body></html>',
    )


def subject_line(text: str, more: str) -> str:
    """Return a subject that no mailer decodes into something else, cut to 150 characters with `more` at its end."""
    clean = re.sub(r"\s+", " ", visible(text)).replace("=?", "= ?").replace("?=", "? =").strip()
    room = _SUBJECT_LENGTH - len(more)
    return (clean if len(clean) <= room else clean[: room - 1].rstrip() + "…") + more
