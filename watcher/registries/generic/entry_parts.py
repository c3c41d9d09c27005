"""The parts of an entry of any IANA registry: the path of its registry, its value, its name, its numbers."""

from __future__ import annotations

from watcher.core.intervals import Interval
from watcher.core.model import Item
from watcher.core.value_ranges import parse_ranges
from watcher.registries.base import PATH
from watcher.registries.generic.key_columns import DESCRIPTIVE, LONGEST_KEY, META
from watcher.registries.shared.assignment import is_assigned
from watcher.registries.shared.remarks import strip_temporary
from watcher.registries.shared.status_words import FLAGS

LARGEST = 2**63 - 1  # the largest integer of SQLite


def read_values(item: Item) -> tuple[str, ...]:
    """Return the parts of an entry's key without the path of its registry."""
    return item.key.values[1:] if item.key.labels[:1] == (PATH,) else item.key.values


def read_path(item: Item) -> str:
    """Return the path of an entry's or a header's registry."""
    return item.key.part(PATH)


def find_title(item: Item) -> str:
    """Return the text that names a row beside its value; "" without one."""
    key = {*item.key.labels}
    columns = [name for name in item.fields if name not in key and name not in META and ":" not in name]
    # People know an entry by its name or mnemonic; its description comes next.
    for name in sorted(
        columns, key=lambda name: (name.lower() != "name", name in DESCRIPTIVE and name != "description")
    ):
        text = item.fields[name]
        if text and not parse_ranges(text) and text.lower() not in FLAGS:
            return strip_temporary(text).split("\n")[0] or text.split("\n")[0]
    return ""


def list_names(item: Item) -> tuple[str, ...]:
    """Return the words that an entry is looked up by: its title, if it is a short one, and its value."""
    value, name = strip_temporary(" ".join(filter(None, read_values(item)))), find_title(item)
    is_name = bool(name) and not name.startswith("[") and len(name) <= 2 * LONGEST_KEY
    return (name, value) if is_name and is_assigned(item) else (value,)


def describe_entry(item: Item) -> tuple[str, str, str]:
    """Return an entry's name, and no port and protocol (`contacts.Describe`)."""
    return list_names(item)[0], "", ""


def read_interval(item: Item) -> Interval | None:
    """Return the numbers of a value, if it is one range of plain numbers that SQLite can store."""
    ranges = parse_ranges(read_values(item)[0]) if read_values(item) else ()
    if len(ranges) != 1 or ranges[0].space or not 0 <= ranges[0].low <= ranges[0].high <= LARGEST:
        return None
    return ranges[0].low, ranges[0].high
