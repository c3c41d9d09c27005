"""A removed and an added row are one entry if they share rare features, not empty cells or common words."""

from __future__ import annotations

from itertools import permutations

from tests.support.group_releases import IANA, content, record, registry
from watcher.core.model import Content, Section
from watcher.diff.compare import compare

REST = [record("rfc1", value=f"thing-{number}", description=f"Common word {number}") for number in range(20)]


def release(*records: str) -> Content:
    return content(registry("r", *REST, *records))


def pairs(old: Content, new: Content) -> set[tuple[str, str]]:
    changes = compare(old, new, IANA.pairing_rules(old, new)).changes
    keys = [[side.key.values[1] if side else "" for side in (change.before, change.after)]
            for change in changes if change.section is Section.ENTRY]  # fmt: skip
    return {(before, after) for before, after in keys}


def test_a_renamed_row_that_keeps_its_rare_words_is_one_entry() -> None:
    old = release(record("rfc7", value="cost-source", description="Where a cost comes from"))
    new = release(record("rfc7", value="cost-source-types", description="Where the cost comes from"))
    assert pairs(old, new) == {("cost-source", "cost-source-types")}


def test_rows_that_share_only_common_words_are_two_entries() -> None:
    old = release(record("rfc1", value="apple", description="Common word 5"))
    new = release(record("rfc1", value="pear", description="Common word 6"))
    assert pairs(old, new) == {("apple", ""), ("", "pear")}


def test_rows_that_share_only_empty_cells_are_two_entries() -> None:
    old = release(record(value="apple", description="", template=""))
    new = release(record(value="pear", description="", template=""))
    assert pairs(old, new) == {("apple", ""), ("", "pear")}


def test_two_equally_good_matches_are_not_paired() -> None:
    old = release(record("rfc7", value="apple", description="Quaint fruit"))
    new = release(*(record("rfc7", value=name, description="Quaint fruit") for name in ("pear", "plum")))
    assert ("apple", "") in pairs(old, new)


def test_pairs_do_not_depend_on_the_order_of_rows() -> None:
    old = [record("rfc7", value=f"old-{name}", description=f"The {name} of it") for name in ("apple", "pear", "plum")]
    new = [record("rfc7", value=f"new-{name}", description=f"The {name} of it") for name in ("apple", "pear", "plum")]
    expected = {(f"old-{name}", f"new-{name}") for name in ("apple", "pear", "plum")}
    for shuffled in permutations(old):
        old, new = [*shuffled], new[::-1]
        assert pairs(release(*old), release(*new)) == expected


def test_a_merged_range_is_the_entry_that_kept_its_beginning() -> None:
    old = release(*(record(value=value, description="variable scope") for value in ("100-171", "175")))
    new = release(record(value="100-177", description="variable scope"))
    assert pairs(old, new) == {("100-171", "100-177"), ("175", "")}


def test_a_newly_filled_column_keeps_the_entries() -> None:
    def row(number: int, text: str, **cells: str) -> str:
        return record(
            hex=f"{number:04X}", description=" ".join(f"{text}{number}{letter}" for letter in "abcde"), **cells
        )

    numbers = range(2048, 2060)
    old = content(registry("r", *(row(number, "old") for number in numbers)))
    new = content(registry("r", *(row(number, "new", value=str(number)) for number in numbers)))
    changes = compare(old, new, IANA.pairing_rules(old, new)).changes
    assert {change.item.key.labels for change in changes} == {("registry", "value")}
    assert all(change.before and change.after for change in changes)


def test_two_names_that_share_a_value_are_two_entries() -> None:
    rows = [record(value="84", name="TTP"), record(value="84", name="IPTM")]
    old, new = (content(registry("r", *REST, *kept)) for kept in (rows, rows[1:]))
    changes = compare(old, new, IANA.pairing_rules(old, new)).changes
    removed = [change.before.fields["name"] for change in changes if change.before and change.after is None]
    assert removed == ["TTP"]
