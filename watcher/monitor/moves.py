"""Find the entries that moved between the groups of a collection, and make both sides one event.

Each group is judged alone first: one group's release removes an entry, another group's release adds it. `MoveLinker`
links the two from what is stored, so the order in which the releases added makes no difference. docs/decisions.md, 47.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

from msgspec import Struct
from msgspec.structs import replace

from watcher.core.model import Change, ChangeSet, Content, Event, Item, Key, Section, Severity, Side
from watcher.diff.classify import classify
from watcher.diff.linkage import DISTINCTIVE, choose_pairs, measure_rarity, score_candidates
from watcher.registries.base import PATH, Features
from watcher.registries.catalog import REGISTRIES
from watcher.registries.context import Move
from watcher.registries.generic import entry_parts, group_moves
from watcher.registries.shared.assignment import is_assigned
from watcher.store.history_rows import StoredRelease
from watcher.store.moves import ChangePlace, StoredMove
from watcher.store.new_release import Transition
from watcher.store.store import Store

_Pair = tuple[ChangePlace, ChangePlace]


class MoveLinker:
    """Links the releases of one collection. Everything is read and written in the caller's transaction."""

    def __init__(self, collection: str, store: Store, severities: Mapping[str, Severity]) -> None:
        self._prefix = f"{collection}."
        self._store = store
        self._severities = severities

    def relink(self, releases: Iterable[int]) -> frozenset[int]:
        """Find the moves of releases that were written or deleted, by row; return the releases with other events.

        The events of the groups that they moved from or to are written again too.
        """
        written = frozenset(releases)
        table = self._store.moves
        recorded = table.list_moves(written)
        pairs = self._find_pairs(written, recorded)
        if not (recorded or pairs):
            return frozenset()
        places = {place for pair in pairs for place in pair}
        places |= {place for move in recorded for place in (move.old, move.new)}
        stored = self._list_connected({place.release for place in places})
        kept = {
            move
            for move in stored
            if move.is_entry and not (move.old in places or move.new in places or move.releases & written)
        }
        steps = _Steps(self._store)
        entries = kept | {StoredMove(*pair) for pair in _decide(pairs, steps)}
        moves = entries | _with_registries(entries, steps)
        table.replace_moves(stored - moves, moves - stored)
        changed = {release for move in stored ^ moves for release in move.releases}
        changed |= {release for move in moves for release in move.releases & written}
        affected = [step for release in sorted(changed) if (step := steps.get(release)) is not None]
        for step in affected:
            self._write_events(step, moves, steps)
        return frozenset(step.row for step in affected)

    def _list_connected(self, releases: set[int]) -> set[StoredMove]:
        """Return the moves of some releases, of the releases that these moved to or from, and so on."""
        stored: set[StoredMove] = set()
        seen: set[int] = set()
        while frontier := releases - seen:
            seen |= frontier
            stored |= self._store.moves.list_moves(frontier)
            releases = {release for move in stored for release in move.releases}
        return stored

    def _find_pairs(self, releases: frozenset[int], recorded: Iterable[StoredMove]) -> set[_Pair]:
        """Return every pair with one name that a decision about some releases can depend on."""
        places = {place for move in recorded for place in (move.old, move.new)}
        pairs = self._store.moves.find_candidates(self._prefix, group_moves.DAYS, releases=releases, places=places)
        frontier = {place for pair in pairs for place in pair}
        while frontier:
            places |= frontier
            more = self._store.moves.find_candidates(self._prefix, group_moves.DAYS, places=frontier)
            pairs |= more
            frontier = {place for pair in more for place in pair} - places
        return pairs

    def _write_events(self, step: _Step, moves: Iterable[StoredMove], steps: _Steps) -> None:
        """Judge a release again with its moves, and write its events."""
        own = {move.old.seq: move for move in moves if move.old.release == step.row and move.is_entry}
        sides = {seq: _describe(move.new, steps, leaves=True) for seq, move in own.items()}
        sides |= {
            move.new.seq: _describe(move.old, steps, leaves=False) for move in moves if move.new.release == step.row
        }
        stored = self._store.history.events.read_comparison(step.source, step.release, step.before).changes
        changes = ChangeSet(changes=tuple(replace(change, quiet=False) for change in stored.changes))
        registry = REGISTRIES[self._store.history.read_registry_id(step.source)]
        changes, events = classify(registry, changes, *step.contents, self._severities, moves=sides)
        arrived: dict[int, list[ChangePlace]] = {}
        for move in moves:
            if move.old.release == step.row:
                arrived.setdefault(move.old.seq, []).append(move.new)
        events = tuple(replace(event, other=_other_side(event, arrived, steps)) for event in events)
        writer = self._store.writer(step.source, registry, is_group=True)
        writer.replace_transition(step.before, step.release, Transition(changes=changes, events=events))


class _Step(Struct, frozen=True, kw_only=True, dict=True):
    """A release that moves were found in, with the one before it. Lives as long as one call of `relink`."""

    store: Store
    release: StoredRelease
    before: StoredRelease

    @property
    def row(self) -> int:
        return self.release.row

    @property
    def source(self) -> str:
        return self.release.release.source

    @property
    def group(self) -> str:
        """The id of the group in its document, else in the name of its source."""
        return self.contents[1].document or self.source.partition(".")[2]

    @cached_property
    def contents(self) -> tuple[Content, Content]:
        return self.store.history.read_content_pair(self.source, self.before, self.release)

    @cached_property
    def changes(self) -> Mapping[int, Change]:
        return self.store.moves.read_changes(self.row)

    @property
    def headers(self) -> list[Change]:
        return [change for change in self.changes.values() if change.section is Section.REGISTRY]

    def item(self, seq: int) -> Item:
        """Return the entry that a change removed or added: its assigned side."""
        change = self.changes[seq]
        return change.before if change.before is not None and is_assigned(change.before) else change.item

    def titles(self, path: str) -> list[str]:
        """Return the titles of a registry and of its group, as they are in either release."""
        titles = []
        for header_path in (path, ""):
            headers = (
                content.items.get((Section.REGISTRY, Key((PATH,), (header_path,)))) for content in self.contents[::-1]
            )
            titles.append(next((title for header in headers if header and (title := header.fields.get("title"))), ""))
        return titles


class _Steps:
    """The releases of one call of `relink`, each read once."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._steps: dict[int, _Step | None] = {}

    def __getitem__(self, row: int) -> _Step:
        step = self.get(row)
        if step is None:
            raise KeyError(row)
        return step

    def get(self, row: int) -> _Step | None:
        """Return a release by its row, None if it is deleted or has no release before it."""
        if row not in self._steps:
            release = self._store.history.find_by_row(row)
            before = self._store.history.find_predecessor(release) if release else None
            self._steps[row] = _Step(store=self._store, release=release, before=before) if release and before else None
        return self._steps[row]

    def item(self, place: ChangePlace) -> Item:
        return self[place.release].item(place.seq)

    def order(self, place: ChangePlace) -> tuple[str, str, int]:
        """Return what sorts places: not their rows, which depend on the order in which releases were recorded."""
        step = self[place.release]
        return step.release.dated, step.source, place.seq

    def path(self, place: ChangePlace) -> str:
        return entry_parts.read_path(self.item(place))


def _decide(pairs: Iterable[_Pair], steps: _Steps) -> Iterator[_Pair]:
    """Yield the pairs that are one entry: by evidence, each the best match of the other with a margin."""
    for linked in _components(pairs):
        old, new = (sorted({pair[side] for pair in linked}, key=steps.order) for side in (0, 1))
        features = [[group_moves.read_move_features(steps.item(place)) for place in places] for places in (old, new)]
        rarity, greatest = measure_rarity(_rows(old, new, steps), set().union(*features[0], *features[1]))
        scores = [
            score
            for score in score_candidates(features[0], features[1], rarity, greatest)
            if (pair := (old[score.old], new[score.new])) in linked
            and _has_evidence(*pair, steps, rarity, DISTINCTIVE * greatest)
        ]
        yield from ((old[score.old], new[score.new]) for score in choose_pairs(scores))


def _components(pairs: Iterable[_Pair]) -> Iterator[set[_Pair]]:
    """Yield the pairs in sets that share no place."""
    by_place: dict[ChangePlace, set[_Pair]] = {}
    for pair in sorted(pairs):
        small, large = sorted((by_place.get(place, set()) for place in pair), key=len)
        if small is not large:  # moving the smaller set costs each pair a logarithm of moves
            large |= small
            by_place.update((place, large) for moved in small for place in moved)
        large.add(pair)
        by_place.update((place, large) for place in pair)
    yield from {id(component): component for component in by_place.values()}.values()


def _rows(old: Iterable[ChangePlace], new: Iterable[ChangePlace], steps: _Steps) -> Iterator[Features]:
    """Yield the features of all rows of the registries that entries may have left, and of those they may be in now."""
    sides = {(place.release, steps.path(place), True) for place in old}
    sides |= {(place.release, steps.path(place), False) for place in new}
    left = {steps.item(place).key for place in (*old, *new)}
    for row, path, is_old in sorted(sides):
        step = steps[row]
        release = step.before if is_old else step.release
        for item in step.store.moves.read_rows(step.source, release.place, path):
            if is_assigned(item):
                yield group_moves.read_move_features(item, with_date=item.key in left)


def _has_evidence(old: ChangePlace, new: ChangePlace, steps: _Steps, rarity: Mapping[str, float], least: float) -> bool:
    one, two = steps[old.release], steps[new.release]
    return (
        group_moves.names_group(one.headers, steps.path(old), two.group)
        or group_moves.is_graduation(one.titles(steps.path(old)), two.titles(steps.path(new)))
        or group_moves.agrees_beside_name(steps.item(old), steps.item(new), rarity, least)
    )


def _with_registries(entries: Iterable[StoredMove], steps: _Steps) -> set[StoredMove]:
    """Return the headers and rows that registries which moved added, and that have no side in the old group."""
    by_releases: dict[tuple[int, int], list[StoredMove]] = {}
    for move in sorted(entries):
        by_releases.setdefault((move.old.release, move.new.release), []).append(move)
    added: set[StoredMove] = set()
    named = {move.new for move in entries}
    for (old_row, row), moves in by_releases.items():
        lost, gained = steps[old_row].changes, steps[row].changes
        pairs = [(steps.path(move.old), steps.path(move.new)) for move in moves]
        registries = group_moves.moved_registries(pairs, lost.values(), gained.values())
        for new_path, old_path in registries.items():
            first = moves[pairs.index((old_path, new_path))].old
            added |= {
                StoredMove(first, place, is_entry=False)
                for seq, change in gained.items()
                if change.before is None
                and change.section is not Section.CONTACT
                and entry_parts.read_path(change.item) == new_path
                and (place := ChangePlace(row, seq)) not in named
            }
    return added


def _describe(place: ChangePlace, steps: _Steps, *, leaves: bool) -> Move:
    """Return what the rules are given about the other side of a change."""
    step, path = steps[place.release], steps.path(place)
    return Move(leaves=leaves, group=step.group, release=step.release.release.id, path=path, title=step.titles(path)[0])


def _other_side(event: Event, arrived: Mapping[int, list[ChangePlace]], steps: _Steps) -> Side | None:
    """Return the other side of an event; None if nothing that it names moved."""
    places = sorted({place for seq in event.changes for place in arrived.get(seq, ())}, key=steps.order)
    if not places:
        return None
    step = steps[places[0].release]
    seqs = tuple(place.seq for place in places if place.release == step.row)
    return Side(
        source=step.source,
        release=step.release.release.id,
        published=step.release.release.published,
        registries=tuple(dict.fromkeys(entry_parts.read_path(step.changes[seq].item) for seq in seqs)),
        changes=seqs,
    )
