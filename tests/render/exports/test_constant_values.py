"""Which entries of a registry are constants, with which numbers or texts, and why the others are not."""

from __future__ import annotations

import pytest

from tests.support.exports import OldNames, make_state, row
from watcher.core.model import Item, Key, Section, Status
from watcher.render.exports.base import OldName
from watcher.render.exports.constants import collect, naming
from watcher.render.exports.constants.collect import collect_constants
from watcher.render.exports.constants.identifiers import NamingStyle
from watcher.render.exports.constants.model import ConstantSet
from watcher.render.exports.constants.naming import NamedRelease, name_constants
from watcher.render.exports.constants.values import Notation, find_notation
from watcher.render.exports.constants.words import join_pascal, join_upper, make_digest

Values = dict[str, object]
STYLE = NamingStyle(join_name=join_upper, join_type=join_pascal)


def keyed(status: str = "assigned", **key: str) -> Item:
    """Return an entry whose key has these columns."""
    return Item(
        section=Section.ENTRY,
        key=Key(("registry", *key), ("r", *key.values())),
        fields=key,
        status=Status(status),
    )


def collect_set(*items: Item, document: str = "toy") -> tuple[ConstantSet, set[str]]:
    sets, omissions = collect_constants(make_state(items, document=document, source="iana.toy"))
    (constants,) = sets
    return constants, {omission.reason for omission in omissions}


def values_of(*items: Item, document: str = "toy") -> tuple[Values, set[str]]:
    """Return the value of each constant by its words, a range as a pair, and why others are not constants."""
    constants, reasons = collect_set(*items, document=document)
    values: Values = {}
    for constant in constants.constants:
        value = (constant.low, constant.high) if constant.is_range else constant.value
        values["_".join(constant.words)] = value
    return values, reasons


def test_a_registry_is_of_numbers_where_half_of_what_it_assigns_has_one() -> None:
    numbers = [row("r", "1", name="one"), row("r", "2-3", name="two")]
    texts = [row("r", "x", name="ex"), row("r", "y", name="why")]
    assert values_of(*numbers, *texts) == ({"one": 1, "two": (2, 3)}, {collect.NO_NUMBER})
    assert values_of(numbers[0], *texts) == ({"one": "1", "x": "x", "y": "y"}, set())
    free = [row("r", value, name="Unassigned", status="unassigned") for value in ("5-6", "7-8", "9")]
    assert values_of(*texts, *free) == ({"x": "x", "y": "y"}, {collect.FREE_VALUE})


@pytest.mark.parametrize(
    ("rows", "values", "reason"),
    [
        (['0x68 0x32 ("h2")', "0x68 0x33", "0x61", "0x62"], {"h2": "h2", "h3": "h3", "a": "a", "b": "b"}, None),
        (["0x68 0x32", "0x00 0x01", "0x61", "0x62"], {"h2": "h2", "a": "a", "b": "b"}, collect.NO_VALUE),
    ],
)
def test_texts_that_are_written_as_octets_are_what_the_octets_mean(
    rows: list[str], values: Values, reason: str | None
) -> None:
    items = [row("r", value, name=f"entry {number}") for number, value in enumerate(rows)]
    found, reasons = values_of(*items, row("r", "plain text", name="plain text"))
    assert found == {**values, "plain_text": "plain text"}
    assert reasons == ({reason} if reason else set())


def test_a_few_octets_among_texts_stay_as_they_are() -> None:
    octets = [row("r", f"0x68 0x3{number}", name=f"h{number}") for number in range(2, 4)]
    texts = [row("r", f"{word} text", name=word) for word in ("a", "b", "c")]
    assert {*values_of(*octets, *texts)[0].values()} == {"0x68 0x32", "0x68 0x33", "a text", "b text", "c text"}


def test_an_entry_with_several_numbers_that_do_not_identify_it_is_left_out() -> None:
    pairs = [keyed(value=value, code=code) for value, code in (("1", "1"), ("1", "2"), ("2", "1"))]
    named = [row("r", "7", name="tcp one"), row("r", "7", ordinal=2, name="udp one")]
    constants, reasons = collect_set(*pairs)
    assert [constant.low for constant in constants.constants] == [2]
    assert reasons == {collect.SEVERAL_NUMBERS}
    assert [constant.low for constant in collect_set(*named)[0].constants] == [7, 7]


def test_numbers_of_another_notation_and_of_more_than_64_bits_are_left_out() -> None:
    items = [row("r", str(number), name=f"n{number}") for number in range(1, 4)]
    assert values_of(*items, row("r", "0x13,0x01", name="octets"))[1] == {collect.OTHER_NOTATION}
    assert values_of(*items, row("r", str(2**64), name="wide"))[1] == {collect.TOO_LARGE}
    assert values_of(*items, row("r", str(-(2**63) - 1), name="deep"), row("r", "-1", name="minus"))[1] == {
        collect.TOO_LARGE
    }
    assert values_of(*items, row("r", str(2**64 - 1), name="last"))[0]["last"] == 2**64 - 1


def test_a_text_names_itself_unless_it_is_arcs_and_has_an_encoding() -> None:
    values, reasons = values_of(
        row("r", "gzip", name="GNU zip"),
        row("r", "X.1.2", name="arcs"),
        row("r", "a b", name="spaces"),
        row("r", "\ud800x", name="surrogate"),
    )
    assert values == {"gzip": "gzip", "arcs": "X.1.2", "spaces": "a b"}
    assert reasons == {collect.NO_ENCODING}


def test_descriptions_as_keys_have_their_texts_in_the_column_value() -> None:
    items = [
        Item(
            section=Section.ENTRY,
            key=Key(("registry", "description"), ("r", text)),
            fields={"description": text, "value": value},
            status=Status.ASSIGNED,
        )
        for text, value in (("The first thing", "first"), ("The second thing", "second"))
    ]
    assert [constant.value for constant in collect_set(*items)[0].constants] == ["first", "second"]
    named = [
        Item(
            section=Section.ENTRY,
            key=Key(("registry", "name"), ("r", text)),
            fields={"name": text, "value": f"{text} words"},
            status=Status.ASSIGNED,
        )
        for text in ("first", "second")
    ]
    assert [constant.value for constant in collect_set(*named)[0].constants] == ["first", "second"]
    plain = [row("r", text, other="x") for text in ("first", "second")]
    assert [constant.value for constant in collect_set(*plain)[0].constants] == ["first", "second"]


def test_a_media_type_has_its_tree_before_it() -> None:
    assert values_of(row("audio", "mpeg", name="mpeg"), document="media-types")[0] == {"mpeg": "audio/mpeg"}
    assert values_of(row("audio", "mpeg", name="mpeg"), document="toy")[0] == {"mpeg": "mpeg"}


def test_rows_for_everybody_share_a_name_and_other_free_rows_are_left_out() -> None:
    values, reasons = values_of(
        row("r", "1", name="one"),
        row("r", "64-127", name="Reserved for Private Use", status="private-use"),
        row("r", "128", name="try it", status="experimental"),
        row("r", "2-63", name="Unassigned", status="unassigned"),
        row("r", "0", name="Reserved", status="reserved"),
    )
    assert values == {"one": 1, "Private_Use": (64, 127), "Experimental": 128}
    assert reasons == {collect.FREE_VALUE}


def test_of_entries_with_one_name_and_value_that_in_use_comes_first() -> None:
    old, new = row("r", "1", name="one", status="deprecated"), row("r", "1", ordinal=2, name="ONE")
    (constant,) = collect_set(old, new)[0].constants
    assert [entry.item.status for entry in constant.entries] == [Status.ASSIGNED, Status.DEPRECATED]
    assert not constant.is_retired


def test_a_value_has_the_name_in_use_and_a_range_inside_another_comes_before_it() -> None:
    constants, _ = collect_set(
        row("r", "1", name="old", status="obsolete"),
        row("r", "1", ordinal=2, name="new"),
        row("r", "0-99", name="wide"),
        row("r", "10-19", name="narrow"),
        row("r", "10-19", ordinal=2, name="gone", status="obsolete"),
    )
    assert [constant.label for constant in constants.list_singles()] == ["new"]
    assert [constant.label for constant in constants.list_ranges()] == ["narrow", "gone", "wide"]


def test_entries_of_one_name_have_their_number_and_if_that_is_not_enough_a_digest() -> None:
    named = name_constants(
        make_state(
            [
                row("r", "-1", name="same"),
                row("r", "1", name="same"),
                row("r", "2", name="same 1"),
                row("r", "3", name="alone"),
            ],
            source="iana.toy",
        ),
        STYLE,
    )
    (named_set,) = named.sets
    names = [identifier.name for identifier in named_set.identifiers]
    assert len({*names}) == 4
    assert names[0] == "SAME_M1"
    assert names[3] == "ALONE"
    assert names[1].startswith("SAME_1_")
    assert named.omissions == ()


@pytest.mark.parametrize(
    ("values", "notation"),
    [
        (["1", "2", "10"], Notation.DECIMAL),
        (["0A", "0B", "10"], Notation.HEX),
        (["A", "B", "10"], Notation.DECIMAL),
        (["0100", "1", "00FF"], Notation.DECIMAL),
        (["0001", "0100", "12AB3"], Notation.HEX),
        (["00", "01", "10"], Notation.BINARY),
        (["10", "11"], Notation.DECIMAL),
        (["0", "1"], Notation.DECIMAL),
        (["0b01", "0b10"], Notation.BINARY),
        (["0b01", "7"], Notation.DECIMAL),
    ],
)
def test_the_notation_of_numbers_without_a_prefix(values: list[str], notation: Notation) -> None:
    assert find_notation(values) is notation


def name_set(*items: Item, style: NamingStyle = STYLE, old_names: OldNames | None = None) -> NamedRelease:
    return name_constants(make_state(items, document="parameters", source="iana.toy", old_names=old_names), style)


def list_names(named: NamedRelease) -> list[list[str]]:
    return [[named_set.name, *(each.name for each in named_set.identifiers)] for named_set in named.sets]


def test_a_constant_in_the_scope_of_the_file_has_no_name_of_a_type() -> None:
    flat = NamingStyle(join_name=join_upper, join_type=join_upper, is_flat=True)
    named = name_set(row("alpha", "1", name="beta"), row("alpha-beta", "2", name="gamma"), style=flat)
    assert list_names(named) == [["ALPHA", "ALPHA_BETA_1"], ["ALPHA_BETA", "ALPHA_BETA_GAMMA"]]


def test_texts_of_one_name_have_a_digest_of_the_text() -> None:
    ((_, *names),) = list_names(name_set(row("r", "a-b", name="x"), row("r", "a.b", name="y")))
    assert names == [f"A_B_{make_digest('a-b')}", f"A_B_{make_digest('a.b')}"]


def test_reserved_words_end_with_an_underscore() -> None:
    style = NamingStyle(join_name=join_upper, join_type=join_pascal, reserved=frozenset({"CLASS", "Alpha"}))
    assert list_names(name_set(row("alpha", "1", name="class"), style=style)) == [["Alpha_", "CLASS_"]]


def test_registries_of_one_title_and_id_are_told_apart_by_their_path() -> None:
    named = name_set(row("a/same", "1", name="x"), row("b/same", "2", name="y"))
    assert len({named_set.name for named_set in named.sets}) == 2


def test_an_old_name_gives_way_to_a_present_one_and_to_a_text() -> None:
    old = {
        Key(("registry", "value"), ("r", "1")): tuple(
            OldName(name=name, renamed="2020-01-01") for name in ("two", "z")
        ),
        Key(("registry", "value"), ("t", "gzip")): (OldName(name="zip", renamed="2020-01-01"),),
    }
    named = name_set(row("r", "1", name="one"), row("r", "2", name="two"), row("t", "gzip", name="gzip"), old_names=old)
    assert list_names(named) == [["R", "ONE", "TWO", "TWO_1", "Z"], ["T", "GZIP"]]
    assert [(lost.old_name, lost.reason) for lost in named.lost_names] == [("zip", naming.NAME_IS_VALUE)]


def test_a_number_that_the_language_does_not_hold_is_left_out() -> None:
    style = NamingStyle(join_name=join_upper, join_type=join_pascal, lowest=0, highest=10)
    items = [row("r", str(number), name=f"n{number + 5}") for number in (-1, 0, 10, 11)]
    named = name_set(*items, style=style)
    assert [identifier.value for identifier in named.sets[0].identifiers] == [0, 10]
    assert [omission.reason for omission in named.omissions] == [naming.TOO_LARGE] * 2
