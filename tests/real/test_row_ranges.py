"""Rows of real releases are found in their bytes."""

from __future__ import annotations

import pytest

from tests.support import real_data
from watcher.formats.catalog import FORMATS
from watcher.formats.row_ranges import RowRanges
from watcher.registries.catalog import REGISTRIES


@pytest.mark.parametrize("name", ["ports", "tls-parameters", "media-types", "cbor-tags"])
def test_rows_and_contacts_of_a_real_release_are_found(name: str) -> None:
    if name == "ports":
        data, columns = real_data.ports_release(real_data.ports_dates()[-1]), REGISTRIES["ports"].columns
    else:
        data, columns = real_data.iana_document(name, "2024-02-05"), REGISTRIES["iana"].columns
    document = FORMATS["xml"].read(data, columns)
    ranges = RowRanges(data, "xml", columns)
    rows = document.rows[:: max(len(document.rows) // 40, 1)]
    assert len(rows) >= 40
    assert [row.fields for row in rows if ranges.find_entry(row.fields, row.registry) is None] == []
    contacts = document.contacts[:: max(len(document.contacts) // 10, 1)]
    assert [row.fields for row in contacts if ranges.find_contact(row.fields) is None] == []
