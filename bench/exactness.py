"""A fast wrong answer is worth nothing: every difference is applied, and every order of import gives one history."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

from bench.measuring import Part, cpu_of, table
from tests.support.environment import content_of, rows
from watcher.core.model import ChangeSet, Content
from watcher.diff.classify import explain
from watcher.diff.compare import apply, compare, invert
from watcher.diff.incremental import IncrementalReader
from watcher.monitor import importer
from watcher.monitor.ingest import ReleaseIngest
from watcher.registries.catalog import REGISTRIES
from watcher.store.snapshot_archive import SnapshotArchive
from watcher.store.store import Store

_FAR = 20
_PORTS = REGISTRIES["ports"]


def differences(files: Sequence[Path]) -> Part:
    """Apply every consecutive difference, and some of random far-apart pairs, both ways."""
    incremental = IncrementalReader(_PORTS)
    chance = random.Random(20)  # noqa: S311 - no secret
    far = [chance.sample(files, 2) for _ in range(_FAR)]
    needed = {path for pair in far for path in pair}
    kept: dict[Path, Content] = {}
    old = None
    for path in files:
        new = incremental.read(path.read_bytes())
        if old is not None:
            changes, _ = explain(_PORTS, old, new)
            _prove(changes, old, new, f"that leads to {path.stem}")
        if path in needed:
            kept[path] = new
        old = new
    for one, other in far:
        changes = compare(kept[one], kept[other], _PORTS.pairing_rules(kept[one], kept[other]))
        _prove(changes, kept[one], kept[other], f"of {one.stem} and {other.stem}")
    return Part(
        text=f"{len(files) - 1} consecutive differences and {_FAR} of random far-apart pairs: all exact, forwards and "
        "backwards."
    )


def _prove(changes: ChangeSet, old: Content, new: Content, which: str) -> None:
    if apply(changes, old.items) != new.items or apply(invert(changes), new.items) != old.items:
        raise SystemExit(f"the difference {which} is not exact")


def one_history(files: Sequence[Path], folder: Path) -> Part:
    """Import in order, reversed, shuffled, and rebuild from the archive: compared row by row."""
    shuffled = list(files)
    random.Random(3).shuffle(shuffled)  # noqa: S311 - no secret
    found, lines = [], []
    for name, order in (("in order", files), ("reversed", files[::-1]), ("shuffled", shuffled)):
        place = folder / name.replace(" ", "-")
        place.mkdir()
        with Store(place / "history.db") as store:
            archive = SnapshotArchive(place / "snapshots")
            intake = ReleaseIngest("ports", registry="ports", format="xml", store=store, archive=archive)
            lines.append([name, cpu_of(lambda intake=intake, order=order: _import(intake, order))])  # type: ignore[misc]
            found.append(content_of(rows(place / "history.db")))
            if name == "shuffled":
                lines.append(["rebuilt from the archive", cpu_of(intake.rebuild)])
                found.append(content_of(rows(place / "history.db")))
    if any(each != found[0] for each in found):
        raise SystemExit("the histories are not the same")
    return Part(text=f"The same history, row by row, {len(found)} times.\n\n" + table(["", "CPU s"], lines))


def _import(intake: ReleaseIngest, order: Sequence[Path]) -> None:
    for path in order:
        importer.import_items(intake, importer.find_items([str(path)], ".xml"))
