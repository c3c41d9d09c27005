"""Row 78: any text where a table is expected is a failed check with a reason, or held until the operator decides."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.table_source import TableSource
from watcher.monitor.result import Outcome

CSV = b"Code,Name\n1,a\n2,b\n3,c\n4,d\n5,e\n"
SEMICOLONS = CSV.replace(b",", b";")
LIST = b"alpha\nbeta\ngamma\n"
OBJECTS = b'{"items": [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}, {"id": 3, "name": "c"}]}'
KEYED = b'{"a/b": {"source": "x"}, "c/d": {"source": "x"}, "e/f": {"source": "y"}}'
SENTENCES = b"Service temporarily unavailable\nPlease try again later\n"
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 45\n"
HEAD = b"<head><title>503</title></head>\n<body>\n<h1>Sorry</h1>\n</body>\n"
ERRORS = b'{"errors": [{"message": "API rate limit exceeded"}]}'
ERROR = b'{"error": {"code": 403, "name": "denied"}}'
MESSAGE = b'{"message": "Not Found", "documentation": []}'
FAILED = "not_expected_format"
HELD = "other_table"


@pytest.mark.fault(78)
@pytest.mark.parametrize(
    ("format", "table", "answer", "reason"),
    [
        ("csv", CSV, SENTENCES, HELD),
        ("csv", CSV, b"Bad Gateway", HELD),
        ("csv", CSV, b"error,code\ngateway,502\n", HELD),
        ("csv", CSV, POINTER, FAILED),
        ("csv", CSV, HEAD, FAILED),
        ("csv", CSV, b"<p>Sorry</p>", FAILED),
        ("csv", CSV, ERRORS, FAILED),
        ("csv", CSV, b'[\n {"id": 1}\n]', FAILED),
        ("csv", CSV, SEMICOLONS, FAILED),
        ("csv", b"1,a,[RFC1]\n2,b,[RFC2]\n3,c,[RFC3]\n", SENTENCES, HELD),
        ("csv", b"word\nalpha\nbeta\n", SENTENCES, HELD),
        ("tsv", CSV.replace(b",", b"\t"), SENTENCES, HELD),
        ("lines", LIST, SENTENCES, HELD),
        ("lines", LIST, POINTER, FAILED),
        ("lines", LIST, HEAD, FAILED),
        ("lines", LIST, ERRORS, FAILED),
        ("json", OBJECTS, ERRORS, FAILED),
        ("json", OBJECTS, ERROR, FAILED),
        ("json", OBJECTS, b'{"error": "gone", "id": []}', HELD),
        ("json", OBJECTS, MESSAGE, HELD),
        ("json", OBJECTS, OBJECTS.replace(b"items", b"results"), HELD),
        ("json", OBJECTS, b'[{"code": 1}]', HELD),
        ("json", OBJECTS, b'{"items": []}', "empty"),
        ("json", OBJECTS, SENTENCES, "not_well_formed"),
        ("json", KEYED, ERROR, FAILED),
        ("json", KEYED, b'{"status": {"source": "proxy"}}', HELD),
        ("jsonl", b'{"id": 1}\n{"id": 2}\n{"id": 3}\n', b'{"message": "denied"}\n', HELD),
        ("jsonl", b'{"id": 1}\n{"id": 2}\n{"id": 3}\n', b'{"id": "denied"}\n', HELD),
        ("record-jar", b"Type: a\n%%\nType: b\n%%\nType: c\n", b"Error: try again\n", HELD),
    ],
)
def test_any_text_in_place_of_a_table_is_refused_or_held(
    tmp_path: Path,
    format: str,  # noqa: A002
    table: bytes,
    answer: bytes,
    reason: str,
) -> None:
    source = TableSource(folder=tmp_path, settings={"hold": None})
    source.configure(format=format)
    assert source.check(table).outcome is Outcome.BASELINE
    for _ in range(3):
        result = source.check(answer)
        assert (result.outcome, result.reason) == (Outcome.HELD if reason is HELD else Outcome.FAILED, reason)
    assert source.check(table).outcome is Outcome.UNCHANGED


@pytest.mark.fault(78)
def test_a_held_table_is_accepted_by_the_operator_or_by_the_settings(tmp_path: Path) -> None:
    source = TableSource(folder=tmp_path, settings={"hold": None})
    source.configure(format="lines")
    source.check(LIST)
    assert source.check(b"delta\nepsilon\n").reason == HELD
    source.configure(**{"hold.max_gone": 1.0})
    assert source.check(b"delta\nepsilon\n").outcome is Outcome.CHANGED
