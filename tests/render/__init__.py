"""Comparisons made by hand, whose text is as hostile as a registry's can be."""

from __future__ import annotations

import unicodedata

from hypothesis import strategies as st

from watcher.core.model import (
    Change,
    ChangeSet,
    Comparison,
    Event,
    FieldChange,
    Item,
    Key,
    Kind,
    Release,
    Section,
    Severity,
)

HOSTILE = (
    "<script>alert(1)</script>",
    "</td></table><img src=x onerror=alert(1)>",
    "{{ 7 * 7 }} {% for x in y %}",
    "\x1b[31mred\x1b[0m \x07 \x9b31m",
    "\u202egnp.exe\u2066 \u200b\u2028\u2029\ufeff",
    "a | b \\| c \\",
    "`code` **bold** [a](javascript:x) ![i](http://x)",
    "line\nline\r\nline\rline",
    "=HYPERLINK(1)",
    "'=1",
    "&lt;b&gt; & \" '",
    "e\u0301 漢字 😀 \U000e0041",
    "\u3164 \u115f\u034f \u2800 ❤\ufe0f \U000e0100",
    "＝1＋1 @team www.example.org x@y|z",  # noqa: RUF001
)
# An HTML parser may drop unassigned characters (Cn) by its own rules, so there are none of them here.
TEXT = st.sampled_from(HOSTILE) | st.text(st.characters(exclude_categories=["Cn"]), max_size=40)
_BIDI = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
_MARKS = "\u061c\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u034f\u115f\u1160\u2800\u3164\ufe0f\uffa0\U000e0100"


def hidden(text: str) -> set[str]:
    """Return the characters of a line that move a cursor, hide text or reverse its direction."""
    return {
        char
        for char in {*text}
        if unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp")
        or unicodedata.bidirectional(char) in _BIDI
        or char in _MARKS
    }


def release(published: str | None, digits: str) -> Release:
    return Release(
        id=digits * 12,
        source="ports",
        published=published,
        observed=f"{published}T00:00:00Z" if published else None,
        sha256=digits * 64,
        entries=1000,
    )


def item(number: int, name: str, text: str) -> Item:
    fields = {"name": name, "port": str(number), "protocol": "tcp", "description": text, "notes": ""}
    return Item(section=Section.ENTRY, key=Key(("name", "port", "protocol"), (name, str(number), "tcp")), fields=fields)


def modified(number: int, name: str, before: str, after: str) -> Change:
    return Change(
        before=item(number, name, before),
        after=item(number, name, after),
        fields=(FieldChange(name="description", before=before, after=after),),
    )


def event(index: int, summary: str, severity: Severity = Severity.INFO) -> Event:
    return Event(
        id="description-changed",
        kind=Kind.MODIFIED,
        severity=severity,
        summary=summary,
        fingerprint=f"{index:016x}",
        changes=(index,),
        service="name",
        ports=(str(index),),
        protocols=("tcp",),
    )


def comparison(changes: tuple[Change, ...], events: tuple[Event, ...] = ()) -> Comparison:
    return Comparison(
        source="ports",
        old=release("2020-01-01", "a"),
        new=release("2020-01-02", "b"),
        changes=ChangeSet(changes=changes),
        events=events,
    )


def saying(*texts: str) -> Comparison:
    """A comparison in which each text is a name, a summary and a field's value: changed, added and removed."""
    changes: list[Change] = []
    for number, text in enumerate(texts):
        changes += [
            modified(3 * number, text, "before", text),
            Change(before=None, after=item(3 * number + 1, text, text)),
            Change(before=item(3 * number + 2, text, text), after=None),
        ]
    severities = list(Severity)
    events = [event(number, text, severities[number % 3]) for number, text in enumerate(texts)]
    return comparison(tuple(changes), tuple(events))
