"""Changes with one cause are one event; changes of notation are quiet; sentences show the difference."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.support.group_releases import IANA, content, explained, ids_by_sentence, record, registry
from watcher.core.model import Kind, Severity
from watcher.diff.classify import explain
from watcher.diff.incremental import IncrementalReader
from watcher.registries.base import with_key
from watcher.registries.context import TableSettings

_CELL = st.sampled_from(
    [
        "alpha",
        "beta (deprecated)",
        "Beta",
        "Reserved",
        "Unassigned",
        "see http://a.example/x",
        "see https://a.example/x",
    ]
)
_ROW = st.tuples(st.integers(0, 12), _CELL, st.sampled_from(["rfc1", "rfc2", "draft-toy", "RFC-toy-03", ""]))
_RELEASE = st.dictionaries(st.sampled_from(["r", "s"]), st.lists(_ROW, max_size=6), min_size=1)


def _release(registries: dict[str, list[tuple[int, str, str]]], note: str) -> object:
    return content(
        *(
            registry(path, *(record(ref, value=str(value), description=text) for value, text, ref in rows), note=note)
            for path, rows in registries.items()
        )
    )


@given(_RELEASE, _RELEASE, st.sampled_from(["", "Registry closed.", "A note."]))
@settings(deadline=None, max_examples=150)
def test_every_loud_change_is_named_once_and_a_quiet_one_at_most_once(
    old: dict[str, list[tuple[int, str, str]]], new: dict[str, list[tuple[int, str, str]]], note: str
) -> None:
    changes, events = explained(_release(old, "A note."), _release(new, note))  # type: ignore[arg-type]
    named = Counter(index for event in events for index in event.changes)
    for index, change in enumerate(changes.changes):
        assert named[index] <= 1 if change.quiet else named[index] == 1, change


def test_one_document_that_is_published_is_one_event_over_registries_and_headers() -> None:
    def group(reference: str) -> object:
        header = f'<xref type="{"rfc" if reference[3].isdigit() else "draft"}" data="{reference}"/>'
        rows = [record(reference, value=str(n), description=f"n{n}") for n in range(2)]
        return content(registry("r", *rows, more=header), registry("s", *rows))

    _, (event,) = explained(group("draft-toy"), group("rfc7"))  # type: ignore[arg-type]
    assert (event.id, event.registries, len(event.changes)) == ("reference-published", ("r", "s"), 5)
    assert event.summary == "R: 0 n0, 1 n1; S: 0 n0, 1 n1: references [draft-toy] → [RFC7]"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("see http://A.example/x", "see https://a.example/x"),
        ("one, two and three", "one, two, three"),
        ("[RFC5545], Section 3.4", "[RFC5545, Section 3.4]"),
        ("code 007.", "code 7"),
    ],
)
def test_notation_alone_is_editorial_and_quiet(before: str, after: str) -> None:
    old, new = (content(registry("r", record(value="1", description="a", text=text))) for text in (before, after))
    changes, (event,) = explained(old, new)
    assert (event.id, event.severity) == ("editorial", Severity.INFO)
    assert changes.changes[0].quiet


@pytest.mark.parametrize(
    ("note", "event"),
    [
        ("Registry closed per [RFC9301].", "registry-closed"),
        ("This registry is no longer maintained.", "registry-deprecated"),
        ("Moved to [tcp-parameters] per [RFC9293].", "registry-moved"),
    ],
)
def test_a_registry_that_ended_is_one_warning(note: str, event: str) -> None:
    row = record(value="1", description="a")
    old = content(registry("r", row), registry("s", row))
    new = content(registry("r", row, note=note), registry("s", row, note=note))
    _, (event_,) = explained(old, new)
    assert (event_.id, event_.kind, event_.severity) == (event, Kind.DEPRECATED, Severity.WARNING)
    assert event_.registries == ("r", "s")


def test_a_renamed_identifier_is_a_warning_and_a_reworded_name_is_none() -> None:
    def named(name: str) -> object:
        return content(registry("r", record(value="0x13", name=name)))

    (event,) = explained(named("TLS_A_SHA384"), named("TLS_B_SHA512"))[1]  # type: ignore[arg-type]
    assert (event.severity, event.summary) == (Severity.WARNING, "R: 0x13 TLS_A_SHA384 renamed to TLS_B_SHA512")
    (event,) = explained(named("Path State TLV"), named("Path State"))[1]  # type: ignore[arg-type]
    assert event.severity is Severity.INFO


def test_a_long_text_shows_the_words_that_changed() -> None:
    text = "Registration requests are sent to the list and {} within three weeks by the designated experts of the area"
    old, new = (content(registry("r", record(value="1", name="a"), note=text.format(w))) for w in ("judged", "read"))
    assert ids_by_sentence(old, new) == {"R: note: “judged” → “read” after “the list and”": "registry-note-changed"}


def test_a_table_has_its_own_titles_and_ignores_columns() -> None:
    rules = replace(with_key(IANA, ("id",)), table=TableSettings(("vendor", "flaw"), ("count",)))
    reader = IncrementalReader(rules, "csv")
    old = reader.read(b"id,kind,vendor,flaw,count\n1,x,Acme,Overflow,7\n2,x,Acme,Leak,7\n")
    new = reader.read(b"id,kind,vendor,flaw,count\n1,x,Acme,Overflow,8\n2,x,Acme,Leak,7\n3,x,Toys,Spill,1\n")
    changes, (event,) = explain(rules, old, new)
    assert event.summary == "3 Toys Spill added"
    assert [change.quiet for change in changes.changes] == [True, False]
