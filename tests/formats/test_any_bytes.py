"""Whatever a server sends, a reader returns a Document or raises ParseError."""

from __future__ import annotations

import random
import re
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.pipeline_fuzz import PIECES, WHOLE, damage, run_pipeline
from tests.support.port_releases import PORTS
from watcher.core.errors import ParseError
from watcher.core.tables import Layout
from watcher.formats import catalog
from watcher.formats.base import FieldMap, Reader
from watcher.formats.catalog import FORMATS
from watcher.registries.catalog import REGISTRIES

REASONS = set(re.findall(r"(?:^ +|  )([a-z_]+)(?=  )", Reader.__doc__ or "", re.MULTILINE))
COLUMNS = (FieldMap(), PORTS.columns, FieldMap(layout=Layout(header=False, columns=("a", "b"), path="a.b")))


def read_or_refused(format: str, data: bytes, columns: FieldMap) -> None:  # noqa: A002
    try:
        document = FORMATS[format].read(data, columns)
    except ParseError as error:
        if error.reason not in REASONS:
            raise
        return
    assert "" in document.headers
    for row in (*document.rows, *document.contacts):
        assert all(isinstance(text, str) for text in row.fields.values())


def test_every_format_has_a_whole_document_here() -> None:
    assert WHOLE.keys() == FORMATS.keys()
    for format, data in WHOLE.items():  # noqa: A001
        assert FORMATS[format].read(data, FieldMap()).rows


@pytest.mark.fault(21, 22)
@pytest.mark.parametrize("format", sorted(FORMATS))
@given(
    st.one_of(st.binary(max_size=60), st.lists(st.sampled_from(PIECES), max_size=12).map(b"".join)),
    st.sampled_from(COLUMNS),
)
def test_any_bytes_are_read_or_refused(format: str, data: bytes, columns: FieldMap) -> None:  # noqa: A002
    read_or_refused(format, data, columns)


@pytest.mark.fault(21, 22)
@pytest.mark.parametrize("format", sorted(FORMATS))
@given(st.randoms(use_true_random=False), st.sampled_from(COLUMNS))
def test_damaged_documents_are_read_or_refused(format: str, chance: random.Random, columns: FieldMap) -> None:  # noqa: A002
    read_or_refused(format, damage(WHOLE[format], chance), columns)


@pytest.mark.fault(24, 25, 26, 27)
@pytest.mark.parametrize("registry", sorted(REGISTRIES))
@pytest.mark.parametrize("format", sorted(FORMATS))
@settings(max_examples=40)
@given(st.randoms(use_true_random=False))
def test_a_damaged_document_is_processed_to_the_end_or_refused(
    format: str,  # noqa: A002
    registry: str,
    chance: random.Random,
) -> None:
    run_pipeline(format, damage(WHOLE[format], chance), REGISTRIES[registry])


def test_every_format_and_every_registry_is_read_to_the_end() -> None:
    pairs = [
        (name, registry)
        for name, registry in product(FORMATS, REGISTRIES)
        if run_pipeline(name, WHOLE[name], REGISTRIES[registry])
    ]
    assert {name for name, _ in pairs} == set(FORMATS)
    assert {registry for _, registry in pairs} == set(REGISTRIES)


@pytest.mark.fault(24)
@pytest.mark.parametrize(
    ("format", "data"),
    [
        ("json", b"[" + b"{}," * 1_100_000 + b"{}]"),
        ("json", b"[[" + b"1," * 11_000_000 + b"1]]"),
        ("jsonl", b"{}\n" * 1_100_000),
        ("record-jar", b"%%\na:b\n" * 600_000),
        ("txt", WHOLE["txt"].replace(b"rdp", b"\n" * 1_100_000 + b"rdp")),
    ],
    ids=["objects", "values", "lines", "records", "text"],
)
def test_hostile_sizes_end_in_a_refusal(format: str, data: bytes) -> None:  # noqa: A002
    with pytest.raises(ParseError) as error:
        FORMATS[format].read(data, FieldMap())
    assert error.value.reason == "too_large"


def test_the_catalog_lists_every_reader_of_its_folder() -> None:
    folder = Path(catalog.__file__).parent
    readers = {
        ".".join(path.relative_to(folder).with_suffix("").parts)
        for path in folder.rglob("*.py")
        if "\ndef read(" in path.read_text("utf-8")
    }
    listed = re.findall(r'"watcher\.formats\.([a-z_.]+)"', Path(catalog.__file__).read_text("utf-8"))
    assert set(listed) == readers
