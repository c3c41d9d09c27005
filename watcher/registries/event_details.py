"""Collect what goes with an event: the entry's own words, its people, its references, what differs, what shows more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

from msgspec.structs import replace

from watcher.core.background import BRACKETED_NAME
from watcher.core.event_details import EntryDetails, EventDetails, FieldDifference, FieldText, Link, Person
from watcher.core.model import CANARY, MARKUP, Change, Comparison, Event, FieldChange, Fields, Item, Kind, Section
from watcher.core.texts import cut_text
from watcher.registries.base import COLUMNS
from watcher.registries.item_lines import is_port_entry, list_more_fields, name_item
from watcher.registries.lookups import lookup_of, permalink, show_command
from watcher.registries.shared.people import find_people, read_person, resolve_people
from watcher.registries.shared.reference_links import is_all_references, link_registry, list_references
from watcher.registries.shared.sentences import field_word
from watcher.registries.shared.text_differences import changed_words

_MOST_ENTRIES = 4  # with different words; entries that say the same count once
_MOST_CHANGES = 60  # of one event that are read
_MOST_NAMES = 12
_MOST_FIELDS = 12
_MOST_PEOPLE, _MOST_REFERENCES = 6, 8
_MOST_HUNKS = 5
_LONGEST_READ = 20_000  # characters of a field that are searched and compared
_LONGEST_TEXT, _LONGEST_NAME = 400, 160  # characters that are shown
_LONGEST_WORDS = 200  # characters of words that were removed or added
_SHORT = 60  # characters of a text that is shown whole, old → new
_HIDDEN_FIELDS = frozenset({"path", "id"})
_DATES = ("modified", "registered", "updated", "created")


def describe_events(comparison: Comparison, *, address: str = "", is_stored: bool = True) -> tuple[EventDetails, ...]:
    """Return the details of each event of a comparison.

    `address` is that of the web interface, "" without one. No command shows releases that are not stored.
    """
    return tuple(_describe_event(comparison, event, address, is_stored=is_stored) for event in comparison.events)


def _describe_event(comparison: Comparison, event: Event, address: str, *, is_stored: bool) -> EventDetails:
    background = comparison.background
    listed = background.listed.get(event.fingerprint, ())
    numbered = _list_changes(comparison, event) or [(-1, Change(before=item, after=item)) for item in listed]
    total, numbered = len(numbered), [(number, _limit_texts(change)) for number, change in numbered[:_MOST_CHANGES]]
    entries = _group(_describe_entry(number, change, comparison) for number, change in numbered)
    kept = entries[:_MOST_ENTRIES]
    item = numbered[0][1].item if numbered else None
    what = _look_up(event, [change for _, change in numbered])
    is_removed = all(change.after is None for _, change in numbered)
    registry = item.key.part("registry") if item is not None and item.section is not Section.CONTACT else ""
    page = link_registry(background.document, registry) if background.document != CANARY else ""
    title = background.titles.get(registry) or background.titles.get("") or background.document
    return EventDetails(
        entries=tuple(replace(entry, names=_cut_names(entry.names)) for entry in kept),
        more_entries=total - sum(len(entry.names) for entry in kept),
        registry=Link(text=cut_text(title, _LONGEST_NAME), url=page) if page else None,
        link=permalink(address, comparison.source, comparison.new.id, what, registry=registry) if is_stored else "",
        command=show_command(comparison, what, is_removed=is_removed) if is_stored else "",
    )


def _look_up(event: Event, changes: Sequence[Change]) -> tuple[str, ...]:
    """Return the lookup of the one entry that an event is about; () if there are several, or it is about a registry.

    Several ports of one service are looked up by its name.
    """
    if event.id.startswith("registry-"):
        return ()
    items = [_find_side(change) for change in changes]
    lookups = {lookup_of(change.item, is_removed=change.after is None) for change in changes}
    if len({lookup[:1] for lookup in lookups}) == 1:
        return min(lookups)
    services = {item.key.part("name") if is_port_entry(item) else "" for item in items}
    return (services.pop(),) if len(services) == 1 and services != {""} else ()


def _list_changes(comparison: Comparison, event: Event) -> list[tuple[int, Change]]:
    """Return the changes of an event with their positions; quiet ones only if there are no others."""
    changes = comparison.changes.changes
    # The positions of an event that came from other rules or another release may be none of these.
    numbered = [(number, changes[number]) for number in event.changes if 0 <= number < len(changes)]
    # The header of a registry comes before its entries.
    numbered.sort(key=lambda pair: pair[1].section is not Section.REGISTRY)
    return [pair for pair in numbered if not pair[1].quiet] or numbered


def _limit_texts(change: Change) -> Change:
    """Return a change whose texts are short enough to be searched for every event that names it."""
    before, after = (side and _limit_item(side) for side in (change.before, change.after))
    if before is change.before and after is change.after:
        return change
    fields = (
        replace(field, before=cut_text(field.before, _LONGEST_READ), after=cut_text(field.after, _LONGEST_READ))
        for field in change.fields
    )
    return replace(change, before=before, after=after, fields=tuple(fields))


def _limit_item(item: Item) -> Item:
    if all(len(text) <= _LONGEST_READ for text in item.fields.values()):
        return item
    # The key is part of what a command looks up, so it stays as it is.
    return replace(item, fields={name: cut_text(text, _LONGEST_READ) for name, text in item.fields.items()})


def _group(entries: Iterable[EntryDetails]) -> list[EntryDetails]:
    """Join the entries that say the same."""
    joined: list[tuple[EntryDetails, list[EntryDetails]]] = []
    for entry in entries:
        bare = replace(entry, names=(), changes=())
        same = next((group for other, group in joined if other == bare), None)
        if same is None:
            joined.append((bare, [entry]))
        else:
            same.append(entry)
    return [
        replace(
            bare,
            names=tuple(name for entry in group for name in entry.names),
            changes=tuple(number for entry in group for number in entry.changes),
        )
        for bare, group in joined
    ]


def _cut_names(names: Sequence[str]) -> tuple[str, ...]:
    more = (f"and {len(names) - _MOST_NAMES} more",) if len(names) > _MOST_NAMES else ()
    return (*(cut_text(name, _LONGEST_NAME) for name in names[:_MOST_NAMES]), *more)


def _describe_entry(number: int, change: Change, comparison: Comparison) -> EntryDetails:
    background = comparison.background
    is_pair = change.before is not None and change.after is not None and change.kind is Kind.MODIFIED
    if change.kind is Kind.DEPRECATED and change.before is not None and change.after is not None:
        is_pair = change.after.status != "reserved"
    item = _find_side(change)
    people = background.new_people if item is change.after else background.old_people
    fields = [field for field in change.fields if is_pair and field.name not in _HIDDEN_FIELDS]
    differences = tuple(_list_differences(fields, change.section, background.old_people, background.new_people))
    changed = {field.name for field in fields}
    names = [name for name in list_more_fields(item) if name not in changed]
    if change.section is Section.REGISTRY and is_pair:
        names = []  # the registry's own text is long, and none of it changed
    return EntryDetails(
        names=(name_item(item),),
        kind=change.kind,
        changes=(number,) if number >= 0 else (),
        texts=tuple(islice(_list_texts(item, names, people), _MOST_FIELDS)),
        people=tuple(_list_people(item, names, people)),
        references=tuple(_list_references(item, people)) if item.section is Section.ENTRY else (),
        differences=differences[:_MOST_FIELDS],
    )


def _find_side(change: Change) -> Item:
    """Return the side that says what an entry is: the one after, unless nothing is assigned there any more."""
    if change.before is not None and change.after is not None and change.kind is Kind.REMOVED:
        return change.before
    if change.before is not None and change.after is not None and change.after.status == "reserved":
        return change.before
    return change.item


def _list_texts(item: Item, names: Sequence[str], people: Mapping[str, Fields]) -> Iterator[FieldText]:
    """Yield what an item says, without people and references, which are listed with their details."""
    for name in names:
        text = item.fields[name]
        if name == "uri" and item.section is Section.CONTACT:
            text = ", ".join(read_person("", item.fields).addresses)
        if _names_only_people(text, people) or (item.section is Section.ENTRY and is_all_references(text)):
            continue
        yield FieldText(field=name, word=_field_word(name), text=cut_text(text.strip(), _LONGEST_TEXT))


def _names_only_people(text: str, people: Mapping[str, Fields]) -> bool:
    return bool(people) and not BRACKETED_NAME.sub(lambda match: "" if match[1] in people else "x", text).strip()


def _list_people(item: Item, names: Sequence[str], people: Mapping[str, Fields]) -> list[Person]:
    named = [person for name in names for person in find_people(name, item.fields[name], people)]
    return named[:_MOST_PEOPLE]


def _list_references(item: Item, people: Mapping[str, Fields]) -> list[Link]:
    links: dict[Link, None] = {}
    for name, text in item.fields.items():
        if text and not name.startswith(MARKUP):
            links.update(dict.fromkeys(link for link in list_references(text) if link.text.strip("[]") not in people))
    # A text in brackets that leads nowhere is a reference only in a column of references.
    printed = item.fields.get("references", "")
    return [link for link in links if link.url or link.text in printed][:_MOST_REFERENCES]


def _list_differences(
    fields: Sequence[FieldChange], section: Section, old: Mapping[str, Fields], new: Mapping[str, Fields]
) -> Iterator[FieldDifference]:
    """Yield what differs, dates last; the markup of a field only if its text is the same."""
    bare = {field.name for field in fields}
    for field in sorted(fields, key=lambda field: field.name in _DATES):
        if field.name.removeprefix(MARKUP) in bare and field.name.startswith(MARKUP):
            continue
        if section is Section.REGISTRY and field.name == "updated" and len(fields) > 1:
            continue
        yield _describe_difference(field, old, new)


def _describe_difference(field: FieldChange, old: Mapping[str, Fields], new: Mapping[str, Fields]) -> FieldDifference:
    before, after = field.before.strip(), field.after.strip()
    resolved = resolve_people(before, old), resolve_people(after, new)
    names_people = resolved != (before, after)
    if names_people:
        before, after = resolved
    elif field.name == COLUMNS:
        before, after = (", ".join(text.split("\n")) for text in (before, after))
    elif field.name == "uri":
        before, after = (", ".join(read_person("", {"uri": text}).addresses) for text in (before, after))
    is_long = bool(before and after) and max(len(before), len(after)) > _SHORT
    hunks = changed_words(before, after) if is_long and not names_people else ()
    return FieldDifference(
        field=field.name,
        word=_field_word(field.name),
        before=cut_text(before, _LONGEST_TEXT),
        after=cut_text(after, _LONGEST_TEXT),
        hunks=tuple(
            hunk._replace(removed=cut_text(hunk.removed, _LONGEST_WORDS), added=cut_text(hunk.added, _LONGEST_WORDS))
            for hunk in hunks[:_MOST_HUNKS]
        ),
        more_hunks=max(0, len(hunks) - _MOST_HUNKS),
    )


def _field_word(name: str) -> str:
    """Return the name of a field as the label of a line."""
    if name == "uri":
        return "address"
    word = field_word(name.removeprefix(MARKUP))
    return f"{word} (links)" if name.startswith(MARKUP) else word
