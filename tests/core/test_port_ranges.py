"""Ports as text and as numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.core.port_ranges import find_ports, parse_ports

bounds = st.tuples(st.integers(0, 65535), st.integers(0, 65535)).map(sorted)


@given(bounds)
def test_a_range_reads_back(bounds: list[int]) -> None:
    low, high = bounds
    assert parse_ports(f"{low}-{high}") == find_ports(f"{low}-{high}") == (low, high)
    assert parse_ports(str(low)) == find_ports(str(low)) == (low, low)


@pytest.mark.fault(29)
@pytest.mark.parametrize(
    "text",
    [
        *("", "-", "x", "-1", "1-", "80-79", "65536", "1-65536", "1-2-3", "1,2", " 80", "80 ", "1.5", "+80", "²"),
        "9" * 5000,
    ],
)
def test_text_that_is_not_a_port_or_a_range_is_refused(text: str) -> None:
    assert find_ports(text) is None
    with pytest.raises(ValueError, match="is not a port or a range of ports"):
        parse_ports(text)
