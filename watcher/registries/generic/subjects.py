"""Name the entries and registries of an event in its sentence: "Codes: 1 first, 2 second and 3 more"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from watcher.core.model import Section
from watcher.registries.base import Finding
from watcher.registries.context import ChangeContext
from watcher.registries.generic.naming import name_entry, name_registry
from watcher.registries.groups.base import GroupRules
from watcher.registries.shared.sentences import LONGEST_SENTENCE

_MOST_REGISTRIES = 3
_LEAST_SHARE = 24  # characters for the names of each of several registries
LEAST_ROOM = 70  # characters for the names of entries, however long the rest of a sentence is


class Subjects:
    """Names what an event is about; knows the nouns that the tables of single groups have for entries."""

    def __init__(self, groups: Mapping[str, GroupRules]) -> None:
        self._groups = groups

    def lead(self, findings: Sequence[Finding], context: ChangeContext) -> str:
        """Return how a sentence begins before the names of entries: "Title: ", "CBOR tag ", or "" for root rows."""
        path = findings[0].registry
        group = self._groups.get(context.new.document)
        if group and path in group.nouns:
            noun = group.nouns[path]
            return noun if noun.endswith("/") else f"{noun} "
        return f"{name_registry(path, context)}: " if path else ""

    def name_all(self, findings: Sequence[Finding], context: ChangeContext, taken: int) -> str:
        """Return the entries and registries of an event: "Codes: 1 first, 2 second and 3 more"."""
        entries = [finding for finding in findings if context.changes[finding.change].section is Section.ENTRY]
        if not entries:
            return self.name_registries(findings, context, LONGEST_SENTENCE - taken)
        by_registry: dict[str, list[Finding]] = {}
        for finding in entries:
            by_registry.setdefault(finding.registry, []).append(finding)
        leads = {path: self.lead(same, context) for path, same in by_registry.items()}
        room = LONGEST_SENTENCE - taken - len(" and 999 more")
        share = (room - len("; ") - sum(map(len, leads.values()))) // len(leads)
        if len(leads) == 1 or (len(leads) <= _MOST_REGISTRIES and share >= _LEAST_SHARE):
            return "; ".join(
                lead
                + fit_names(
                    list_names(by_registry[path], context),
                    len(by_registry[path]),
                    max(share, LEAST_ROOM if len(leads) == 1 else 0),
                )
                for path, lead in leads.items()
            )
        # One name of each registry comes first.
        names = list_names([*(same[0] for same in by_registry.values()), *entries], context)
        title = name_registry(entries[0].registry, context) or _root_title(context)
        others = f" in {title} and {len(leads) - 1} other {'registry' if len(leads) == 2 else 'registries'}"
        return fit_names(names, len(entries), max(LEAST_ROOM, room - len(others))) + others

    def name_old(self, findings: Sequence[Finding], context: ChangeContext) -> str:
        """Return the first entry of an event by the name that it had."""
        change = context.changes[findings[0].change]
        return self.lead(findings, context) + name_entry(change.before or change.item, context)

    def name_registries(self, findings: Sequence[Finding], context: ChangeContext, room: int) -> str:
        """Return the titles of registries: "Codes, Types and 3 more registries"."""
        paths = list(dict.fromkeys(finding.registry for finding in findings))
        titles = [name_registry(path, context) if path else _root_title(context) for path in paths]
        shown = max(
            [1]
            + [n for n in range(1, _MOST_REGISTRIES + 1) if len(", ".join(titles[:n])) <= max(room, LEAST_ROOM) - 25]
        )
        more = len(titles) - shown
        if more <= 0:
            return " and ".join(filter(None, (", ".join(titles[:-1]), titles[-1])))
        return f"{', '.join(titles[:shown])} and {more} more {'registry' if more == 1 else 'registries'}"


def _root_title(context: ChangeContext) -> str:
    return name_registry("", context) or "the registry"


def fit_names(names: Sequence[str], total: int, room: int) -> str:
    """Return as many names as there is room for, and how many more entries there are."""
    shown: list[str] = []
    for name in names:
        if shown and len(", ".join([*shown, name])) > room:
            break
        shown.append(name)
    # Entries with the name of another one are not counted apart.
    more = total - len(shown) if len(shown) < len(names) or len(names) < total else 0
    return ", ".join(shown) + (f" and {more} more" if more else "")


def list_names(findings: Sequence[Finding], context: ChangeContext) -> list[str]:
    """Return the names of the entries of an event, each once."""
    return list(dict.fromkeys(name_entry(context.changes[finding.change].item, context) for finding in findings))
