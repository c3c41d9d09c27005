"""The sentences of the generic events: the thing first, then what differs, the common part of several changes once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from watcher.core.model import MARKUP, RETIRED, Change, FieldChange, Item, Section
from watcher.registries.base import Finding, Sentence
from watcher.registries.context import ChangeContext
from watcher.registries.generic import identity, lifecycle
from watcher.registries.generic.causes import DATES, Difference, compare_fields, is_newer_version, links
from watcher.registries.generic.coverage import covering_block, status_in
from watcher.registries.generic.departures import find_pointer, is_moved
from watcher.registries.generic.entry_events import is_code_point
from watcher.registries.generic.headers import END_EVENTS, end_statement
from watcher.registries.generic.naming import find_name, name_entry, name_registry, own_value
from watcher.registries.generic.structure import column_changes, new_columns
from watcher.registries.groups.base import GroupRules
from watcher.registries.shared.assignment import ABSENT, is_assigned
from watcher.registries.shared.references import changed_references, describe_references
from watcher.registries.shared.remarks import bare_name as strip_remarks
from watcher.registries.shared.sentences import (
    LONGEST_SENTENCE,
    describe_columns,
    describe_difference,
    describe_hunk,
    describe_people,
    enumerate_names,
    field_word,
    join_words,
    shorten,
)
from watcher.registries.shared.text_differences import changed_words, share_of_words

_MOST_FIELDS = 3
_MOST_VALUES = 10
_MOST_REGISTRIES = 3
_LEAST_SHARE = 24  # characters for the names of each of several registries
_LEAST_ROOM = 70  # characters for the names of entries, however long the rest of a sentence is
_TEXT, _LONG_TEXT = 120, 160  # characters of a text that was added or removed
_ALIKE = 0.5  # of the words: two paragraphs are versions of one


class Wording:
    """Writes the sentences; knows the words that the tables of single groups have for columns and entries."""

    def __init__(self, groups: Mapping[str, GroupRules]) -> None:
        self._groups = groups

    def _lead(self, findings: Sequence[Finding], context: ChangeContext) -> str:
        """Return how a sentence begins before the names of entries: "Title: ", "CBOR tag ", or "" for root rows."""
        path = findings[0].registry
        group = self._groups.get(context.new.document)
        if group and path in group.nouns:
            noun = group.nouns[path]
            return noun if noun.endswith("/") else f"{noun} "
        return f"{name_registry(path, context)}: " if path else ""

    def _subjects(self, findings: Sequence[Finding], context: ChangeContext, taken: int) -> str:
        """Return the entries and registries of an event: "Codes: 1 first, 2 second and 3 more"."""
        entries = [finding for finding in findings if context.changes[finding.change].section is Section.ENTRY]
        if not entries:
            return self._registries(findings, context, LONGEST_SENTENCE - taken)
        by_registry: dict[str, list[Finding]] = {}
        for finding in entries:
            by_registry.setdefault(finding.registry, []).append(finding)
        leads = {path: self._lead(same, context) for path, same in by_registry.items()}
        room = LONGEST_SENTENCE - taken - len(" and 999 more")
        share = (room - len("; ") - sum(map(len, leads.values()))) // len(leads)
        if len(leads) == 1 or (len(leads) <= _MOST_REGISTRIES and share >= _LEAST_SHARE):
            return "; ".join(
                lead
                + _fit(
                    _names(by_registry[path], context),
                    len(by_registry[path]),
                    max(share, _LEAST_ROOM if len(leads) == 1 else 0),
                )
                for path, lead in leads.items()
            )
        # One name of each registry comes first.
        names = _names([*(same[0] for same in by_registry.values()), *entries], context)
        title = name_registry(entries[0].registry, context) or _root_title(context)
        others = f" in {title} and {len(leads) - 1} other {'registry' if len(leads) == 2 else 'registries'}"
        return _fit(names, len(entries), max(_LEAST_ROOM, room - len(others))) + others

    def _registries(self, findings: Sequence[Finding], context: ChangeContext, room: int) -> str:
        """Return the titles of registries: "Codes, Types and 3 more registries"."""
        paths = list(dict.fromkeys(finding.registry for finding in findings))
        titles = [name_registry(path, context) if path else _root_title(context) for path in paths]
        shown = max(
            [1]
            + [n for n in range(1, _MOST_REGISTRIES + 1) if len(", ".join(titles[:n])) <= max(room, _LEAST_ROOM) - 25]
        )
        more = len(titles) - shown
        if more <= 0:
            return " and ".join(filter(None, (", ".join(titles[:-1]), titles[-1])))
        return f"{', '.join(titles[:shown])} and {more} more {'registry' if more == 1 else 'registries'}"

    def _sentence(self, findings: Sequence[Finding], context: ChangeContext, text: str) -> str:
        if "schema-changed" in findings[0].also:
            text = f"{text}; {_describe_column_changes(findings[0], context)}"
        return shorten(f"{self._subjects(findings, context, len(text))}{text}", LONGEST_SENTENCE)

    def added(self, findings: Sequence[Finding], context: ChangeContext) -> str:
        was = findings[0].was
        verb = f"assigned (was {was})" if was and was != ABSENT else "added"
        item = context.changes[findings[0].change].item
        return self._sentence(findings, context, f" {verb}{lifecycle.describe_addition(item)}")

    def removed(self, findings: Sequence[Finding], context: ChangeContext) -> str:
        change = context.changes[findings[0].change]
        status = str(change.after.status) if change.after else status_in(context, context.new, change.item)
        was = (change.before or change.item).status
        retired = f" (was {was})" if was in RETIRED else ""
        now = f"; is now {status}" if status != ABSENT else ""
        return f"{self._old_subject(findings, context)} removed{retired}{now}"

    def withdrawn(self, findings: Sequence[Finding], context: ChangeContext) -> str:
        removed = [context.changes[each.change] for each in findings]
        names = _fit([name_entry(each.before or each.item, context) for each in removed], len(findings), _LEAST_ROOM)
        return f"{self._lead(findings, context)}{names} removed: {lifecycle.describe_withdrawal(findings, context)}"

    def allocation(self, describe: Callable[[Change], str]) -> Sentence:
        """Return the sentence for an early allocation: what `describe` says, then what else differs."""

        def sentence(findings: Sequence[Finding], context: ChangeContext) -> str:
            change = context.changes[findings[0].change]
            words = describe(change).partition(", references ")[0]
            # That a draft has a newer version is not the news.
            versions = {each.name for each in compare_fields(change, context).references if is_newer_version(each)}
            references = {each.name for each in compare_fields(change, context).references}
            for hidden in (versions | DATES, references | DATES):
                rest = self._differences(findings, context, hidden=hidden)
                text = f": {words}{f', {rest}' if rest else ''}"
                sentence = f"{self._subjects(findings, context, len(text))}{text}"
                # Without room for all, the references are only in the fields.
                if len(sentence) <= LONGEST_SENTENCE:
                    break
            return self._sentence(findings, context, text)

        return sentence

    def _old_subject(self, findings: Sequence[Finding], context: ChangeContext) -> str:
        change = context.changes[findings[0].change]
        return self._lead(findings, context) + name_entry(change.before or change.item, context)

    def deprecated(self, findings: Sequence[Finding], context: ChangeContext) -> str:
        after = context.changes[findings[0].change].after
        if after is None or not is_assigned(after):
            changes = [context.changes[each.change] for each in findings]
            before = [change.before or change.item for change in changes]
            names = _fit([name_entry(item, context) for item in before], len(findings), LONGEST_SENTENCE // 2)
            return f"{self._lead(findings, context)}{names} {_is_now(findings)} reserved"
        word = _own_word(findings[0], after)
        if len(findings) == 1 and find_name(after, context).strip("()[] .").casefold() in (
            after.status,
            word.casefold(),
        ):
            return f"{self._old_subject(findings, context)} is now {word}"
        return self._sentence(findings, context, f" {_is_now(findings)} {word}")

    def reinstated(self, findings: Sequence[Finding], context: ChangeContext) -> str:
        return self._sentence(findings, context, f" {_is_now(findings)} in use again (was {findings[0].was})")

    def reserved(self, findings: Sequence[Finding], context: ChangeContext) -> str:
        item = context.changes[findings[0].change].item
        if is_assigned(item):  # its name stays
            return self._sentence(
                findings, context, f" {_is_now(findings)} reserved: {self._differences(findings, context)}"
            )
        values = [" ".join(finding.values) or name_entry(item, context) for finding in findings]
        names = enumerate_names(values, _MOST_VALUES)
        return f"{self._lead(findings, context)}{names} {_is_now(findings)} {item.status} (was {findings[0].was})"

    def graduated(self, findings: Sequence[Finding], context: ChangeContext) -> str:
        change = context.changes[findings[0].change]
        key = [field for field in change.fields if field.name in change.item.key.labels]
        value = ", ".join(describe_difference(self._word(each.name, context), each.before, each.after) for each in key)
        words = f" {_is_now(findings)} permanent (was provisional){_describe_move(findings, context)}"
        return self._sentence(findings, context, words + (f", {value}" if value and len(findings) == 1 else ""))

    def moved(self, findings: Sequence[Finding], context: ChangeContext) -> str:
        change = context.changes[findings[0].change]
        old = identity.path(change.before) if change.before else findings[0].registry
        if move := _describe_move(findings, context):
            return self._sentence(findings, context, move.removeprefix(","))
        if old == findings[0].registry:
            return self.modified(findings, context)
        titles = [name_registry(path, context) for path in (old, findings[0].registry)]
        names = list(dict.fromkeys(name_entry(context.changes[finding.change].item, context) for finding in findings))
        return shorten(
            f"{_fit(names, len(findings), _LEAST_ROOM)} moved from {titles[0]} to {titles[1]}", LONGEST_SENTENCE
        )

    def modified(self, findings: Sequence[Finding], context: ChangeContext) -> str:
        if findings[0].subject[:1] == ("renumbered",):
            codes = [_describe_code(context.changes[each.change]) for each in findings]
            lead = self._lead(findings, context)
            return shorten(lead + _fit(codes, len(codes), LONGEST_SENTENCE - len(lead) - 20), LONGEST_SENTENCE)
        if findings[0].subject[:1] == ("block",):
            change = context.changes[findings[0].change]
            block = covering_block(context, change.item)
            rows = "a row" if len(findings) == 1 else f"{len(findings)} rows"
            into = f"{name_entry(change.item, context)} → {name_entry(block, context)}" if block else ""
            text = f"{rows} redrawn into larger blocks: {into}"
            return shorten(f"{self._lead(findings, context)}{text}", LONGEST_SENTENCE)
        if "range-redrawn" in findings[0].also:
            blocks = enumerate_names([_describe_block(context.changes[each.change]) for each in findings])
            subject = f"{self._lead(findings, context)}{shorten(findings[0].service)}"
            return shorten(f"{subject}: blocks redrawn: {blocks}", LONGEST_SENTENCE)
        if "twin-removed" in findings[0].also:
            rows = "second row" if len(findings) == 1 else "second rows"
            return self._sentence(findings, context, f": {rows} merged into the first")
        difference = self._differences(findings, context)
        if "entry-renamed" in findings[0].also and len(findings) == 1:
            renamed = self._renamed(findings, context)
            if renamed:
                return shorten(renamed, LONGEST_SENTENCE)
        return self._sentence(findings, context, f": {difference}")

    def _renamed(self, findings: Sequence[Finding], context: ChangeContext) -> str:
        """Return "Codes: 3 old renamed to new"; "" if the name is not what a reader sees first."""
        change = context.changes[findings[0].change]
        if change.before is None or change.after is None:
            return ""
        names = [_own_name(item, context) for item in (change.before, change.after)]
        if not all(names) or names[0] == names[1]:
            return ""
        code = join_words(value for value in identity.values(change.before) if value not in names[:1])
        shown = {name for name, text in change.after.fields.items() if shorten(strip_remarks(text)) == names[1]}
        rest = self._differences(findings, context, hidden=shown | DATES)
        return f"{self._lead(findings, context)}{join_words([code, names[0]])} renamed to {names[1]}" + (
            f"; {rest}" if rest else ""
        )

    def _differences(
        self, findings: Sequence[Finding], context: ChangeContext, hidden: set[str] | frozenset[str] = frozenset()
    ) -> str:
        """Say how items with one cause differ: the texts of the first, and the references of all."""
        columns = column_changes(context, findings[0].registry)
        ignored = {*columns.all_names(), *context.table.ignore, *hidden}
        all_differences = [compare_fields(context.changes[each.change], context, ignored) for each in findings]
        first = all_differences[0]
        # A single text has the room of the whole sentence.
        is_single = len(first.texts) == 1 and (
            len(findings) == 1 or context.changes[findings[0].change].section is Section.REGISTRY
        )
        longest = _LONG_TEXT if is_single else _TEXT
        parts = [self._describe_field(field, [*all_differences], context, longest) for field in first.texts]
        if first.references:
            parts.append(_describe_references(all_differences))
        if not parts:
            parts = [self._describe_text(field, context) for field in first.notation or first.dates]
        more = f" and {len(parts) - _MOST_FIELDS} more" if len(parts) > _MOST_FIELDS else ""
        return ", ".join(filter(None, parts[:_MOST_FIELDS])) + more

    def _describe_field(
        self, field: FieldChange, differences: Sequence[Difference], context: ChangeContext, longest: int
    ) -> str:
        """Describe one field; of texts that lost and gained the same words, those words."""
        alike = [other for each in differences for other in each.texts if other.name == field.name]
        if field.name == "expert":
            return describe_people(self._word(field.name, context), field.before, field.after)
        if all((other.before, other.after) == (field.before, field.after) for other in alike):
            return self._describe_text(field, context, longest)
        hunks = ", ".join(map(describe_hunk, changed_words(field.before, field.after)[:_MOST_FIELDS]))
        return f"{self._word(field.name, context)}: {hunks}"

    def _describe_text(self, field: FieldChange, context: ChangeContext, longest: int = _TEXT) -> str:
        word = self._word(field.name, context)
        if field.name.startswith(MARKUP):
            old, new = (links(text).split() for text in (field.before, field.after))
            removed, added = [each for each in old if each not in new], [each for each in new if each not in old]
            if not removed and not added:
                return f"{word} changed"
            return describe_difference(word, " ".join(removed[:1]), " ".join(added[:1]))
        return _describe_paragraphs(word, field, longest)

    def _word(self, name: str, context: ChangeContext) -> str:
        group = self._groups.get(context.new.document)
        return field_word(name, dict(group.words) if group else None)

    def watched(self, findings: Sequence[Finding], context: ChangeContext, meanings: str) -> str:
        """Return the sentence of a column with an event of its own."""
        return self._sentence(findings, context, f": {meanings}")

    def dates(self, findings: Sequence[Finding], context: ChangeContext) -> str:
        return self._sentence(findings, context, f": {self._differences(findings, context)}")

    def header(self, findings: Sequence[Finding], context: ChangeContext) -> str:
        difference = self._differences(findings, context)
        subject = self._registries(findings, context, LONGEST_SENTENCE - len(difference))
        return shorten(f"{subject}: {difference}", LONGEST_SENTENCE)

    def ended(self, verb: str, event: str) -> Sentence:
        def sentence(findings: Sequence[Finding], context: ChangeContext) -> str:
            changes = [context.changes[finding.change] for finding in findings]
            headers = [finding for finding in findings if context.changes[finding.change].section is Section.REGISTRY]
            entries = len(findings) - len(headers)
            events = (event, *(each for each in findings[0].also if each in END_EVENTS))
            said = [next(filter(None, (end_statement(change, each) for change in changes)), "") for each in events]
            statement = "; ".join(dict.fromkeys(filter(None, said))) or (
                next(filter(None, map(find_pointer, changes)), "") if event == "registry-moved" else ""
            )
            number = f" with {entries} {'entry' if entries == 1 else 'entries'}" if entries else ""
            quoted = f": {shorten(statement)}" if len(statement) > len("Registry closed") else ""
            place = _describe_move(findings, context).removeprefix(", moved")
            number = place + number
            subject = self._registries(headers or findings, context, LONGEST_SENTENCE - len(number + quoted) - 40)
            return shorten(
                f"{'registry ' if len(headers) == 1 else ''}{subject} {verb}{number}{quoted}", LONGEST_SENTENCE
            )

        return sentence

    def registry_event(self, verb: str) -> Sentence:
        def sentence(findings: Sequence[Finding], context: ChangeContext) -> str:
            entries = sum(1 for finding in findings if context.changes[finding.change].section is Section.ENTRY)
            number = f" with {entries} {'entry' if entries == 1 else 'entries'}" if entries else ""
            return f"registry {name_registry(findings[0].registry, context)} {verb}{number}"

        return sentence

    def registry_renamed(self, findings: Sequence[Finding], context: ChangeContext) -> str:
        old_paths = (
            identity.path(before) for finding in findings if (before := context.changes[finding.change].before)
        )
        old = next(filter(None, old_paths), "")
        path = findings[0].registry
        return f"registry {name_registry(path, context)}: id {old} → {path}"

    def registry_moved(self, findings: Sequence[Finding], context: ChangeContext) -> str:
        for finding in findings:
            change = context.changes[finding.change]
            for field in change.fields:
                if field.name == "moved_to":
                    return f"this registry group is now published as {field.after}"
        if any(is_moved(finding.registry, context) for finding in findings):
            return self.ended("moved", "registry-moved")(findings, context)
        return self.registry_renamed(findings, context)

    def columns_changed(self, findings: Sequence[Finding], context: ChangeContext) -> str:
        if context.changes[findings[0].change].section is Section.REGISTRY:
            return describe_columns(findings, context)
        described = _describe_column_changes(findings[0], context) or "the columns changed"
        entries = f"{len(findings)} {'entry' if len(findings) == 1 else 'entries'}"
        return f"{self._lead(findings, context)}{described} ({entries})"


def _root_title(context: ChangeContext) -> str:
    return name_registry("", context) or "the registry"


def _fit(names: Sequence[str], total: int, room: int) -> str:
    """Return as many names as there is room for, and how many more entries there are."""
    shown: list[str] = []
    for name in names:
        if shown and len(", ".join([*shown, name])) > room:
            break
        shown.append(name)
    # Entries with the name of another one are not counted apart.
    more = total - len(shown) if len(shown) < len(names) or len(names) < total else 0
    return ", ".join(shown) + (f" and {more} more" if more else "")


def _describe_move(findings: Sequence[Finding], context: ChangeContext) -> str:
    """Return ", moved from toy-parameters to other-parameters", with the registry there; "" without another group."""
    move = next((move for each in findings if (move := context.moves.get(each.change))), None)
    if move is None:
        return ""
    titles = {name_registry(each.registry, context) for each in findings}
    title = f" ({shorten(move.title)})" if move.title and move.title not in titles and len(titles) == 1 else ""
    return f", moved from {context.new.document} to {move.group}{title}"


def _names(findings: Sequence[Finding], context: ChangeContext) -> list[str]:
    return list(dict.fromkeys(name_entry(context.changes[finding.change].item, context) for finding in findings))


def _describe_code(change: Change) -> str:
    """Return "max-payloads: key 32776 → 32777"."""
    codes = (
        f"{field.name} {field.before} → {field.after}" for field in change.fields if is_code_point(field, change.item)
    )
    return f"{own_value(change.item)}: {', '.join(codes)}"


def _describe_block(change: Change) -> str:
    """Return "100-171 → 100-177", or the block that was merged with others or split off."""
    old, new = (" ".join(identity.values(item)) if item else "" for item in (change.before, change.after))
    return f"{old} → {new}" if old and new else f"{old} merged" if old else f"{new} split off"


def _is_now(findings: Sequence[Finding]) -> str:
    return "is now" if len(findings) == 1 else "are now"


def _own_word(finding: Finding, item: Item) -> str:
    """Return the word that the registry has for a status; "Terminated" is not called obsolete."""
    word = (finding.evidence or "").split("\n")[0].strip("()[] .")
    return word if word and " " not in word and len(word) <= len("experimental") * 2 and word.isalpha() else item.status


def _own_name(item: Item, context: ChangeContext) -> str:
    return shorten(strip_remarks(find_name(item, context) or own_value(item)))


def _describe_references(differences: Sequence[Difference]) -> str:
    pairs = [changed_references(each.before, each.after) for one in differences for each in one.references]
    if any(removed or added for removed, added in pairs):
        return describe_references(pairs)
    return "references in another order"


def _describe_paragraphs(word: str, field: FieldChange, longest: int) -> str:
    """Say which of several notes or ranges were removed and added."""
    before, after = ([text for text in texts.split("\n\n") if text] for texts in (field.before, field.after))
    if len(before) < 2 and len(after) < 2:
        return describe_difference(word, field.before, field.after, longest)
    removed = [text for text in before if text not in after]
    added = [text for text in after if text not in before]
    if len(removed) == len(added) == 1:
        return describe_difference(word, removed[0], added[0], longest)
    parts: list[str] = []
    for text in [*removed]:
        likest = max(added, key=lambda other: share_of_words(text, other), default="")
        if likest and share_of_words(text, likest) >= _ALIKE:
            removed.remove(text)
            added.remove(likest)
            parts += map(describe_hunk, changed_words(text, likest))
    parts += [f"“{shorten(text, 70)}” removed" for text in removed]
    parts += [f"“{shorten(text, 70)}” added" for text in added]
    return f"{word}: {', '.join(dict.fromkeys(parts))}" if parts else f"{word} in another order"


def _describe_column_changes(finding: Finding, context: ChangeContext) -> str:
    columns = column_changes(context, finding.registry)
    new = {*new_columns(context.changes[finding.change], context)} - columns.all_names()
    parts = [f"column {old} renamed to {new}" for old, new in columns.renamed.items()]
    parts += [f"column {name} added" for name in sorted(columns.gained | new)]
    parts += [f"column {name} removed" for name in sorted(columns.lost)]
    return ", ".join(parts)
