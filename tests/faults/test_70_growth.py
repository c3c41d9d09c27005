"""Every step from bytes to events, mails and webhooks takes time in proportion to the bytes, whatever these are.

Each case is a pair of releases of some size. The same pair of four times the size may take seven times the CPU time;
work that grows with the square of the size takes sixteen times as much.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from xml.sax.saxutils import escape

import pytest

from tests.support.group_releases import group, record, registry
from tests.support.growth import assert_linear
from tests.support.port_releases import person, release, tcp, unassigned
from watcher.alerts.channels import email_message, webhook_message
from watcher.core.errors import UsageError
from watcher.core.intervals import IntervalIndex
from watcher.core.lazy import import_listed
from watcher.core.model import Comparison, Content, Key, Release
from watcher.core.sequences import compare_sequences
from watcher.core.value_ranges import parse_ranges
from watcher.diff.classify import explain
from watcher.diff.content import read_content
from watcher.diff.linkage import ScoredPair, choose_pairs
from watcher.registries.catalog import REGISTRIES
from watcher.registries.generic import key_columns, naming, pairing
from watcher.registries.shared import remarks
from watcher.registries.shared.references import describe_references
from watcher.registries.shared.sentences import list_people
from watcher.registries.shared.status_words import read_status
from watcher.registries.shared.text_differences import fold_notation
from watcher.render import markdown, text
from watcher.render.exports import EXPORTS
from watcher.render.exports.base import ExportOptions, OldName
from watcher.reports.export import describe_content

pytestmark = pytest.mark.fault(70)
Pair = tuple[str, str, bytes, bytes]  # registry, format, the old and the new release


def judge(pair: Pair) -> None:
    """Do with two releases all that a check, a mail, a webhook and `watcher diff --all` do."""
    rules, kind, *data = pair
    old, new = (read_content(document, REGISTRIES[rules], kind) for document in data)
    for before, after in ((old, new), (new, old)):
        changes, events = explain(REGISTRIES[rules], before, after)
        assert changes.changes, "the releases are to differ"
        sides = [label(content) for content in (before, after)]
        comparison = Comparison(source="s", old=sides[0], new=sides[1], changes=changes, events=events)
        text.render_comparison(comparison, all=True)
        markdown.render_comparison(comparison)
        email_message.release_mail(comparison, list_name="l")
        webhook_message.release_body(comparison, delivery_id="i", occurred="2020-01-01T00:00:00Z")


def label(content: Content) -> Release:
    return Release(
        id=content.digest, source="s", published=None, observed=None, sha256=content.digest, entries=content.entries
    )


UNITS = {
    "letters of no number": "i",
    "a word": "word ",
    "open square brackets": "[",
    "groups in brackets": "(a)",
    "groups in square brackets": "[a] ",
    "footnotes": "[1]",
    "open references": "[RFC1",
    "references": "[RFC1], Section 1",
    "negated words": "not deprecated ",
    "retired words": "deprecated ",
    "retired in brackets": "(deprecated) ",
    "early allocations": "(TEMPORARY - document sent to ",
    "early allocations with dates": "TEMPORARY - registered 2020-01-01 ",
    "pointers": "see [assignments/",
    "numbers with arcs": "1.",
    "bounds": "1 to ",
    "lists of people": "a, and ",
    "quotes": "<&\"'",
    "ends": "registries closed moved to registry ",
}


def one_text(unit: str, size: int, number: int) -> Pair:
    """Return a registry with one text in every place."""
    whole = f"{number}" + unit * (size // len(unit))

    def document(ending: str) -> bytes:
        spoken = escape(whole + ending)
        row = record(value=whole + ".", name=whole + ending, description=whole + ending, note=whole + ending + " 2")
        return group(
            registry("a", row, record(value="1"), title=whole + ending, rule=whole + ending, note=whole + ending),
            people=f'<person id="P"><name>{spoken}</name></person>',
        )

    return "iana", "xml", document("!"), document(")")


@pytest.mark.parametrize("name", UNITS)
def test_one_long_text(name: str) -> None:
    def make(size: int, number: int) -> Callable[[], object]:
        pair = one_text(UNITS[name], size, number)
        return lambda: judge(pair)

    assert_linear(make, 5_000)


READERS: Mapping[str, Callable[[str], object]] = {
    "ranges": parse_ranges,
    "keys": key_columns.fold,
    "names": pairing.fold_name,
    "bare names": naming.strip_brackets,
    "remarks": remarks.strip_remarks,
    "early allocations": remarks.read_allocation,
    "facts": lambda text: remarks.read_facts({"name": text}),
    "notation": fold_notation,
    "people": list_people,
    "references": lambda text: describe_references([([text], ["[RFC1, Section 1]"])]),
    "status": lambda text: read_status({"value": "1", "description": text, "note": text}),
}


@pytest.mark.parametrize("name", READERS)
def test_spaces_and_brackets_that_no_format_folds(name: str) -> None:
    """The formats fold spaces; the rules must not rely on it."""
    units = ("\u00a0", "(", "(a) ", " [1]", "TEMPORARY \u00a0")

    def make(size: int, number: int) -> Callable[[], object]:
        texts = [f"1{number}" + unit * (size // len(unit)) + end for unit in units for end in ("2", "")]
        return lambda: [READERS[name](text) for text in texts]

    assert_linear(make, 8_000)


def words(size: int, number: int) -> str:
    return " ".join(f"{number}w{place * place % 7919}" for place in range(size))


def rows_under_one_key(size: int, number: int) -> Pair:
    documents = (
        b"id,text\n" + b"".join(b"a,%d-%d-%d\n" % (number, side * (place % 2), place) for place in range(size))
        for side in (1, 2)
    )
    return "iana", "csv", *documents  # type: ignore[return-value]


def columns(size: int, number: int) -> Pair:
    documents = (
        json.dumps([{"id": f"x{place}", f"c{place}-{number}": f"{side}"} for place in range(size)]).encode()
        for side in (1, 2)
    )
    return "iana", "json", *documents  # type: ignore[return-value]


def columns_in_xml(size: int, number: int) -> Pair:
    documents = (
        group(registry("a", *(record(value=f"{place}", **{f"c{place}-{number}-{side}": "x"}) for place in range(size))))
        for side in (1, 2)
    )
    return "iana", "xml", *documents  # type: ignore[return-value]


def overlapping_ranges(size: int, number: int) -> Pair:
    def row(place: int, side: int) -> str:
        text = ("Unassigned", "Reserved", "Owner")[place % 3]
        return record(value=f"{place + side}-{3 * size - place}", description=text, date=f"20{20 + number}-01-01")

    documents = (group(registry("a", *(row(place, side) for place in range(size)))) for side in (0, 1))
    return "iana", "xml", *documents  # type: ignore[return-value]


def pairs_of_values(size: int, number: int) -> Pair:
    def row(place: int, side: int) -> str:
        text = ("Unassigned", "Owner")[(place + side) % 2]
        return record("rfc1", type="1", code=f"{place}-{place + 9 + number}", description=text)

    documents = (group(registry("a", *(row(place, side) for place in range(size)))) for side in (0, 1))
    return "iana", "xml", *documents  # type: ignore[return-value]


def renamed_registries(size: int, number: int) -> Pair:
    documents = (
        group(
            *(
                registry(
                    f"{side}{place}-{number}", record(value=f"name{place}", c=side), title=f"Title {place % 9}{side}"
                )
                for place in range(size)
            )
        )
        for side in "ab"
    )
    return "iana", "xml", *documents  # type: ignore[return-value]


def leftovers(common: str) -> Callable[[int, int], Pair]:
    def make(size: int, number: int) -> Pair:
        documents = (
            group(
                registry(
                    "a",
                    *(
                        record(
                            value=f"{side}{place}",
                            description=f"{common} k{place // 2} {(place + side) // 3} {number}",
                        )
                        for place in range(size)
                    ),
                )
            )
            for side in (1, 2)
        )
        return "iana", "xml", *documents  # type: ignore[return-value]

    return make


def wordy_leftovers(size: int, number: int) -> Pair:
    documents = (
        group(registry("a", *(record(value=f"n{side}{place}", text=words(size // 8, place % 4 + number))
                              for place in range(8))))
        for side in (1, 2)
    )  # fmt: skip
    return "iana", "xml", *documents  # type: ignore[return-value]


def paragraphs(size: int, number: int) -> Pair:
    documents = (
        group(registry("a", record(value="1"), note="\n\n".join(f"{side}{number} is {place}" for place in range(size))))
        for side in "ab"
    )
    return "iana", "xml", *documents  # type: ignore[return-value]


def people(size: int, number: int) -> Pair:
    documents = (
        group(
            registry("a", *(record(f"P{place}", value=f"{place}") for place in range(size))),
            people="".join(
                f'<person id="P{place}"><name>{place} {number}</name><uri>{side}</uri></person>'
                for place in range(size)
            ),
        )
        for side in "ab"
    )
    return "iana", "xml", *documents  # type: ignore[return-value]


def rows_on_one_port(size: int, number: int) -> Pair:
    documents = (release([tcp(f"{side}{number}x{place}", "80") for place in range(size)]) for side in "ab")
    return "ports", "xml", *documents  # type: ignore[return-value]


def overlapping_ports(size: int, number: int) -> Pair:
    documents = (
        release([*(unassigned(f"{place + side}-{40_000 - place + number}") for place in range(size)),
                 *(tcp(f"s{place}", f"{20_000 + place + side}") for place in range(size))])
        for side in (1, 2)
    )  # fmt: skip
    return "ports", "xml", *documents  # type: ignore[return-value]


def port_notes(unit: str) -> Callable[[int, int], Pair]:
    def make(size: int, number: int) -> Pair:
        whole = f"{number} " + unit * (size // len(unit))
        documents = (
            release(
                [tcp("a", "1", notes=whole + side, description=whole + side, unauthorized=whole + side, contact="P")],
                people=[person("P", name=whole + side)],
            )
            for side in "ab"
        )
        return "ports", "xml", *documents  # type: ignore[return-value]

    return make


def long_texts(size: int, number: int) -> Pair:
    documents = (
        json.dumps([{"id": "a", "text": words(size, number + side), "more": f"{side} " + "same word " * size}]).encode()
        for side in (0, 1)
    )
    return "iana", "json", *documents  # type: ignore[return-value]


SAME_TEXTS = 12


def texts_with_other_words(size: int, number: int) -> Pair:
    """Return texts of so many words; every other word is another one."""

    def document(side: int) -> bytes:
        texts = (" ".join(f"{place}-{number}-{side * (place % 2)}" for place in range(size)) for _ in range(SAME_TEXTS))
        return json.dumps([{"id": f"a{row}", "text": f"{row} {text}"} for row, text in enumerate(texts)]).encode()

    return "iana", "json", document(0), document(1)


CASES: Mapping[str, tuple[Callable[[int, int], Pair], int]] = {
    "rows under one key": (rows_under_one_key, 600),
    "a column for each row": (columns, 400),
    "a column for each row in XML": (columns_in_xml, 250),
    "overlapping ranges": (overlapping_ranges, 250),
    "pairs of values": (pairs_of_values, 400),
    "renamed registries": (renamed_registries, 200),
    "texts of which every other word changed": (texts_with_other_words, 200),
    "leftovers with a common word": (leftovers("common"), 200),
    "leftovers without a common word": (leftovers(""), 200),
    "leftovers of many words": (wordy_leftovers, 4_000),
    "paragraphs": (paragraphs, 2_000),
    "people": (people, 500),
    "rows on one port": (rows_on_one_port, 300),
    "overlapping ports": (overlapping_ports, 250),
    "a note on a port": (port_notes("not deprecated "), 20_000),
    "a word in a note on a port": (port_notes("x"), 20_000),
    "long texts": (long_texts, 1_500),
}


@pytest.mark.parametrize("name", CASES)
def test_many_of_one_kind(name: str) -> None:
    document, size = CASES[name]

    def make(size: int, number: int) -> Callable[[], object]:
        pair = document(size, number)
        return lambda: judge(pair)

    assert_linear(make, size)


# A table with a column for each row is a square of mostly empty cells: it has a limit (render/exports/csv.py).
SQUARES = ("a column for each row", "a column for each row in XML")


# Nearly all of the time of these depends on the size. Of the others a larger size is needed.
MANY = frozenset(CASES) - {"leftovers of many words", "paragraphs", "a word in a note on a port", "long texts"}


@pytest.mark.parametrize("name", [*(name for name in CASES if name not in SQUARES), "old names"])
def test_exports_of_many_of_one_kind(name: str) -> None:
    document, size = CASES.get(name, (rows_on_one_port, 300))

    def make(size: int, number: int) -> Callable[[], object]:
        rules, kind, *data = document(size, number)
        old, new = (read_content(document, REGISTRIES[rules], kind) for document in data)
        names = {key: (OldName(name=f"x{size}", renamed="2020-01-01"),) * 2 for _, key in new.items}
        return lambda: export_all(old, new, names if name == "old names" else {})

    assert_linear(make, size if name in MANY or name == "old names" else 2 * size)


def export_all(old: Content, new: Content, old_names: Mapping[Key, tuple[OldName, ...]]) -> None:
    """Write a content in every format, and the difference of two."""
    before, after = (describe_content("s", label(content), content, old_names=old_names) for content in (old, new))
    for export in EXPORTS.values():
        module = import_listed(export.module)
        options = ExportOptions(list_omissions=True)
        if export.between:
            module.render_difference(before, after, options)
        else:
            module.render(after, options)


def test_a_table_with_a_column_for_each_row_has_a_limit() -> None:
    _, _, _, data = columns(2_500, 0)
    content = read_content(data, REGISTRIES["iana"], "json")
    state = describe_content("s", label(content), content)
    with pytest.raises(UsageError, match=r"a table of 2,500 entries with 2,501 columns is too large; export json"):
        import_listed(EXPORTS["csv"].module).render(state, ExportOptions())


def test_texts_that_repeat_a_word_take_few_comparisons() -> None:
    """Count the comparisons instead of the time: 20 for each word, where `difflib` needs the cube."""
    counted = 0

    class Word(str):
        __slots__ = ()

        def __hash__(self) -> int:
            nonlocal counted
            counted += 1
            return super().__hash__()

        __eq__ = str.__eq__

    old, new = ([Word(letter) for letter in pattern * 1_000] for pattern in ("ab", "ba"))
    opcodes = [*compare_sequences(old, new)]
    assert counted < 100 * (len(old) + len(new))
    rebuilt: list[str] = []
    for tag, begin, end, new_begin, new_end in opcodes:
        rebuilt += old[begin:end] if tag == "equal" else new[new_begin:new_end]
    assert rebuilt == new


def test_each_interval_is_found_without_a_search_through_those_that_end_before() -> None:
    class Low(int):
        looked = 0

        def __lt__(self, other: int) -> bool:
            Low.looked += 1
            return int(self) < other

    index = IntervalIndex([((0, Low(10**6)), "all"), *(((place, Low(place)), "one") for place in range(1, 5_000))])
    Low.looked = 0
    assert [value for _, value in index.overlapping((5_000, 5_000))] == ["all"]
    assert Low.looked < 40


def test_pairs_that_become_clear_one_after_the_other_are_each_compared_a_few_times() -> None:
    class Score(float):
        compared = 0

        def __ge__(self, other: float) -> bool:
            Score.compared += 1
            return float(self) >= other

    def chain(size: int) -> Iterator[ScoredPair]:
        for place in range(size):
            yield ScoredPair(Score(1 - place / size / 2), place, place)
            yield ScoredPair(Score(1 - place / size / 2 - 0.06), place, place + 1)

    # Each pair is clear only when the one before it is taken.
    assert len(choose_pairs([*chain(300)])) == 300
    assert Score.compared < 300 * 20
