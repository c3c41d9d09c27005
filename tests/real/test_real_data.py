"""The helpers in real_data.py: they return the real files, and skip with a reason if the files are absent."""

from __future__ import annotations

import pytest

from tests.support import real_data


def test_one_release_and_many_give_the_same_bytes() -> None:
    dates = ("2019-01-08", "2019-01-09")
    assert len(real_data.ports_dates()) == 335
    assert [(date, real_data.ports_release(date)) for date in dates] == list(real_data.ports_releases(dates))
    assert real_data.ports_release("2019-01-09").startswith(b"<?xml")


def test_a_date_without_a_release_is_an_error_and_not_an_empty_one() -> None:
    with pytest.raises(LookupError, match="2019-01-10"):
        list(real_data.ports_releases(["2019-01-08", "2019-01-10", "2019-01-09"]))


def test_a_registry_group_has_another_document_on_another_date() -> None:
    old, new = (real_data.iana_document("protocol-numbers", tag) for tag in ("2020-01-05", "2020-02-03"))
    assert old.startswith(b"<?xml")
    assert (b"<value>144-252</value>" in old, b"<value>144-252</value>" in new) == (False, True)


def test_leaving_off_in_the_middle_leaves_nothing_open() -> None:
    releases = real_data.ports_releases()
    assert next(releases)[0] == "2017-03-10"
    releases.close()


def test_a_date_of_the_formats_has_them_side_by_side() -> None:
    assert len(real_data.formats_dates()) == 11
    files = real_data.formats_files("2016-01-01")
    assert files["tls-parameters/tls-parameters-4.csv"].startswith(b"Value,")
    assert {path.rpartition(".")[2] for path in files} == {"xml", "csv", "txt"}


def test_accidents_are_files() -> None:
    assert any(path.is_file() for path in real_data.accidents().rglob("*"))


def test_absent_data_skips_with_the_reason() -> None:
    with pytest.raises(pytest.skip.Exception, match=r"no real data: .*absent\.bundle is not beside"):
        real_data.repository("absent")
