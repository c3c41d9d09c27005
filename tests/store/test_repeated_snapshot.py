"""The receipt of a snapshot that is stored again, and that the archive previews what it will say."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from watcher.store.repeated_snapshot import Observation, merge_observation
from watcher.store.snapshot_archive import SnapshotArchive
from watcher.store.snapshot_file import SnapshotInfo

EARLY, LATE = "2024-05-01T00:00:00Z", "2024-05-02T00:00:00Z"
HELD = SnapshotInfo(
    source="ports",
    sha256="0" * 64,
    size=1,
    number=0,
    prefix=None,
    observed=LATE,
    origin="https://registry.example/ports.xml",
    registry="ports",
    format="xml",
    live=True,
    accepted=False,
    sequence=4,
)
ACCEPTED = replace(HELD, accepted=True)


def observe(
    *, observed: str | None = LATE, live: bool = True, accepted: bool = True, sequence: int | None = 7
) -> Observation:
    return Observation(observed=observed, origin="new", live=live, accepted=accepted, sequence=sequence)


def test_a_held_release_that_is_served_again_and_held_again_keeps_its_receipt() -> None:
    assert merge_observation(HELD, observe(observed=EARLY, accepted=False)) == HELD


def test_an_accepted_hold_keeps_its_place_and_takes_the_new_origin() -> None:
    assert merge_observation(HELD, observe()) == replace(ACCEPTED, origin="new")


def test_another_hold_of_the_same_bytes_takes_the_next_place() -> None:
    assert merge_observation(HELD, observe(observed=EARLY)).sequence == 7


def test_an_imported_copy_takes_a_held_release_out_of_the_order_of_the_checks() -> None:
    merged = merge_observation(HELD, observe(live=False, sequence=None))
    assert (merged.accepted, merged.live, merged.sequence) == (True, False, None)


def test_an_accepted_release_changes_only_to_an_earlier_time() -> None:
    assert merge_observation(ACCEPTED, observe(observed=EARLY)) == replace(ACCEPTED, observed=EARLY, origin="new")
    assert merge_observation(ACCEPTED, observe(observed="2024-05-03T00:00:00Z")) == ACCEPTED
    assert merge_observation(ACCEPTED, observe(observed=None)) == ACCEPTED


def test_a_refused_release_is_refused_until_it_is_accepted_again() -> None:
    refused = replace(ACCEPTED, refused="cannot be read")
    assert merge_observation(refused, observe(accepted=False)) == refused
    assert merge_observation(refused, observe()) == ACCEPTED


OBSERVATIONS = st.lists(
    st.tuples(st.sampled_from([b"one", b"two"]), st.sampled_from([None, EARLY, LATE]), st.booleans(), st.booleans()),
    max_size=5,
)


@given(before=OBSERVATIONS, observed=st.sampled_from([None, EARLY, LATE]), live=st.booleans())
@settings(max_examples=60)
def test_the_archive_previews_what_an_accepted_receipt_will_say(
    tmp_path_factory: pytest.TempPathFactory,
    before: list[tuple[bytes, str | None, bool, bool]],
    observed: str | None,
    live: bool,
) -> None:
    archive = SnapshotArchive(tmp_path_factory.mktemp("archive"))

    def store(data: bytes, observed: str | None, *, live: bool, accepted: bool) -> SnapshotInfo:
        return archive.store_snapshot(
            data,
            Observation(observed=observed, origin="x", live=live, accepted=accepted),
            source="ports",
            registry="ports",
            format="xml",
        )

    for data, at, is_live, accepted in before:
        store(data, at, live=is_live, accepted=accepted)
    previewed = archive.preview_receipt("ports", hashlib.sha256(b"one").hexdigest(), observed=observed, live=live)
    stored = store(b"one", observed, live=live, accepted=True)
    assert previewed == (stored.observed, stored.sequence)
