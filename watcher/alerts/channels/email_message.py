"""A comparison as a mail: subject, text and HTML. Nothing the registry says can become a header."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from watcher.core.model import Comparison
from watcher.core.operations import Notice
from watcher.render import html
from watcher.render.safe_text import visible
from watcher.render.text import comparison, marked, summary

_SUBJECT = 150
_MOST = 200  # events that a mail lists
_LONGEST = 500_000  # characters of text
_FOOT = "registry-watcher, list {name}: `watcher diff {source} {old} {new} --all` shows every field."


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """What a mail says."""

    subject: str
    text: str
    html: str


def release_mail(found: Comparison, *, list_name: str) -> Mail:
    """Return the mail that tells of a release; the gravest event is in the subject."""
    first = found.events[0].summary if found.events else summary(found.changes)
    if found.marks:
        first = f"{marked(found)}: {first}"
    more = f" (and {len(found.events) - 1} more)" if len(found.events) > 1 else ""
    foot = _FOOT.format(name=list_name, source=found.source, old=found.old.id, new=found.new.id)
    listed = replace(found, events=found.events[:_MOST])
    text = comparison(listed, width=78)
    if len(found.events) > _MOST:
        text += f"\n\n  {len(found.events) - _MOST} more events are not listed here."
    if len(text) > _LONGEST:
        text = text[:_LONGEST] + "\n\n  The rest is not shown here."
    return Mail(
        subject=subject(f"[{found.source}] {first}", more),
        text=f"{text}\n\n-- \n{foot}\n",
        html=html.comparison(found, most=_MOST, note=foot),
    )


def notice_mail(found: Notice, *, list_name: str) -> Mail:
    """Return the mail that tells of something that befell the watcher itself."""
    rows = [("notice", f"{found.id} ({found.severity})"), ("source", found.source), ("at", found.at)]
    rows += [(name, shown) for name, value in found.details.items() if (shown := _shown(value))]
    lines = [f"{visible(name):<12} {visible(value)}" for name, value in rows]
    foot = f"registry-watcher, list {list_name}: about the watcher itself, to those who run it."
    return Mail(
        subject=subject(f"[registry-watcher] {found.source}: {found.summary}", ""),
        text="\n".join([visible(found.summary), "", *lines]) + f"\n\n-- \n{foot}\n",
        html=html.notice(f"{found.source}: {found.summary}", rows, note=foot),
    )


def digest_mail(mails: Sequence[Mail], *, list_name: str) -> Mail:
    """Return one mail that says what several say; its text is theirs, one after the other."""
    more = f" (and {len(mails) - 1} more)"
    listed = "\n".join(f"  {number}. {each.subject}" for number, each in enumerate(mails, 1))
    parts = [f"{number}. {each.subject}\n\n{each.text.rstrip()}" for number, each in enumerate(mails, 1)]
    head = f"{len(mails)} messages of registry-watcher, list {list_name}:"
    text = "\n\n\n".join([f"{head}\n\n{listed}", *parts]) + "\n"
    return Mail(subject=subject(mails[0].subject, more), text=text, html=html.plain(head, text))


def _shown(value: object) -> str:
    """A detail in plain words; "" where there is nothing to say."""
    if isinstance(value, list):
        return "; ".join(filter(None, map(_shown, value)))
    if isinstance(value, dict):
        return str(value.get("sentence") or ", ".join(f"{name} {inner}" for name, inner in value.items()))
    return "" if value is None else str(value)


def test_mail(list_name: str, created: str) -> Mail:
    """Return a mail that says that it is a test."""
    text = f"This is a test of the channel {list_name}, sent at {created}. No registry changed.\n"
    return Mail(
        subject=subject(f"[registry-watcher] test of the channel {list_name}", ""),
        text=text,
        html=f'<!DOCTYPE html><html lang="en"><title>Test</title><body><p>{text.strip()}</p></body></html>',
    )


def subject(text: str, more: str) -> str:
    """Return one line that no mailer decodes into something else, at most 150 characters."""
    clean = re.sub(r"\s+", " ", visible(text)).replace("=?", "= ?").replace("?=", "? =").strip()
    room = _SUBJECT - len(more)
    return (clean if len(clean) <= room else clean[: room - 1].rstrip() + "…") + more
