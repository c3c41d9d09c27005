"""Say in a sentence how items differ: the words that were removed and added, the references, the people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from watcher.core.model import MARKUP, FieldChange, Section
from watcher.registries.base import Finding
from watcher.registries.context import ChangeContext
from watcher.registries.generic.causes import Difference, compare_fields, links
from watcher.registries.generic.row_numbers import ignored_columns
from watcher.registries.generic.structure import column_changes
from watcher.registries.groups.base import GroupRules
from watcher.registries.shared.references import changed_references, describe_references
from watcher.registries.shared.sentences import (
    describe_difference,
    describe_hunk,
    describe_people,
    enumerate_names,
    field_word,
    list_other,
    shorten,
)
from watcher.registries.shared.text_differences import changed_words, share_of_words

_MOST_FIELDS = 3
_TEXT, _LONG_TEXT = 120, 160  # characters of a text that was added or removed
_MOST_PARAGRAPHS = 20
_MOST_PAIRS = 400  # of paragraphs that are compared with each other
_ALIKE = 0.5  # of the words: two paragraphs are versions of one


class Differences:
    """Says how items differ; knows the words that the tables of single groups have for columns."""

    def __init__(self, groups: Mapping[str, GroupRules]) -> None:
        self._groups = groups

    def describe(
        self, findings: Sequence[Finding], context: ChangeContext, hidden: set[str] | frozenset[str] = frozenset()
    ) -> str:
        """Say how items with one cause differ: the texts of the first, and the references of all."""
        columns = column_changes(context, findings[0].registry)
        ignored = {*columns.all_names(), *ignored_columns(context), *hidden}
        all_differences = [compare_fields(context.changes[finding.change], context, ignored) for finding in findings]
        first = all_differences[0]
        # A single text has the room of the whole sentence.
        is_single = len(first.texts) == 1 and (
            len(findings) == 1 or context.changes[findings[0].change].section is Section.REGISTRY
        )
        longest = _LONG_TEXT if is_single else _TEXT
        texts = first.texts[:_MOST_FIELDS]
        parts = [self._describe_field(field, [*all_differences], context, longest) for field in texts]
        number = len(first.texts) + bool(first.references)
        if first.references:
            parts.append(_describe_references(all_differences))
        if not parts:
            minor = first.notation or first.dates
            parts, number = [self._describe_text(field, context) for field in minor[:_MOST_FIELDS]], len(minor)
        more = f" and {number - _MOST_FIELDS} more" if number > _MOST_FIELDS else ""
        return ", ".join(filter(None, parts[:_MOST_FIELDS])) + more

    def _describe_field(
        self, field: FieldChange, differences: Sequence[Difference], context: ChangeContext, longest: int
    ) -> str:
        """Describe one field; of texts that lost and gained the same words, those words."""
        alike = [other for difference in differences for other in difference.texts if other.name == field.name]
        if field.name == "expert":
            return describe_people(self.word(field.name, context), field.before, field.after)
        if all((other.before, other.after) == (field.before, field.after) for other in alike):
            return self._describe_text(field, context, longest)
        hunks = ", ".join(map(describe_hunk, changed_words(field.before, field.after)[:_MOST_FIELDS]))
        return f"{self.word(field.name, context)}: {hunks}"

    def _describe_text(self, field: FieldChange, context: ChangeContext, longest: int = _TEXT) -> str:
        word = self.word(field.name, context)
        if field.name.startswith(MARKUP):
            old, new = (links(text).split() for text in (field.before, field.after))
            removed, added = list_other(old, new), list_other(new, old)
            if not removed and not added:
                return f"{word} changed"
            return describe_difference(word, " ".join(removed[:1]), " ".join(added[:1]))
        return _describe_paragraphs(word, field, longest)

    def word(self, name: str, context: ChangeContext) -> str:
        group = self._groups.get(context.new.document)
        return field_word(name, dict(group.words) if group else None)


def _describe_references(differences: Sequence[Difference]) -> str:
    pairs = [
        changed_references(column.before, column.after)
        for difference in differences
        for column in difference.references
    ]
    if any(removed or added for removed, added in pairs):
        return describe_references(pairs)
    return "references in another order"


def _describe_paragraphs(word: str, field: FieldChange, longest: int) -> str:
    """Say which of several notes or ranges were removed and added."""
    before, after = ([text for text in texts.split("\n\n") if text] for texts in (field.before, field.after))
    if len(before) < 2 and len(after) < 2:
        return describe_difference(word, field.before, field.after, longest)
    removed, added = list_other(before, after), list_other(after, before)
    if len(removed) == len(added) == 1:
        return describe_difference(word, removed[0], added[0], longest)
    parts: list[str] = []
    for text in [*removed] if len(removed) * len(added) <= _MOST_PAIRS else ():
        likest = max(added, key=lambda other: share_of_words(text, other), default="")
        if likest and share_of_words(text, likest) >= _ALIKE:
            removed.remove(text)
            added.remove(likest)
            parts += map(describe_hunk, changed_words(text, likest))
    parts += [f"“{shorten(text, 70)}” removed" for text in removed]
    parts += [f"“{shorten(text, 70)}” added" for text in added]
    if not parts:
        return f"{word} in another order"
    return f"{word}: {enumerate_names([*dict.fromkeys(parts)], _MOST_PARAGRAPHS)}"
