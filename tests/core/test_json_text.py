"""JSON put together by its shape is the JSON that the standard library writes."""

from __future__ import annotations

import json

from hypothesis import example, given
from hypothesis import strategies as st

from watcher.core.json_text import compact, in_order

TEXTS = st.text(st.characters(exclude_categories=[]))  # lone surrogates too


@given(st.dictionaries(TEXTS, TEXTS))
@example({"100 %s": "%d", 'a "name"': "\\", "b\n": "\x1f\ud800"})
def test_it_is_written_as_the_standard_library_writes_it(fields: dict[str, str]) -> None:
    assert compact(fields) == json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
    assert in_order(fields) == json.dumps(sorted(fields.items()), ensure_ascii=False)
