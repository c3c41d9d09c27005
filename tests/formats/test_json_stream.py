"""A JSON document that is read object by object says what it says when it is parsed as a whole."""

from __future__ import annotations

import json
import random

from watcher.core.errors import ParseError
from watcher.core.tables import Layout
from watcher.formats.base import Document, FieldMap, RowCache
from watcher.formats.json_records import read, read_whole

ANY = FieldMap()
CLOSED = FieldMap(titles={"id": "name", "text": "text"}, closed=True)


def describe(document: Document) -> object:
    rows = [(dict(row.fields), row.registry, row.problems) for row in document.rows]
    return rows, {path: dict(header) for path, header in document.headers.items()}, document.problems


def outcome(text: str, field_map: FieldMap, cache: RowCache | None) -> object:
    """Return what a document says, or its error; without a `cache` as it is read whole."""
    try:
        return describe(read_whole(text, field_map) if cache is None else read(text.encode(), field_map, cache))
    except ParseError as error:
        return error.reason, str(error), error.line, error.column


def draw_value(chance: random.Random, depth: int = 0) -> object:
    kind = chance.randrange(9 if depth < 2 else 6)
    if kind < 3:
        return chance.choice(("", "x", "a b", " a\n b ", "ü", "]", "}, {", '"', "\\"))
    if kind < 6:
        return chance.choice((1, 1.5, -2e9, True, False, None))
    if kind == 6:
        return [draw_value(chance, depth + 1) for _ in range(chance.randrange(4))]
    return {chance.choice("abcd."): draw_value(chance, depth + 1) for _ in range(chance.randrange(4))}


def draw_object(chance: random.Random) -> dict[str, object]:
    name = chance.choice(("id", "id", "name"))
    return (
        {name: str(chance.randrange(30)), "text": draw_value(chance), chance.choice("xyz"): draw_value(chance)}
        if chance.random() < 0.7
        else {name: "1"}
    )


def test_random_documents_one_after_the_other_say_what_each_says_as_a_whole() -> None:
    chance = random.Random(18)  # noqa: S311 - no secret
    reused = 0
    for field_map in (ANY, CLOSED, FieldMap(layout=Layout(path="items"))):
        cache = RowCache()
        objects = [draw_object(chance) for _ in range(25)]
        known: set[int] = set()
        for _ in range(60):
            document: object = (
                {"before": "x", "items": objects, "after": {"n": 1}} if chance.random() < 0.7 else objects
            )
            text = json.dumps(document, ensure_ascii=chance.random() < 0.5, indent=chance.choice((None, None, 1)))
            assert outcome(text, field_map, cache) == outcome(text, field_map, None)
            reused += len(known & {id(row) for row in cache.rows.values()})
            known = {id(row) for row in cache.rows.values()}
            for _ in range(chance.randrange(4)):
                place = chance.randrange(len(objects))
                objects = [*objects[:place], *([draw_object(chance)] * chance.randrange(3)), *objects[place + 1 :]]
            objects = objects or [draw_object(chance)]
            if chance.random() < 0.1:
                chance.shuffle(objects)
    assert reused > 1000


def test_odd_marks_at_every_place_give_the_document_or_the_error_of_the_whole() -> None:
    text = '{"n": "x", "items": [{"a": 1}, {"a": "b", "c": [2]}, {"a": 1}], "m": 2}'
    marks = [
        "[",
        "]",
        "{",
        "}",
        ",",
        ":",
        '"',
        " ",
        "\n",
        "1",
        "\\",
        "\ufeff",
        "\0",
        "NaN",
        "[1],",
        '{"a": 3},',
        '"k": [], ',
    ]
    for mark, replaced in [("", 1), (":", 1), *((mark, 0) for mark in marks)]:
        for place in range(len(text) + 1):
            odd = text[:place] + mark + text[place + replaced :]
            cache = RowCache()
            read(text.encode(), ANY, cache)  # the document before
            try:
                expected = outcome(odd, ANY, None)
            except RecursionError:
                continue
            if mark == "\0" or (mark == "\ufeff" and place == 0):
                continue  # refused, or removed, before the text is read
            assert outcome(odd, ANY, cache) == expected, odd
