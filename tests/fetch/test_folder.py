"""The index of a folder of registry groups."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.index_server import group_xml
from watcher.core.errors import FetchError
from watcher.fetch.base import NotModified, Response, Validators
from watcher.fetch.folder import FolderFetcher, group_document, list_groups


def lay(folder: Path, *groups: str, flat: bool = False) -> None:
    for group in groups:
        path = folder / f"{group}.xml" if flat else folder / group / f"{group}.xml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(group_xml(group))


def listed(folder: FolderFetcher, validators: Validators | None = None) -> Response:
    answer = folder.fetch("file:///x", validators)
    assert isinstance(answer, Response)
    return answer


@pytest.mark.fault(85)
def test_a_folder_of_too_many_entries_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("watcher.fetch.folder._MOST_ENTRIES", 2)
    lay(tmp_path, "a", "b")
    assert list_groups(tmp_path) == ["a", "b"]
    lay(tmp_path, "c")
    with pytest.raises(FetchError, match="more than 2 files and folders") as caught:
        list_groups(tmp_path)
    assert caught.value.reason == "too_large"


def test_both_layouts_are_groups_and_nothing_else_is(tmp_path: Path) -> None:
    lay(tmp_path, "tls", "_6lowpan")
    lay(tmp_path, "flat", "tls", flat=True)
    (tmp_path / "empty").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "another.xml").touch()
    (tmp_path / "notes.txt").touch()
    (tmp_path / "folder.xml").mkdir()
    (tmp_path / "no id.xml").touch()
    (tmp_path / ".xml").touch()
    assert list_groups(tmp_path) == ["_6lowpan", "flat", "tls"]
    assert listed(FolderFetcher(path=tmp_path)).body == b"_6lowpan\nflat\ntls\n"
    assert group_document(tmp_path, "tls") == tmp_path / "tls" / "tls.xml"
    assert group_document(tmp_path, "flat") == tmp_path / "flat.xml"


def test_the_same_groups_again_are_not_modified(tmp_path: Path) -> None:
    lay(tmp_path, "a", "b")
    folder = FolderFetcher(path=tmp_path)
    validators = listed(folder).validators
    (tmp_path / "a" / "a.xml").write_bytes(b"other content")
    assert isinstance(folder.fetch("file:///x", validators), NotModified)
    lay(tmp_path, "c")
    assert listed(folder, validators).body == b"a\nb\nc\n"


def test_a_folder_that_is_not_there_is_a_failed_fetch(tmp_path: Path) -> None:
    with pytest.raises(FetchError) as caught:
        FolderFetcher(path=tmp_path / "gone").fetch("file:///x")
    assert (caught.value.reason, caught.value.transient) == ("file_missing", False)


def test_a_folder_that_is_a_file_is_a_failed_fetch(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FetchError) as caught:
        FolderFetcher(path=tmp_path / "file").fetch("file:///x")
    assert caught.value.reason == "file_unreadable"
