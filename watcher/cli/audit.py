"""`watcher audit`"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import click

from watcher.cli.context import open_history
from watcher.cli.list_files import find_inventory
from watcher.cli.output import columns, parse_date, parse_last_date, print_json, print_rows
from watcher.core.errors import ConfigError, UsageError
from watcher.core.operator_files import read_operator_file
from watcher.inventory.catalog import LIST_FORMATS
from watcher.inventory.model import Inventory
from watcher.render.json import dumps
from watcher.render.junit import render_junit
from watcher.render.safe_text import visible
from watcher.reports.audit.audit import AuditRequest, audit_lists, choose_source
from watcher.reports.audit.documents import list_cases, list_rows, report_as_sarif, report_document
from watcher.reports.audit.findings import AuditReport, FindingSeverity
from watcher.reports.audit.ignoring import IgnoredFinding, ignore_findings, parse_ignore_file, parse_ignored
from watcher.store.history_reader import HistoryReader

_TEXT = columns("severity", "finding", "where", "entry", "message")
_ALL = columns("severity", "finding", "where", "entry", "registry", "message")
_CSV = columns("severity", "finding", "file", "line", "entry", "label", "registry", "message", "ignored")
_NEVER = "never"


@click.command("audit")
@click.argument("lists", metavar="FILE...", nargs=-1, required=True)
@click.option("--source", default="", metavar="NAME", help="The source to audit against. Default: that of ports.")
@click.option("--registry", default="", metavar="GROUP", help="Its registry group in place of it: tls-parameters.")
@click.option("--table", default="", metavar="ID|TITLE", help="Of a group with several registries: which one.")
@click.option(
    "--list-format", type=click.Choice([*LIST_FORMATS]), help="The kind of list. Default: as its text has it."
)
@click.option("--since", callback=parse_date, metavar="DATE", help="Also what changed since this day.")
@click.option("--at", callback=parse_last_date, metavar="DATE", help="As of this day. Default: the newest release.")
@click.option("--ignore", multiple=True, metavar="ID[:ENTRY]=REASON", help="Ignore findings, with a reason.")
@click.option(
    "--ignore-file", type=click.Path(path_type=Path), metavar="FILE", help="Such rules, one on a line; # comments."
)
@click.option(
    "--fail-on",
    type=click.Choice([*map(str, FindingSeverity), _NEVER]),
    default=str(FindingSeverity.WARNING),
    show_default=True,
    help="The lowest severity that makes the exit code 1.",
)
@click.option("--all", "show_all", is_flag=True, help="Also entries that nothing was found about.")
@click.option(
    "--format",
    "format",
    type=click.Choice(["text", "json", "csv", "sarif", "junit"]),
    default="text",
    show_default=True,
    help="Output format.",
)
@click.pass_obj
def command(
    config: Path,
    lists: tuple[str, ...],
    source: str,
    registry: str,
    table: str,
    list_format: str | None,
    since: str | None,
    at: str | None,
    ignore: tuple[str, ...],
    ignore_file: Path | None,
    fail_on: str,
    show_all: bool,
    format: str,
) -> None:
    """Compare lists of your own with a registry: what it says about each entry, and what is wrong.

    FILE is an /etc/services, a list of ports, names or codes, the output of `ss -tulnH`, nmap (-oX, -oG), `nft -j list
    ruleset` or iptables-save, a CSV or JSON of names and codes, - for standard input, or the name of an [[inventory]].
    Exit code 0: nothing wrong; 1: findings of --fail-on or worse; 2: an error. docs/audit.md explains the findings.

    \b
    Examples:
      watcher audit /etc/services
      ss -tulnH | watcher audit -
      watcher audit ciphers.csv --registry tls-parameters --since 2023-01-01
      watcher audit ports.txt --format sarif --ignore 'other-service:fsp=we run FSP'
    """
    if source and registry:
        raise UsageError("give --source or --registry, not both")
    rules = [parse_ignored(text, "--ignore") for text in ignore] + _read_ignore_file(ignore_file)
    with open_history(config) as (history, _):
        read_list = partial(
            find_inventory,
            config,
            source=source,
            registry=registry,
            table=table,
            list_format=list_format or "",
            port_sources=history.list_sources_of("ports"),
        )
        inventories = tuple(map(read_list, lists))
        request = AuditRequest(
            source=_choose_source(history, inventories, source, registry),
            inventories=inventories,
            today=at or datetime.now(UTC).date().isoformat(),
            at=at or "",
            since=since or "",
            table=table,
        )
        report = audit_lists(history, request)
    report = report.with_entries(ignore_findings(report.entries, rules))
    lowest = None if fail_on == _NEVER else FindingSeverity(fail_on)
    _print_report(report, format, lowest, show_all=show_all)
    if lowest is not None and report.has_findings(lowest):
        raise click.exceptions.Exit(1)


def _choose_source(history: HistoryReader, inventories: Sequence[Inventory], source: str, registry: str) -> str:
    """Return the source to audit against. Lists of the configuration name their own."""
    if source or registry:
        return choose_source(history, source, registry)
    globs = {inventory.sources for inventory in inventories}
    if len(globs) > 1:
        raise UsageError("the lists are about several registries; audit them one by one")
    return choose_source(history, "", "", globs.pop())


def _read_ignore_file(path: Path | None) -> list[IgnoredFinding]:
    if path is None:
        return []
    try:
        data, _ = read_operator_file(path)
        return list(parse_ignore_file(data.decode("utf-8-sig"), str(path)))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not UTF-8: {error.reason}") from None
    except ConfigError as error:
        raise UsageError(str(error)) from None


def _print_report(report: AuditReport, format: str, lowest: FindingSeverity | None, *, show_all: bool) -> None:
    if format == "json":
        print_json(report_document(report))
    elif format == "sarif":
        click.echo(dumps(report_as_sarif(report), indent=2))
    elif format == "junit":
        click.echo(render_junit(list(list_cases(report, lowest)), name=f"{report.source} {report.published}"), nl=False)
    elif format == "csv":
        print_rows(list(list_rows(report, with_all=True)), _CSV, "csv")
    else:
        rows = [row for row in list_rows(report, with_all=show_all) if show_all or not row["ignored"]]
        if rows:
            print_rows(rows, _ALL if show_all else _TEXT, "text")
            click.echo()
        has_more = report.entries and not rows and not report.ignored
        click.echo(_summary(report) + (" (--all shows what the registry says)" if has_more else ""))


def _summary(report: AuditReport) -> str:
    """Return "361 entries against ports 2023-12-27: 2 errors, 5 warnings, 12 notes, 1 ignored"."""
    counts = [(report.count(severity), str(severity)) for severity in reversed(FindingSeverity)]
    parts = [_count(number, noun) for number, noun in counts if number]
    parts += [f"{report.ignored} ignored (--all shows them)"] if report.ignored else []
    registry = " ".join(filter(None, (report.source, report.table)))
    release = f"{visible(registry)} of {report.published}"
    return f"{_count(len(report.entries), 'entr')} against {release}: {', '.join(parts) or 'nothing found'}"


def _count(number: int, noun: str) -> str:
    if noun == "entr":
        return f"{number} {'entry' if number == 1 else 'entries'}"
    return f"{number} {noun}{'' if number == 1 else 's'}"
