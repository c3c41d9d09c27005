"""Check that every difference is exact, and that every order of import gives the same history."""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable, Sequence
from functools import partial
from itertools import product
from pathlib import Path

from bench.importing import CONFIG, PATIENCE
from bench.measuring import WATCHER, Part, Target, cost, cpu_of, table
from bench.series import FILE, make_repository
from tests.support.change_sets import apply, invert
from tests.support.environment import content_of, rows
from tests.support.imports import import_files
from watcher.core.model import ChangeSet, Content
from watcher.core.read_settings import ReadSettings
from watcher.diff.classify import explain
from watcher.diff.compare import compare
from watcher.diff.incremental import IncrementalReader
from watcher.monitor.importer import GIT
from watcher.monitor.ingest import ReleaseIngest
from watcher.monitor.source_parts import assemble_parts
from watcher.registries.catalog import REGISTRIES
from watcher.store.snapshot_archive import SnapshotArchive
from watcher.store.store import Store

_DISTANT = 20
_REBUILT = "rebuilt from the archive"
_FILES = "`watcher import` of the files"
_COMMITS = "`watcher import` of the commits of a repository"
_ONE_BY_ONE = "shuffled, one command a release"
_ARCHIVED_FIRST = "shuffled, one command with --archive-only a release, then one rebuild"
_PORTS = REGISTRIES["ports"]


def differences(files: Sequence[Path]) -> Part:
    """Apply the difference of all consecutive pairs and of some distant ones, forwards and backwards."""
    incremental = IncrementalReader(_PORTS)
    chance = random.Random(20)  # noqa: S311 - no secret
    distant = [chance.sample(files, 2) for _ in range(_DISTANT)]
    needed = {path for pair in distant for path in pair}
    contents: dict[Path, Content] = {}
    old = None
    for path in files:
        new = incremental.read(path.read_bytes())
        if old is not None:
            changes, _ = explain(_PORTS, old, new)
            _check_exact(changes, old, new, f"that leads to {path.stem}")
        if path in needed:
            contents[path] = new
        old = new
    for one, other in distant:
        changes = compare(contents[one], contents[other], _PORTS.pairing_rules(contents[one], contents[other]))
        _check_exact(changes, contents[one], contents[other], f"of {one.stem} and {other.stem}")
    return Part(
        text=f"The differences of {len(files) - 1} consecutive pairs and of {_DISTANT} random pairs are all exact, "
        "forwards and backwards."
    )


def _check_exact(changes: ChangeSet, old: Content, new: Content, which: str) -> None:
    if apply(changes, old.items) != new.items or apply(invert(changes), new.items) != old.items:
        raise SystemExit(f"the difference {which} is not exact")


def one_history(files: Sequence[Path], folder: Path, turns: int = 3) -> Part:
    """Import in order, reversed and shuffled, and rebuild, and compare the histories; import commits beside files."""
    repository = make_repository(files, FILE, folder / "repository")
    shuffled = list(files)
    random.Random(3).shuffle(shuffled)  # noqa: S311 - no secret
    histories: list[object] = []
    runs: dict[str, list[float]] = {}
    orders: Sequence[tuple[str, Sequence[Path], Callable[[ReleaseIngest, Sequence[Path]], None]]] = (
        ("in order", files, _import),
        ("reversed", files[::-1], _import),
        ("shuffled", shuffled, _import),
        (_ONE_BY_ONE, shuffled, _import_one_by_one),
        (_ARCHIVED_FIRST, shuffled, _archive_one_by_one),
    )
    for turn, (name, order, run) in product(range(turns), orders):
        if turn and name in (_ONE_BY_ONE, _ARCHIVED_FIRST):
            continue  # they take longer than all others together
        place = folder / f"{name.replace(' ', '-')}-{turn}"
        place.mkdir()
        with Store(place / "history.db") as store:
            archive = SnapshotArchive(place / "snapshots")
            ingest = ReleaseIngest(
                assemble_parts(
                    "ports", settings=ReadSettings(registry="ports", format="xml"), store=store, archive=archive
                )
            )
            runs.setdefault(name, []).append(cpu_of(partial(run, ingest, order)))
            histories.append(content_of(rows(place / "history.db")))
            if name == "in order":
                runs.setdefault(_REBUILT, []).append(cpu_of(ingest.rebuild))
                histories.append(content_of(rows(place / "history.db")))
        if name == "in order":
            for label, origins in ((_FILES, files), (_COMMITS, [f"{GIT}{repository}:{FILE}"])):
                runs.setdefault(label, []).append(_import_as_process(folder / f"{label}-{turn}", origins))
    if any(history != histories[0] for history in histories):
        raise SystemExit("the histories are not the same")
    spent = {name: statistics.median(seconds) for name, seconds in runs.items()}
    ratios = {name: seconds / spent["in order"] for name, seconds in spent.items()}
    return Part(
        text=f"All {len(histories)} imports give the same history, row by row. The files of one command are sorted "
        f"by their dates before the first is taken. The medians of {turns} turns, and one run of those with one "
        "command a release.\n\n"
        + table(["", "CPU s", "in order = 1"], [[name, spent[name], ratios[name]] for name in spent]),
        targets=[
            Target(
                what="import of shuffled releases: CPU, relative to in order", measured=ratios["shuffled"], limit=1.1
            ),
            Target(
                what="import of reversed releases: CPU, relative to in order", measured=ratios["reversed"], limit=1.1
            ),
            Target(
                what="import of the commits of a repository: CPU with that of git, relative to files",
                measured=spent[_COMMITS] / spent[_FILES],
                limit=1.15,
            ),
            Target(
                what="`watcher rebuild`: CPU, relative to the import in order", measured=ratios[_REBUILT], limit=1.4
            ),
        ],
    )


def _import(ingest: ReleaseIngest, order: Sequence[Path]) -> None:
    import_files(ingest, order, "xml")


def _import_as_process(place: Path, origins: Sequence[Path | str]) -> float:
    """Return the CPU seconds of `watcher import` into a new folder, with those of git."""
    place.mkdir()
    (place / "config.toml").write_text(CONFIG.format(format="xml"))
    (place / "config.toml").chmod(0o600)
    return cost([*WATCHER, "import", "ports", *map(str, origins)], place, patience=PATIENCE).cpu


def _import_one_by_one(ingest: ReleaseIngest, order: Sequence[Path]) -> None:
    for path in order:
        _import(ingest, [path])


def _archive_one_by_one(ingest: ReleaseIngest, order: Sequence[Path]) -> None:
    for path in order:
        import_files(ingest, [path], "xml", archive_only=True)
    ingest.rebuild()
