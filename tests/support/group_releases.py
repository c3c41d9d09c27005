"""Small registry groups in IANA's vocabulary, and their events under the generic rules."""

from __future__ import annotations

from collections.abc import Mapping
from xml.sax.saxutils import escape, quoteattr

from watcher.core.model import ChangeSet, Content, Event
from watcher.diff.classify import explain
from watcher.diff.content import read_content
from watcher.registries.catalog import REGISTRIES

IANA = REGISTRIES["iana"]


def record(references: str = "", *, date: str = "", updated: str = "", **cells: str) -> str:
    """Return a record; `references` are ids separated by spaces."""
    dates = "".join(f" {name}={quoteattr(text)}" for name, text in (("date", date), ("updated", updated)) if text)
    inner = "".join(
        f"<{name.replace('__', '-')}>{escape(text)}</{name.replace('__', '-')}>" for name, text in cells.items()
    )
    xrefs = "".join(f'<xref type="{_kind(reference)}" data="{reference}"/>' for reference in references.split())
    return f"<record{dates}>{inner}{xrefs}</record>\n"


def _kind(reference: str) -> str:
    return "rfc" if reference.startswith("rfc") else "draft" if "-" in reference else "person"


def registry(path: str, *records: str, title: str = "", rule: str = "", note: str = "", more: str = "") -> str:
    """Return a nested registry."""
    header = "".join(
        f"<{name}>{escape(text)}</{name}>"
        for name, text in (("title", title or path.title()), ("registration_rule", rule), ("note", note))
        if text
    )
    return f'<registry id="{path}">{header}{more}{"".join(records)}</registry>\n'


def group(*inner: str, name: str = "toy-parameters", updated: str = "2020-01-01", people: str = "") -> bytes:
    """Return a whole document."""
    return (
        "<?xml version='1.0' encoding='UTF-8'?>\n"
        f'<registry xmlns="http://www.iana.org/assignments" id="{name}">\n<title>Toy Parameters</title>'
        f"<updated>{updated}</updated>{''.join(inner)}<people>{people}</people></registry>\n"
    ).encode()


def content(*inner: str, **header: str) -> Content:
    return read_content(group(*inner, **header), IANA)


def explained(old: Content, new: Content) -> tuple[ChangeSet, tuple[Event, ...]]:
    return explain(IANA, old, new)


def ids_by_sentence(old: Content, new: Content) -> Mapping[str, str]:
    """Return the event ids of a change by sentence."""
    return {event.summary: event.id for event in explained(old, new)[1]}
