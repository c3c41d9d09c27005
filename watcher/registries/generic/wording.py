"""The sentences of the generic events: the thing first, then what differs, the common part of several changes once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from watcher.core.model import RETIRED, Change, Item, Section
from watcher.registries.base import Finding, Sentence
from watcher.registries.context import ChangeContext
from watcher.registries.generic import entry_parts, lifecycle
from watcher.registries.generic.causes import DATES, compare_fields, is_newer_version
from watcher.registries.generic.coverage import covering_block, status_in
from watcher.registries.generic.departures import find_pointer, is_moved
from watcher.registries.generic.differences import Differences
from watcher.registries.generic.entry_events import is_code_point
from watcher.registries.generic.headers import END_EVENTS, end_statement
from watcher.registries.generic.naming import find_name, name_entry, name_registry, own_value
from watcher.registries.generic.structure import column_changes, new_columns
from watcher.registries.generic.subjects import LEAST_ROOM, Subjects, fit_names
from watcher.registries.groups.base import GroupRules
from watcher.registries.shared.assignment import ABSENT, is_assigned
from watcher.registries.shared.remarks import strip_remarks
from watcher.registries.shared.sentences import (
    LONGEST_SENTENCE,
    describe_columns,
    describe_difference,
    enumerate_names,
    join_words,
    shorten,
)

_MOST_VALUES = 10


class Wording:
    """Writes the sentence of each event."""

    def __init__(self, groups: Mapping[str, GroupRules]) -> None:
        self._subjects = Subjects(groups)
        self._differences = Differences(groups)

    def _sentence(self, findings: Sequence[Finding], context: ChangeContext, text: str) -> str:
        if "schema-changed" in findings[0].also:
            text = f"{text}; {_describe_column_changes(findings[0], context)}"
        return shorten(f"{self._subjects.name_all(findings, context, len(text))}{text}", LONGEST_SENTENCE)

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
        return f"{self._subjects.name_old(findings, context)} removed{retired}{now}"

    def withdrawn(self, findings: Sequence[Finding], context: ChangeContext) -> str:
        removed = [context.changes[finding.change] for finding in findings]
        names = fit_names(
            [name_entry(change.before or change.item, context) for change in removed], len(findings), LEAST_ROOM
        )
        reason = lifecycle.describe_withdrawal(findings, context)
        return f"{self._subjects.lead(findings, context)}{names} removed: {reason}"

    def allocation(self, describe: Callable[[Change], str]) -> Sentence:
        """Return the sentence for an early allocation: what `describe` says, then what else differs."""

        def sentence(findings: Sequence[Finding], context: ChangeContext) -> str:
            change = context.changes[findings[0].change]
            words = describe(change).partition(", references ")[0]
            # That a draft has a newer version is not the news.
            versions = {field.name for field in compare_fields(change, context).references if is_newer_version(field)}
            references = {field.name for field in compare_fields(change, context).references}
            for hidden in (versions | DATES, references | DATES):
                rest = self._differences.describe(findings, context, hidden=hidden)
                text = f": {words}{f', {rest}' if rest else ''}"
                sentence = f"{self._subjects.name_all(findings, context, len(text))}{text}"
                # Without room for all, the references are only in the fields.
                if len(sentence) <= LONGEST_SENTENCE:
                    break
            return self._sentence(findings, context, text)

        return sentence

    def deprecated(self, findings: Sequence[Finding], context: ChangeContext) -> str:
        after = context.changes[findings[0].change].after
        if after is None or not is_assigned(after):
            changes = [context.changes[finding.change] for finding in findings]
            before = [change.before or change.item for change in changes]
            names = fit_names([name_entry(item, context) for item in before], len(findings), LONGEST_SENTENCE // 2)
            return f"{self._subjects.lead(findings, context)}{names} {_is_now(findings)} reserved"
        word = _own_word(findings[0], after)
        if len(findings) == 1 and find_name(after, context).strip("()[] .").casefold() in (
            after.status,
            word.casefold(),
        ):
            return f"{self._subjects.name_old(findings, context)} is now {word}"
        return self._sentence(findings, context, f" {_is_now(findings)} {word}")

    def reinstated(self, findings: Sequence[Finding], context: ChangeContext) -> str:
        return self._sentence(findings, context, f" {_is_now(findings)} in use again (was {findings[0].was})")

    def reserved(self, findings: Sequence[Finding], context: ChangeContext) -> str:
        item = context.changes[findings[0].change].item
        if is_assigned(item):  # its name stays
            return self._sentence(
                findings, context, f" {_is_now(findings)} reserved: {self._differences.describe(findings, context)}"
            )
        values = [" ".join(finding.values) or name_entry(item, context) for finding in findings]
        names = enumerate_names(values, _MOST_VALUES)
        return (
            f"{self._subjects.lead(findings, context)}{names} {_is_now(findings)} {item.status} (was {findings[0].was})"
        )

    def graduated(self, findings: Sequence[Finding], context: ChangeContext) -> str:
        change = context.changes[findings[0].change]
        key = [field for field in change.fields if field.name in change.item.key.labels]
        value = ", ".join(
            describe_difference(self._differences.word(field.name, context), field.before, field.after) for field in key
        )
        words = f" {_is_now(findings)} permanent (was provisional){_describe_move(findings, context)}"
        return self._sentence(findings, context, words + (f", {value}" if value and len(findings) == 1 else ""))

    def moved(self, findings: Sequence[Finding], context: ChangeContext) -> str:
        change = context.changes[findings[0].change]
        old = entry_parts.read_path(change.before) if change.before else findings[0].registry
        if move := _describe_move(findings, context):
            return self._sentence(findings, context, move.removeprefix(","))
        if old == findings[0].registry:
            return self.modified(findings, context)
        titles = [name_registry(path, context) for path in (old, findings[0].registry)]
        names = list(dict.fromkeys(name_entry(context.changes[finding.change].item, context) for finding in findings))
        return shorten(
            f"{fit_names(names, len(findings), LEAST_ROOM)} moved from {titles[0]} to {titles[1]}", LONGEST_SENTENCE
        )

    def modified(self, findings: Sequence[Finding], context: ChangeContext) -> str:
        if findings[0].subject[:1] == ("renumbered",):
            codes = [_describe_code(context.changes[finding.change]) for finding in findings]
            lead = self._subjects.lead(findings, context)
            return shorten(lead + fit_names(codes, len(codes), LONGEST_SENTENCE - len(lead) - 20), LONGEST_SENTENCE)
        if findings[0].subject[:1] == ("block",):
            change = context.changes[findings[0].change]
            block = covering_block(context, change.item)
            rows = "a row" if len(findings) == 1 else f"{len(findings)} rows"
            into = f"{name_entry(change.item, context)} → {name_entry(block, context)}" if block else ""
            text = f"{rows} redrawn into larger blocks: {into}"
            return shorten(f"{self._subjects.lead(findings, context)}{text}", LONGEST_SENTENCE)
        if "range-redrawn" in findings[0].also:
            blocks = enumerate_names([_describe_block(context.changes[finding.change]) for finding in findings])
            subject = f"{self._subjects.lead(findings, context)}{shorten(findings[0].service)}"
            return shorten(f"{subject}: blocks redrawn: {blocks}", LONGEST_SENTENCE)
        if "twin-removed" in findings[0].also:
            rows = "second row" if len(findings) == 1 else "second rows"
            return self._sentence(findings, context, f": {rows} merged into the first")
        difference = self._differences.describe(findings, context)
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
        code = join_words(value for value in entry_parts.read_values(change.before) if value not in names[:1])
        shown = {name for name, text in change.after.fields.items() if shorten(strip_remarks(text)) == names[1]}
        rest = self._differences.describe(findings, context, hidden=shown | DATES)
        return f"{self._subjects.lead(findings, context)}{join_words([code, names[0]])} renamed to {names[1]}" + (
            f"; {rest}" if rest else ""
        )

    def watched(self, findings: Sequence[Finding], context: ChangeContext, meanings: str) -> str:
        """Return the sentence of a column with an event of its own."""
        return self._sentence(findings, context, f": {meanings}")

    def dates(self, findings: Sequence[Finding], context: ChangeContext) -> str:
        return self._sentence(findings, context, f": {self._differences.describe(findings, context)}")

    def header(self, findings: Sequence[Finding], context: ChangeContext) -> str:
        difference = self._differences.describe(findings, context)
        subject = self._subjects.name_registries(findings, context, LONGEST_SENTENCE - len(difference))
        return shorten(f"{subject}: {difference}", LONGEST_SENTENCE)

    def ended(self, verb: str, event: str) -> Sentence:
        def sentence(findings: Sequence[Finding], context: ChangeContext) -> str:
            changes = [context.changes[finding.change] for finding in findings]
            headers = [finding for finding in findings if context.changes[finding.change].section is Section.REGISTRY]
            entries = len(findings) - len(headers)
            events = (event, *(other for other in findings[0].also if other in END_EVENTS))
            statements = [
                next(filter(None, (end_statement(change, ending) for change in changes)), "") for ending in events
            ]
            statement = "; ".join(dict.fromkeys(filter(None, statements))) or (
                next(filter(None, map(find_pointer, changes)), "") if event == "registry-moved" else ""
            )
            number = f" with {entries} {'entry' if entries == 1 else 'entries'}" if entries else ""
            quoted = f": {shorten(statement)}" if len(statement) > len("Registry closed") else ""
            place = _describe_move(findings, context).removeprefix(", moved")
            number = place + number
            subject = self._subjects.name_registries(
                headers or findings, context, LONGEST_SENTENCE - len(number + quoted) - 40
            )
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
            entry_parts.read_path(before) for finding in findings if (before := context.changes[finding.change].before)
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
        return f"{self._subjects.lead(findings, context)}{described} ({entries})"


def _describe_move(findings: Sequence[Finding], context: ChangeContext) -> str:
    """Return ", moved from toy-parameters to other-parameters", with the registry there; "" without another group."""
    move = next((move for finding in findings if (move := context.moves.get(finding.change))), None)
    if move is None:
        return ""
    titles = {name_registry(finding.registry, context) for finding in findings}
    title = f" ({shorten(move.title)})" if move.title and move.title not in titles and len(titles) == 1 else ""
    return f", moved from {context.new.document} to {move.group}{title}"


def _describe_code(change: Change) -> str:
    """Return "max-payloads: key 32776 → 32777"."""
    codes = (
        f"{field.name} {field.before} → {field.after}" for field in change.fields if is_code_point(field, change.item)
    )
    return f"{own_value(change.item)}: {', '.join(codes)}"


def _describe_block(change: Change) -> str:
    """Return "100-171 → 100-177", or the block that was merged with others or split off."""
    old, new = (" ".join(entry_parts.read_values(item)) if item else "" for item in (change.before, change.after))
    return f"{old} → {new}" if old and new else f"{old} merged" if old else f"{new} split off"


def _is_now(findings: Sequence[Finding]) -> str:
    return "is now" if len(findings) == 1 else "are now"


def _own_word(finding: Finding, item: Item) -> str:
    """Return the word that the registry has for a status; "Terminated" is not called obsolete."""
    word = (finding.evidence or "").split("\n")[0].strip("()[] .")
    return word if word and " " not in word and len(word) <= len("experimental") * 2 and word.isalpha() else item.status


def _own_name(item: Item, context: ChangeContext) -> str:
    return shorten(strip_remarks(find_name(item, context) or own_value(item)))


def _describe_column_changes(finding: Finding, context: ChangeContext) -> str:
    columns = column_changes(context, finding.registry)
    new = {*new_columns(context.changes[finding.change], context)} - columns.all_names()
    parts = [f"column {old} renamed to {new}" for old, new in columns.renamed.items()]
    parts += [f"column {name} added" for name in sorted(columns.gained | new)]
    parts += [f"column {name} removed" for name in sorted(columns.lost)]
    return ", ".join(parts)
