"""The findings of an audit: their stable ids, and the values that a report is made of."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from watcher.inventory.model import ListEntry


class FindingSeverity(StrEnum):
    """How wrong an entry is, in rising order. `note`: true and worth to know, but no reason to change the list."""

    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"

    @property
    def rank(self) -> int:
        return _RANKS[self]


_RANKS = {severity: rank for rank, severity in enumerate(FindingSeverity)}


class AuditRule(Struct, frozen=True, kw_only=True):
    """One kind of finding: its stable id, its severity, a title and what to do."""

    id: str
    severity: FindingSeverity
    title: str
    advice: str


_ERROR, _WARNING, _NOTE = FindingSeverity.ERROR, FindingSeverity.WARNING, FindingSeverity.NOTE

# To add one: a line here, the code that finds it, a row in docs/audit.md, a test.
AUDIT_RULES: Mapping[str, AuditRule] = {
    rule.id: rule
    for rule in (
        AuditRule(
            id="reassigned",
            severity=_ERROR,
            title="The value means something else now",
            advice="The registry gave the value to another entry. Remove it from the list, or use the new value.",
        ),
        AuditRule(
            id="other-code",
            severity=_ERROR,
            title="The name has another value in the registry",
            advice="Use the value that the registry has for this name.",
        ),
        AuditRule(
            id="taken",
            severity=_WARNING,
            title="The value was free and is now assigned",
            advice="Somebody else registered the value since then. Move to another value.",
        ),
        AuditRule(
            id="other-service",
            severity=_WARNING,
            title="The port is assigned to another service",
            advice="The registry has this name on other ports. Correct the port, or ignore the finding with a reason.",
        ),
        AuditRule(
            id="moved",
            severity=_WARNING,
            title="The name has another port or value now",
            advice="Use the port or value that the registry has now.",
        ),
        AuditRule(
            id="renamed",
            severity=_WARNING,
            title="The entry has another name now",
            advice="Use the new name; keep the old one as an alias where others use it.",
        ),
        AuditRule(
            id="withdrawn",
            severity=_WARNING,
            title="The entry was removed from the registry",
            advice="The assignment has ended. Remove the entry from the list.",
        ),
        AuditRule(
            id="retired",
            severity=_WARNING,
            title="The entry is historic, deprecated or obsolete",
            advice="The registry keeps the entry and advises against its use.",
        ),
        AuditRule(
            id="temporary-expired",
            severity=_WARNING,
            title="The early allocation has expired",
            advice="The registry may give the value to somebody else. Do not ship it.",
        ),
        AuditRule(
            id="unassigned-code",
            severity=_WARNING,
            title="The registry has not assigned the code",
            advice="Register the code, or use one of the private-use range.",
        ),
        AuditRule(
            id="reserved-code",
            severity=_WARNING,
            title="The registry has reserved the code",
            advice="The code is kept from being assigned. Use another one.",
        ),
        AuditRule(
            id="temporary",
            severity=_NOTE,
            title="The entry is an early allocation",
            advice="It counts until its date, unless it is extended (RFC 7120).",
        ),
        AuditRule(
            id="local-use",
            severity=_NOTE,
            title="A name that is not registered uses an assigned port",
            advice="Nothing is wrong while both services are not used on one host.",
        ),
        AuditRule(
            id="other-port",
            severity=_NOTE,
            title="The name is registered for another port",
            advice="Correct the port, or ignore the finding with a reason.",
        ),
        AuditRule(
            id="other-protocol",
            severity=_NOTE,
            title="The port is registered for another transport protocol",
            advice="Remove the entry, unless the service is used over this protocol.",
        ),
        AuditRule(
            id="unassigned-port",
            severity=_NOTE,
            title="The registry has not assigned the port",
            advice="Find out who uses the port, and name it in the list.",
        ),
        AuditRule(
            id="reserved-port",
            severity=_NOTE,
            title="The registry has reserved the port",
            advice="The port is kept from being assigned, often because a service gave it back.",
        ),
        AuditRule(
            id="unauthorized-use",
            severity=_NOTE,
            title="The registry knows of unauthorized use of the port",
            advice="Traffic on the port may be of another program than the registered service.",
        ),
        AuditRule(
            id="unknown-name",
            severity=_NOTE,
            title="The registry has no such name",
            advice="Correct the name, or ignore the finding with a reason.",
        ),
        AuditRule(
            id="changed",
            severity=_NOTE,
            title="The entry changed since the date that was asked for",
            advice="Read the event; `watcher show` has the whole history.",
        ),
    )
}


class AuditFinding(Struct, frozen=True, kw_only=True):
    """One thing that an audit found about an entry. `ignored` is the reason of the rule that ignores it, or ""."""

    rule: AuditRule
    message: str
    severity: FindingSeverity
    ignored: str = ""

    @property
    def id(self) -> str:
        return self.rule.id


def make_finding(identifier: str, message: str, severity: FindingSeverity | None = None) -> AuditFinding:
    """Return a finding with the severity of its rule, unless another one is given."""
    rule = AUDIT_RULES[identifier]
    return AuditFinding(rule=rule, message=message, severity=severity or rule.severity)


class AuditedEntry(Struct, frozen=True, kw_only=True):
    """An entry of a list with what the registry says of it now, in words, and what was found."""

    entry: ListEntry
    says: str
    findings: tuple[AuditFinding, ...] = ()


class AuditReport(Struct, frozen=True, kw_only=True):
    """The audit of some lists against one release of a source. Dates are `YYYY-MM-DD`.

    `table` is the path of the nested registry of a list of codes, `title` the name of the registry.
    """

    source: str
    title: str
    release: str
    published: str
    at: str
    since: str
    table: str
    files: tuple[str, ...]
    entries: tuple[AuditedEntry, ...]

    def count(self, severity: FindingSeverity) -> int:
        """Return how many findings of a severity are not ignored."""
        return sum(
            finding.severity is severity and not finding.ignored
            for audited in self.entries
            for finding in audited.findings
        )

    def with_entries(self, entries: tuple[AuditedEntry, ...]) -> AuditReport:
        return replace(self, entries=entries)

    @property
    def ignored(self) -> int:
        return sum(bool(finding.ignored) for audited in self.entries for finding in audited.findings)

    def has_findings(self, lowest: FindingSeverity) -> bool:
        """Return whether a finding that is not ignored has this severity or a higher one."""
        return any(self.count(severity) for severity in FindingSeverity if severity.rank >= lowest.rank)
