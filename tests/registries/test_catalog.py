"""The catalog of registries: a module with REGISTRY and a line in the table are all that a new one needs."""

from __future__ import annotations

from pathlib import Path

import pytest

from watcher.diff.classify import explain
from watcher.diff.content import read_content
from watcher.registries import catalog

TOY = """
from msgspec.structs import replace

from watcher.formats.base import FieldMap
from watcher.registries import collection_index

REGISTRY = replace(
    collection_index.REGISTRY,
    id="toy",
    document_id="toy-parameters",
    columns=FieldMap(always=("group", "title")),
)
"""


def test_a_module_and_a_line_make_a_registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "toy_registry.py").write_text(TOY)
    monkeypatch.syspath_prepend(tmp_path)
    toy = catalog.Listing("toy_registry", "toy-parameters")
    monkeypatch.setattr(catalog, "_LISTINGS", {**catalog._LISTINGS, "toy": toy})
    assert "toy" in catalog.REGISTRIES
    assert catalog.rules_for_group("toy-parameters", "iana") == "toy"
    rules = catalog.REGISTRIES["toy"]
    old, new = (read_content(f"group,title\na,A\n{row}".encode(), rules, "csv") for row in ("", "b,B\n"))
    assert [event.id for event in explain(rules, old, new)[1]] == ["group-added"]


def test_every_registry_has_the_document_id_that_it_is_listed_with() -> None:
    listed = [listing.document_id for listing in catalog._LISTINGS.values()]
    assert listed == [registry.document_id for registry in catalog.REGISTRIES.values()]


def test_every_registry_bears_the_id_it_is_listed_under() -> None:
    assert [registry.id for registry in catalog.REGISTRIES.values()] == list(catalog.REGISTRIES)
