"""JSON put together by its shape is the JSON that the standard library writes."""

from __future__ import annotations

import json

from hypothesis import example, given
from hypothesis import strategies as st

from watcher.core.json_text import encode_object, encode_sorted_pairs

TEXTS = st.text(st.characters(exclude_categories=[]))  # lone surrogates too


@given(st.dictionaries(TEXTS, TEXTS))
@example({"100 %s": "%d", 'a "name"': "\\", "b\n": "\x1f\ud800"})
def test_it_is_written_as_the_standard_library_writes_it(fields: dict[str, str]) -> None:
    assert encode_object(fields) == json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
    assert encode_sorted_pairs(fields) == json.dumps(sorted(fields.items()), ensure_ascii=False)
