"""Row 86: text that hides is written visibly in every output."""

from __future__ import annotations

import unicodedata

import pytest

from tests.render import saying
from watcher.render import csv, document, html, markdown, text
from watcher.render.json import dumps
from watcher.render.safe_text import HIDDEN

HIDING = (
    "\u3164",
    "\u115f",
    "\u1160",
    "\uffa0",
    "\u034f",
    "\u2800",
    "\ufe0f",
    "\ufe00",
    "\U000e0100",
    "\u180b",
    "\u200b",
)


@pytest.mark.fault(86)
@pytest.mark.parametrize("char", HIDING)
def test_text_that_hides_is_written_visibly_in_every_output(char: str) -> None:
    shown = saying(f"pay{char}pal")
    spelled = f"<U+{ord(char):04X}>"
    outputs = {
        "text": text.render_comparison(shown),
        "csv": csv.render_comparison(shown),
        "md": markdown.render_comparison(shown).replace("\\", ""),
        "html": html.render_comparison(shown).replace("&lt;", "<").replace("&gt;", ">"),
    }
    for name, output in outputs.items():
        assert char not in output, name
        assert spelled in output, name
    assert char not in dumps(document.comparison_document(shown))


@pytest.mark.fault(86)
def test_every_character_without_a_glyph_counts_as_hidden() -> None:
    for number in (*range(0x20000), *range(0xE0000, 0xE0200)):
        char = chr(number)
        name = unicodedata.name(char, "")
        has_no_glyph = unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") and char != "\n"
        if has_no_glyph or "VARIATION SELECTOR" in name or ("HANGUL" in name and name.endswith("FILLER")):
            assert HIDDEN.match(char), hex(number)
