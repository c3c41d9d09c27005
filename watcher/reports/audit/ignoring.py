"""Rules that ignore findings, each with a reason: `other-service:fsp 21/udp = we run FSP`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct
from msgspec.structs import replace

from watcher.core.errors import UsageError
from watcher.core.suggestions import describe_unknown
from watcher.inventory.model import ListEntry
from watcher.reports.audit.findings import AUDIT_RULES, AuditedEntry, AuditFinding


class IgnoredFinding(Struct, frozen=True, kw_only=True):
    """Findings of an id, of all entries or of those with a title, a name, a port or a code, and why."""

    id: str
    entry: str
    reason: str

    def ignores(self, entry: ListEntry, finding: AuditFinding) -> bool:
        if self.id != finding.id:
            return False
        place = entry.title.removeprefix(entry.name).strip()
        texts = (entry.title, *entry.names, place, place.partition("/")[0], entry.code)
        return not self.entry or self.entry.casefold() in {text.casefold() for text in texts if text}


def parse_ignored(text: str, where: str) -> IgnoredFinding:
    """Return the rule `ID = REASON` or `ID:ENTRY = REASON`. Raises UsageError."""
    target, equals, reason = text.partition("=")
    identifier, _, entry = target.strip().partition(":")
    if identifier not in AUDIT_RULES:
        raise UsageError(f"{where}: unknown finding {describe_unknown(identifier, AUDIT_RULES)}")
    if not equals or not reason.strip():
        raise UsageError(f"{where}: {identifier} is ignored without a reason; write ID:ENTRY = REASON")
    return IgnoredFinding(id=identifier, entry=entry.strip(), reason=reason.strip())


def parse_ignore_file(text: str, file: str) -> Iterator[IgnoredFinding]:
    """Yield the rules of a file, one on a line; lines that begin with # are comments. Raises UsageError."""
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            yield parse_ignored(line, f"{file}: line {number}")


def ignore_findings(entries: Iterable[AuditedEntry], rules: Iterable[IgnoredFinding]) -> tuple[AuditedEntry, ...]:
    """Return entries with the findings that a rule ignores marked with its reason; none is left out."""
    ignored = tuple(rules)
    return tuple(
        replace(audited, findings=tuple(_mark(audited.entry, finding, ignored) for finding in audited.findings))
        for audited in entries
    )


def _mark(entry: ListEntry, finding: AuditFinding, rules: Iterable[IgnoredFinding]) -> AuditFinding:
    reason = next((rule.reason for rule in rules if rule.ignores(entry, finding)), "")
    return replace(finding, ignored=reason) if reason else finding
