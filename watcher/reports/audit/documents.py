"""An audit in the forms that programs read: the JSON contract, rows, SARIF and JUnit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from watcher import __version__
from watcher.render.junit import JunitCase
from watcher.render.sarif import SarifResult, SarifRule, sarif_document
from watcher.reports.audit.findings import (
    AUDIT_RULES,
    AuditedEntry,
    AuditFinding,
    AuditReport,
    FindingSeverity,
)


def report_document(report: AuditReport) -> dict[str, Any]:
    """Return a report as the JSON contract has it."""
    return {
        "source": report.source,
        "registry": report.table or None,
        "title": report.title,
        "release": report.release,
        "published": report.published,
        "at": report.at or None,
        "since": report.since or None,
        "files": list(report.files),
        "counts": {
            **{str(severity): report.count(severity) for severity in FindingSeverity},
            "ignored": report.ignored,
            "entries": len(report.entries),
        },
        "entries": [_entry_document(audited) for audited in report.entries],
    }


def _entry_document(audited: AuditedEntry) -> dict[str, Any]:
    entry = audited.entry
    return {
        "file": entry.file,
        "line": entry.line,
        "entry": entry.title,
        "name": entry.name or None,
        "aliases": list(entry.aliases),
        "ports": list(entry.ports) if entry.ports else None,
        "protocol": entry.protocol or None,
        "code": entry.code or None,
        "registry": entry.table or None,
        "label": entry.label or None,
        "says": audited.says,
        "findings": [_finding_document(finding) for finding in audited.findings],
    }


def _finding_document(finding: AuditFinding) -> dict[str, Any]:
    return {
        "id": finding.id,
        "severity": str(finding.severity),
        "message": finding.message,
        "ignored": finding.ignored or None,
    }


def list_rows(report: AuditReport, *, with_all: bool) -> Iterator[dict[str, Any]]:
    """Yield a row for each finding, the worst first; `with_all`: for each entry without one as well."""
    rows = [
        (finding, audited)
        for audited in report.entries
        for finding in (*audited.findings, *([None] if with_all else []))
    ]
    for finding, audited in rows:
        if finding is None and audited.findings:
            continue
        yield {
            "severity": str(finding.severity) if finding else "",
            "finding": finding.id if finding else "",
            "file": audited.entry.file,
            "line": audited.entry.line,
            "where": audited.entry.where,
            "entry": audited.entry.title,
            "label": audited.entry.label,
            "registry": audited.says,
            "message": finding.message if finding else "",
            "ignored": finding.ignored if finding else "",
        }


def report_as_sarif(report: AuditReport) -> dict[str, Any]:
    rules = [
        SarifRule(id=rule.id, title=rule.title, advice=rule.advice, level=str(rule.severity))
        for rule in AUDIT_RULES.values()
    ]
    results = [
        SarifResult(
            rule=finding.id,
            level=str(finding.severity),
            message=finding.message,
            subject=audited.entry.title,
            file=audited.entry.file,
            line=audited.entry.line,
            ignored=finding.ignored,
        )
        for audited in report.entries
        for finding in audited.findings
    ]
    return sarif_document(rules, results, tool="registry-watcher", version=__version__)


def list_cases(report: AuditReport, lowest: FindingSeverity | None) -> Iterator[JunitCase]:
    """Yield a test case for each entry, failed by findings of the lowest severity that counts, or of none."""
    for audited in report.entries:
        counted = [
            finding
            for finding in audited.findings
            if not finding.ignored and lowest is not None and finding.severity.rank >= lowest.rank
        ]
        others = [finding for finding in audited.findings if finding not in counted]
        ignored = [finding for finding in others if finding.ignored]
        output = [audited.says, *(f"{finding.severity}: {finding.id}: {finding.message}" for finding in others)]
        yield JunitCase(
            suite=audited.entry.file,
            name=f"{audited.entry.line}: {audited.entry.title}",
            failures=tuple((finding.id, finding.message) for finding in counted),
            skipped="; ".join(f"{finding.id} is ignored: {finding.ignored}" for finding in ignored),
            output="\n".join(output),
        )
