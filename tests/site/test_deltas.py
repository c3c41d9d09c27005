"""The lists of deltas: a delta turns a copy into the next one byte for byte, whatever the items say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.site.histories import GrowingHistory
from watcher.core.model import Item, Key, Release, Section, Status
from watcher.site import delta_files
from watcher.site.delta_files import make_delta_files
from watcher.site.deltas import (
    DeltaError,
    ListedFile,
    Notification,
    Version,
    apply_delta,
    read_version,
    sha256,
    write_copy,
    write_delta,
)
from watcher.store.store import Store

TEXT = st.text(st.characters(), max_size=12) | st.sampled_from(['"},"status":"', '{"put":{', "\n", "\ud800", "\u2028"])
KEYS = st.builds(Key, labels=st.just(("registry", "status")), values=st.tuples(TEXT, TEXT), ordinal=st.integers(1, 2))
ITEMS = st.builds(
    Item,
    section=st.sampled_from(Section),
    key=KEYS,
    fields=st.dictionaries(TEXT, TEXT, max_size=3),
    status=st.sampled_from(Status),
)
CONTENTS = st.lists(ITEMS, max_size=6, unique_by=lambda item: (item.section, item.key))
RELEASE = Release(id="0" * 12, source="toy", published="2020-01-01", observed=None, sha256="0" * 64, entries=1)


def version(number: int, session: str = "s") -> Version:
    return Version.of_release(RELEASE, session, number)


@given(CONTENTS, CONTENTS)
def test_a_delta_turns_a_copy_into_the_next_one(old: list[Item], new: list[Item]) -> None:
    removed, added = [item for item in old if item not in new], [item for item in new if item not in old]
    delta = write_delta(version(2), removed, added)
    copy = write_copy(version(1), old)
    assert apply_delta(copy, delta) == write_copy(version(2), new)
    assert read_version(copy) == version(1)
    assert all(json.loads(line) for line in copy.splitlines())


ONE = Item(section=Section.ENTRY, key=Key(("value",), ("1",)), fields={"name": "x"})
COPY, DELTA = write_copy(version(1), [ONE]), write_delta(version(2), [ONE], [])


@pytest.mark.parametrize(
    ("copy", "delta"),
    [
        (COPY, write_delta(version(3), [ONE], [])),
        (COPY, write_delta(version(2, "t"), [ONE], [])),
        (COPY, write_delta(Version.of_release(replace(RELEASE, source="other"), "s", 2), [ONE], [])),
        (write_copy(version(1), []), DELTA),
        (COPY, COPY),
        (DELTA, DELTA),
        (COPY[:-55], DELTA),
        (COPY, DELTA.replace(b'"remove"', b'"forget"')),
        (COPY, DELTA.split(b"\n")[0] + b'\n{"put":1}\n'),
        (b"", DELTA),
        (b"\xff", DELTA),
        (b"[]\n", DELTA),
        (b"[" * 100_000, DELTA),
        (COPY.replace(b'"version":1', b'"version":"1"'), DELTA),
    ],
)
def test_what_does_not_fit_is_refused(copy: bytes, delta: bytes) -> None:
    with pytest.raises(DeltaError):
        apply_delta(copy, delta)


def listed(kind: str, number: int, size: int = 10) -> ListedFile:
    return replace(ListedFile.of_data(kind, number, str(number).encode()), size=size)


def notification(number: int, deltas: int, size: int = 10) -> Notification:
    numbers = range(number - deltas + 1, number + 1)
    return Notification(
        source="toy",
        session="s",
        version=number,
        published=None,
        snapshot=listed("snapshot", number, 100),
        deltas=tuple(listed("delta", number, size) for number in numbers),
    )


def test_deltas_are_found_until_they_expire_or_the_snapshot_is_smaller() -> None:
    made = notification(10, 5)
    assert Notification.read(made.write()) == made
    assert [delta.version for delta in made.find_deltas(7) or ()] == [8, 9, 10]
    assert made.find_deltas(10) == ()
    assert len(made.find_deltas(5) or ()) == 5
    assert made.find_deltas(4) is None
    assert made.find_deltas(11) is None
    assert notification(10, 5, size=40).find_deltas(7) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"schema": 1', '"schema": 2'),
        ('"type": "notification"', '"type": "other"'),
        ('"version": 9,', '"version": 8,'),
        ('"file": "delta-9-', '"file": "../delta-9-'),
        ('"file": "delta-9-', '"file": "https://example.org/delta-9-'),
        ('"deltas": [', '"deltas": [1, '),
        ('"snapshot": {', '"snapshots": {'),
        ("{", "["),
    ],
)
def test_a_notification_that_is_not_one_is_refused(old: str, new: str) -> None:
    text = notification(10, 2).write().decode()
    assert old in text
    with pytest.raises(DeltaError):
        Notification.read(text.replace(old, new, 1).encode())


def test_old_deltas_expire_and_the_session_lasts_while_releases_are_appended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delta_files, "KEPT", 2)
    history = GrowingHistory(tmp_path)
    published, copies, sessions = None, {}, set()
    for number in range(1, 5):
        history.add("ports")
        with Store(tmp_path / "history.db", read_only=True) as store:
            made = make_delta_files(store.history, "ports", store.history.list_releases("ports"), published)
        published = made.notification.write()
        sessions.add(made.notification.session)
        copies[number] = made.files[made.notification.snapshot.file]
        numbers = [delta.version for delta in made.notification.deltas]
        assert numbers == [*range(max(2, number - 1), number + 1)]
        for delta in made.notification.deltas:
            assert sha256(apply_delta(copies[delta.version - 1], made.files[delta.file])) == sha256(
                copies[delta.version]
            )
    assert len(sessions) == 1


def test_a_history_that_was_derived_in_another_way_begins_a_new_session(tmp_path: Path) -> None:
    history = GrowingHistory(tmp_path)
    history.add("ports", 3)
    with Store(tmp_path / "history.db", read_only=True) as store:
        releases = store.history.list_releases("ports")
        first = make_delta_files(store.history, "ports", releases, None)
        published = first.notification.write()
        assert make_delta_files(store.history, "ports", releases, published) == first
        shorter = make_delta_files(store.history, "ports", releases[:2], published)
        other = make_delta_files(store.history, "ports", [releases[0], releases[2]], published)
        assert make_delta_files(store.history, "ports", releases, b"damaged") == first
    assert len({made.notification.session for made in (first, shorter, other)}) == 3
