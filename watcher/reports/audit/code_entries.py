"""What a registry says of a code or name of a list, and what is wrong with it. Pure but for the past."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from watcher.core.intervals import Interval
from watcher.core.model import FREE, RETIRED, Status
from watcher.core.patterns import regex
from watcher.inventory.model import ListEntry
from watcher.inventory.names import fold_name, parse_code
from watcher.registries.shared.assignment import is_assigned
from watcher.registries.shared.remarks import read_facts, strip_remarks
from watcher.reports.audit.code_tables import CodeRow, CodeTable
from watcher.reports.audit.findings import AuditedEntry, AuditFinding, FindingSeverity, make_finding
from watcher.reports.audit.past import FormerState

# A list that keeps free codes in mind says so in the name.
_SAYS_FREE = regex(
    r"reserved|unassigned|unused|private|experiment|grease|vendor|local"
    r"|(?<![a-z])(?:none|null|unknown|invalid|unspecified|undefined)(?![a-z])|^type ?\d+$",
    re.IGNORECASE,
)
_RESERVED_FOR = regex(r"reserved[\s_-]+for\b", re.IGNORECASE)
_GREASE = "[RFC8701]"
_REFERENCE = regex(r"\[[^\[\]]+\]")
_WORD = regex(r"[a-z0-9]{3,}")


class CodePast(Protocol):
    """The past of names and values in one registry group."""

    def find_by_name(self, name: str, path: str = "") -> list[FormerState]: ...
    def find_by_value(self, values: Iterable[str], numbers: Interval | None, path: str) -> list[FormerState]: ...


class CodeAudit:
    """Judges entries by one nested registry. `earlier` is its state on the day `since`.

    `entries` are all of the list.
    """

    def __init__(
        self,
        table: CodeTable,
        entries: Iterable[ListEntry],
        past: CodePast,
        today: str,
        since: str = "",
        earlier: CodeTable | None = None,
    ) -> None:
        self._table, self._past = table, past
        self._today, self._since, self._earlier = today, since, earlier
        # The names of the list for rows that it has under their code, by that code.
        self._listed: dict[str, set[str]] = {}
        for entry in entries:
            for row in table.find_code(entry.code) if entry.code and entry.name else ():
                if row.has_name(entry.name):
                    self._listed.setdefault(row.code, set()).add(fold_name(entry.name))

    def judge(self, entry: ListEntry) -> AuditedEntry:
        if not entry.code:
            return self._judge_name(entry)
        rows = self._table.find_code(entry.code)
        assigned = [row for row in rows if is_assigned(row.item)]
        own = [row for row in assigned if not entry.name or row.has_name(entry.name)]
        if own:
            findings = self._judge_own(own)
        elif assigned:
            findings = self._judge_foreign(entry, assigned)
        else:
            findings = self._judge_free(entry, rows)
        return AuditedEntry(entry=entry, says=_describe(own or assigned or rows), findings=tuple(findings))

    def _judge_own(self, rows: Sequence[CodeRow]) -> Iterator[AuditFinding]:
        """Judge the rows that an entry is about: retired or temporary if all of them are."""
        row = rows[0]
        if all(one.item.status in RETIRED for one in rows):
            yield make_finding("retired", f"{row.code} {strip_remarks(row.title)} is {row.item.status}")
        facts = [read_facts(one.item.fields) for one in rows]
        if all(one.temporary for one in facts):
            until = facts[0].temporary_until
            allocation = f"{row.code} {row.title} is an early allocation"
            if until and until < self._today:
                yield make_finding("temporary-expired", f"{allocation} that expired {until}")
            else:
                yield make_finding("temporary", f"{allocation}, temporary until {until}" if until else allocation)

    def _judge_foreign(self, entry: ListEntry, assigned: Sequence[CodeRow]) -> Iterator[AuditFinding]:
        """Judge a code whose rows have other names: only with evidence, libraries name things in their own way."""
        row = assigned[0]
        is_now = f"{row.code} is {row.title}"
        if (former := self._find_former(entry, assigned)) is not None:
            if former.now is not None and _is_same_thing(former, row):
                yield make_finding("renamed", f"{entry.name} was renamed to {row.title} on {former.until}")
            else:
                yield make_finding("reassigned", f"{entry.code} was {entry.name} until {former.until}; {is_now} now")
            return
        elsewhere = self._find_elsewhere(entry)
        if elsewhere:
            yield make_finding("other-code", f"{entry.name} is {elsewhere[0].code} in the registry; {is_now}")
            return
        if self._earlier is not None:
            before = self._earlier.find_code(entry.code)
            if not any(is_assigned(row.item) for row in before):
                was = _describe(before)
                yield make_finding("taken", f"{entry.code} was {was} on {self._since}; {is_now} now")
                return
        yield from self._judge_own(assigned)  # what is wrong with the code counts under any name

    def _judge_free(self, entry: ListEntry, rows: Sequence[CodeRow]) -> Iterator[AuditFinding]:
        status = rows[0].item.status if rows else Status.UNASSIGNED
        says_free = _SAYS_FREE.search(entry.name) is not None
        if status is Status.RESERVED and not says_free and _is_kept_for(rows[0], entry.name):
            # Reserved for a purpose, or under this very name: another version of the protocol has it.
            message = f"{entry.code} is reserved{_remark(rows[0])}"
            yield make_finding("reserved-code", message, FindingSeverity.NOTE)
            return
        if (former := self._find_former(entry, rows)) is not None:
            now = f"is now {status}" if rows else "is not in the registry any more"
            yield make_finding(
                "withdrawn", f"{entry.code} was {entry.name or _title(former)} until {former.until}; {now}"
            )
            return
        if status in (Status.PRIVATE_USE, Status.EXPERIMENTAL) or says_free:
            return
        elsewhere = self._find_elsewhere(entry)
        if entry.name and elsewhere:
            yield make_finding(
                "other-code", f"{entry.name} is {elsewhere[0].code} in the registry; {entry.code} is {status}"
            )
        elif status is Status.RESERVED:
            if not any(_GREASE in row.item.fields.get("references", "") for row in rows):
                yield make_finding("reserved-code", f"{entry.code} is reserved{_remark(rows[0])}")
        else:
            where = "is unassigned" if rows else "has no row in the registry"
            yield make_finding("unassigned-code", f"{entry.code} {where}")

    def _find_elsewhere(self, entry: ListEntry) -> list[CodeRow]:
        """Return the rows with the name of an entry, but for those that the list knows under another name.

        A list with `name_server` 6 and `IEN_name_server` 5 has no wrong code: "Name Server" of the registry is its 5.
        """
        rows = [row for row in self._table.find_name(entry.name) if is_assigned(row.item) and row.codes]
        name = fold_name(entry.name)
        return [row for row in rows if not {*self._listed.get(row.code, ())} - {name}]

    def _find_former(self, entry: ListEntry, rows: Sequence[CodeRow]) -> FormerState | None:
        """Return the newest former state of a code under the name of an entry, or of any if the entry has no name."""
        ranges = parse_code(entry.code)
        numbers = (ranges[0].low, ranges[0].high) if ranges and ranges[0].low >= 0 and not ranges[0].space else None
        values = {entry.code, *(code for row in rows for code in row.codes)}
        for state in self._past.find_by_value(values, numbers, self._table.path):
            former = CodeTable(self._table.path, "", [state.item], self._table.naming)
            if any(not entry.name or _had_name(row, entry.name) for row in former.find_code(entry.code)):
                return state
        return None

    def _judge_name(self, entry: ListEntry) -> AuditedEntry:
        rows = [row for row in self._table.find_name(entry.name) if is_assigned(row.item)]
        if rows:
            return AuditedEntry(entry=entry, says=_describe(rows), findings=tuple(self._judge_own(rows)))
        former = next(iter(self._past.find_by_name(entry.name, self._table.path)), None)
        if former is None:
            finding = make_finding("unknown-name", f"{entry.name} is not in {self._table.title}")
        elif (now := _row_now(former)) is not None and _is_same_thing(former, now):
            finding = make_finding("renamed", f"{entry.name} was renamed to {now.title} on {former.until}")
        elif now is not None:
            is_now = f"{now.code} is {now.title} now"
            finding = make_finding("reassigned", f"{entry.name} was registered until {former.until}; {is_now}")
        else:
            finding = make_finding("withdrawn", f"{entry.name} was registered until {former.until}")
        return AuditedEntry(entry=entry, says="not registered", findings=(finding,))


def _is_kept_for(row: CodeRow, name: str) -> bool:
    if _RESERVED_FOR.search(row.title):
        return True
    return bool(name) and any(fold_name(name) in own for own in row.own_names)


def _had_name(row: CodeRow, name: str) -> bool:
    """Return whether a former state had exactly a name: evidence for a finding needs more than a similar one."""
    return fold_name(name) in row.own_names


def _is_same_thing(former: FormerState, row: CodeRow) -> bool:
    """Return whether the entry that has a code now is the former one under another name, and no other thing.

    A registry changes a row in place for both. The same thing keeps a reference, its date or a word of its name.
    """
    old, new = former.item.fields, row.item.fields
    references = [{*_REFERENCE.findall(fields.get("references", ""))} for fields in (old, new)]
    if references[0] & references[1]:
        return True
    if old.get("registered") and old.get("registered") == new.get("registered"):
        return True
    words = [{*_WORD.findall(title.casefold())} for title in (_title(former), row.title)]
    return bool(words[0] & words[1])


def _title(former: FormerState) -> str:
    return CodeTable("", "", [former.item]).rows[0].title


def _row_now(former: FormerState) -> CodeRow | None:
    return CodeTable("", "", [former.now]).rows[0] if former.now is not None else None


def _describe(rows: Sequence[CodeRow]) -> str:
    if not rows:
        return "not in the registry"
    row = rows[0]
    if row.item.status in FREE:
        return str(row.item.status)
    retired = "" if row.item.status is Status.ASSIGNED else f" ({row.item.status})"
    return f"{row.code} {strip_remarks(row.title)}{retired}".strip()


def _remark(row: CodeRow) -> str:
    title = row.title
    bare = title[1:-1] if title.startswith("(") and title.endswith(")") else title
    return "" if fold_name(title) == "reserved" else f" ({bare})"
