"""Values as numbers. The notations are those of real registries."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.core import value_ranges
from watcher.core.value_ranges import ValueRange, parse_ranges


@pytest.mark.fault(29)
@pytest.mark.parametrize(
    ("value", "low", "high"),
    [
        ("9", 9, 9),
        ("9-9", 9, 9),
        ("9 - 9", 9, 9),
        ("0x1F", 31, 31),
        ("0x00-0x1F", 0, 31),
        ("256-65535", 256, 65535),
        ("-256 to -48", -256, -48),
        ("32767 to 1", 1, 32767),
        ("1EE00-1EE03", 0x1EE00, 0x1EE03),
        ("007", 7, 7),
    ],
)
def test_every_notation_of_numbers_and_ranges_is_read(value: str, low: int, high: int) -> None:
    assert parse_ranges(value) == (ValueRange(space="", low=low, high=high),)


@pytest.mark.parametrize(
    ("value", "low", "high"),
    [("0x00,0x1F", 0x001F, 0x001F), ("0x56,0x01-FF", 0x5601, 0x56FF), ("0x01-55,*", 0x0100, 0x55FF)],
)
def test_octets_are_one_number(value: str, low: int, high: int) -> None:
    assert [(span.low, span.high) for span in parse_ranges(value)] == [(low, high)]


@pytest.mark.parametrize(
    ("value", "others"),
    [
        ("10.0.0.0/8", "10.1.2.3/32"),
        ("010/8", "10.0.0.0/16"),
        ("2001:db8::/32", "2001:db8:1::/48"),
        ("224.0.0.0-224.0.0.255", "224.0.0.1"),
        ("1.3.6.1.2", "1.3.6.1.0-9"),
        ("X.1.2", "X.1.0-5"),
    ],
)
def test_blocks_and_arcs_overlap_their_parts(value: str, others: str) -> None:
    (one,), (other,) = parse_ranges(value), parse_ranges(others)
    assert one.overlaps(other)


def test_ranges_of_two_notations_never_overlap() -> None:
    for value, others in (("1", "0x00,0x01"), ("1.3.6.1", "1.3.7.1")):
        (one,), (other,) = parse_ranges(value), parse_ranges(others)
        assert not one.overlaps(other)


@pytest.mark.fault(29)
@pytest.mark.parametrize("value", ["", "none", "TLS_AES_128", "Integer values from -65536 to -257", "FF3X:0:1", "1,x"])
def test_other_text_has_no_numbers(value: str) -> None:
    assert parse_ranges(value) == ()


@pytest.mark.fault(29)
@given(st.text(max_size=60))
def test_the_low_end_is_never_above_the_high_end(value: str) -> None:
    assert all(span.low <= span.high for span in parse_ranges(value))


@given(st.text("0123456789xXabcdefimstoghrunTHROUGHkK\u017f\u0131 -,;/*\u2013", max_size=12) | st.text(max_size=12))
def test_the_shortcut_for_words_never_skips_a_number(text: str) -> None:
    assert value_ranges.parse_ranges(text) == value_ranges._parse_ranges(text)
