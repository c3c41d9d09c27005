"""Decides what the receipt of a snapshot says once its bytes are stored again."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from watcher.core.release_order import earliest_name
from watcher.store.snapshot_file import SnapshotInfo


class Observation(Struct, frozen=True, kw_only=True):
    """One time that a snapshot was stored: when and where it was seen, with the words of `SnapshotInfo`."""

    observed: str | None
    origin: str
    live: bool = False
    accepted: bool = True
    named: str | None = None
    sequence: int | None = None  # the next of the source if it is live
    accepted_by: str | None = None


def merge_observation(stored: SnapshotInfo, observation: Observation) -> SnapshotInfo:
    """Return the receipt of a stored snapshot after one more observation.

    The first accepted observation replaces that of a held release. Later ones can only make the time earlier, or the
    snapshot live.
    """
    if observation.accepted:
        stored = replace(stored, refused=None, was_release=False)
    elif not stored.accepted:
        return stored
    if not stored.accepted:
        return _accept(stored, observation)
    merged = replace(stored, live=stored.live or observation.live, named=earliest_name(stored.named, observation.named))
    if observation.live and not stored.live:
        merged = replace(merged, sequence=observation.sequence)
    if observation.observed and (stored.observed is None or observation.observed < stored.observed):
        merged = replace(merged, observed=observation.observed, origin=observation.origin)
    return merged


def _accept(held: SnapshotInfo, observation: Observation) -> SnapshotInfo:
    """Return the receipt of a held snapshot that is accepted, with the values of this observation."""
    sequence = None
    if observation.live:
        is_same_hold = held.sequence is not None and observation.observed == held.observed
        sequence = held.sequence if is_same_hold else observation.sequence
    return replace(
        held,
        observed=observation.observed,
        origin=observation.origin,
        live=observation.live,
        accepted=True,
        named=observation.named,
        sequence=sequence,
        accepted_by=observation.accepted_by,
    )
