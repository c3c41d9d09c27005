"""The fields of a row in little memory."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from watcher.formats.base import CompactRow

_FIELDS = st.dictionaries(
    st.text(max_size=3), st.text(max_size=3) | st.sampled_from(["\x1f", "a\x1fb", ""]), max_size=5
)


@given(_FIELDS)
def test_a_compact_row_is_the_mapping_it_was_made_of(fields: dict[str, str]) -> None:
    cells = CompactRow(fields)
    assert list(cells.items()) == list(fields.items())
    assert (list(cells), list(cells.keys()), list(cells.values())) == (
        list(fields),
        list(fields),
        list(fields.values()),
    )
    assert (len(cells), dict(cells), repr(cells)) == (len(fields), fields, repr(fields))
    assert all(cells[name] == cells.get(name) == text and name in cells for name, text in fields.items())
    assert cells.get("nothing here") is None
    assert "nothing here" not in cells


@given(_FIELDS, _FIELDS)
def test_compact_rows_are_equal_if_their_mappings_are(one: dict[str, str], other: dict[str, str]) -> None:
    assert (CompactRow(one) == CompactRow(other)) == (one == other) == (CompactRow(one) == other)
    turned = CompactRow(dict(reversed(one.items())))
    assert CompactRow(one) == turned
    assert hash(CompactRow(one)) == hash(turned)
