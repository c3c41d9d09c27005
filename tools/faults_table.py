#!/usr/bin/env python3
"""Write docs/faults.md: each fault, the promise, the tests that prove it, and their results.

The program runs the tests that have `@pytest.mark.fault(…)`, except for slow ones. It reads from their source which
rows they prove (`find_proofs`), so the suite can compare the page with the tests without running them.
"""

from __future__ import annotations

import ast
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TABLE = ROOT / "docs" / "faults.md"

# Row → the fault and the promise. R0 is the rule above the table.
ROWS: Mapping[int, tuple[str, str]] = {
    1: ("no address, connection refused or reset, failed handshake", "R0; retried with growing pauses in the check"),
    2: ("an invalid certificate", "R0; not retried, and never fetched without TLS"),
    3: ("a server that does not answer", "R0 after the read timeout"),
    4: ("a response that arrives very slowly", "R0 at the deadline of the whole check"),
    5: ("a body that is shorter than announced", "detected; fetched again in full, else R0"),
    6: ("gzip that is truncated, damaged or followed by other bytes", "detected when it is decompressed, R0"),
    7: ("a truncation that only the format shows", "R0: a document must have its end"),
    8: ("a decompression bomb, an unknown or repeated encoding", "R0 at the limit; memory is bounded"),
    9: ("invalid HTTP: huge or very many headers, wrong lengths", "R0"),
    10: ("redirects in a loop, too many, to another host, to http", "refused unless allowed; the last URL is stored"),
    11: ("an address of a private network, in any notation", "refused by the address of the connection"),
    12: ("304 for a release that is not stored", "requested once more without a condition"),
    13: ("the same bytes with new validators", "no new release; the validators are stored"),
    14: ("validators that change or are missing", "the content decides"),
    15: ("an older release is served again", "held without alerts; accepted as a return if it stays"),
    16: ("two servers that serve different releases in turns", "one alert per content; none is accepted as new"),
    17: ("429 or 503 with any Retry-After", "the schedule waits that long, from a minute to a day"),
    18: ("404, 410, 451, 403", "R0, and an alert of a separate kind if it continues"),
    19: ("an HTML page or another document in place of the data", "R0"),
    20: ("an empty response or an empty registry", "R0; never \"everything removed\""),
    21: ("a document that is not well formed, or not closed", "R0 with the position"),
    22: ("another encoding than declared, NUL, invalid UTF-8", "decoded strictly, or R0"),
    23: ("entities, DOCTYPE, XInclude", "refused; no file is read and no address is contacted"),
    24: ("unlimited depth, width and length", "refused in bounded time and memory"),
    25: ("a changed schema", "the snapshot is kept; unknown columns are kept and reported"),
    26: ("duplicate keys, another order, moved rows", "all rows are kept; order is not a change; a move is one change"),
    27: ("the same content in another notation", "the same release, another snapshot"),
    28: ("a very large change", "held with its counts until it is served again"),
    29: ("ranges, hexadecimal numbers, invalid or future dates", "kept as text; text that is not a number has none"),
    30: ("CSV with missing cells or wrong quotes", "read strictly, R0 with the line"),
    31: ("HTML and links in registry text", "escaped wherever HTML is written; no script of others on a page"),
    32: ("text that would become a mail header", "neutralised and sent; no header is ever added"),
    33: ("a cell that a spreadsheet would run as a formula", "it starts with a quote, unless --raw"),
    34: ("escape sequences, text that hides or reverses text", "shown as <U+202E>"),
    35: ("control characters in JSON and XML", "escaped; always well formed (there are no feeds yet)"),
    36: ("template syntax in registry text", "never evaluated (there are no user templates)"),
    37: ("ids that are paths", "refused when they are read; files are named by their hash"),
    38: ("a change of megabytes in one message", "shortened, with counts; at most 20,000 bytes for a webhook"),
    39: ("killed between commit and send", "sent after the restart"),
    40: ("killed between sending and recording it", "sent again with the same id"),
    41: ("two daemons on one history", "only one of them sends a message at a time"),
    42: ("every response of a mail server", "retried, failed, or not sent without encryption"),
    43: ("some recipients are refused", "each has its state; only those are retried"),
    44: ("every response of a webhook's receiver", "Standard Webhooks; 410 disables the channel and alerts operators"),
    45: ("a receiver that is down for days", "ten attempts over three days; kept, and sent again on request"),
    46: ("a broken channel", "no other channel waits for it; the alert goes over another one"),
    47: ("rotated secrets, clocks that differ", "both signatures; times in UTC"),
    48: ("very many registries change at once", "few messages for each channel"),
    49: ("silence, and an address subscribed twice", "stored, counted, not sent; one message for each address"),
    50: ("killed at any point of a check", "the history is complete; the check runs again"),
    51: ("power loss", "everything that was acknowledged is stored"),
    52: ("a full disk, failing writes, no file descriptor", "the check fails; the daemon continues without a restart"),
    53: ("other processes use the history", "waiting is bounded; no write is lost"),
    54: ("a damaged history or snapshot", "no start, and advice; `verify` finds all damage"),
    55: ("an older or newer schema, a killed migration", "one transaction, after a copy; a newer schema is refused"),
    56: ("a backup during writes; a restore", "complete and verified; no archive is ever unpacked"),
    57: ("one source that hangs; memory; threads", "a limit for each; counted, with an alert"),
    58: ("a clock that jumps", "the schedule follows within a minute, without a burst of checks"),
    59: ("a week of downtime", "one check for each source, spread over time"),
    60: ("a check that takes longer than its interval", "no second check at the same time; counted"),
    61: ("a wrong configuration", "every error with its position; the previous one stays in force"),
    62: ("files that others can write or read", "configuration and secrets are refused (there are no hooks)"),
    63: ("secrets in the wrong places", "the configuration only names them; redacted in logs and errors"),
    64: ("attacks over the web", "nothing listens unless configured; only an operator writes, from a page of ours"),
    65: ("malicious queries", "bounded parameters only; one clear line"),
    66: ("signals during work", "it is finished or rolled back in time"),
    67: ("no service manager, or a hung worker", "nothing happens, or the watchdog restarts the daemon"),
    68: ("the watcher itself is silent", "shown by status, metrics, health and a heartbeat"),
    69: ("a release that cannot be judged or stored", "it never counts as accepted; a failed check with a reason"),
    70: ("text that makes a pattern or a comparison slow", "every step takes time in proportion to the bytes"),
    71: ("a clock that is wrong, once or often", "releases in the order seen; each alerted; nothing is put off"),
    72: ("any exception while one source is checked", "a failed check of that source; the others are checked and sent"),
    73: ("daemon, check, import, rebuild, backup, decisions at once", "each is alerted once; no decision is lost"),
    74: ("a backup over an older one while a snapshot is damaged or missing", "the good copy stays; exit code 1"),
    75: ("a repository that runs programs or is damaged", "nothing of it is run; what is unreadable is refused alone"),
    76: ("a document, a reply or an error of megabytes", "what is stored, shown or sent is limited; counts stay true"),
    77: ("settings of a source changed after its baseline", "its history is derived again, or the check says why not"),
    78: ("any text where a table is expected", "refused with a reason, or held until the operator decides"),
    79: ("an index that once named odd or thousands of groups", "settled after three reads, or by `accept`"),
    80: ("snapshots or the history are missing", "verify, doctor and the start say so; no silent new baseline"),
    81: ("a large change or document under a limit of memory", "judged in the service's memory, or a failed check"),
    82: ("a mail server that refuses the channel: 530, sender, EHLO, AUTH", "retried as the channel's; redacted"),
    83: ("a private authority, a proxy, no full host name", "settings for all servers alike; the reason in words"),
    84: ("a configuration that is a pipe, of another user, huge or deep", "refused in one line; a reload never hangs"),
    85: ("many servers that drip or hang; a tree of too many files", "no other source or channel waits; a refusal"),
    86: ("text that hides, runs as a formula or becomes a link", "written visibly or quoted in every output"),
}  # fmt: skip

HEAD = """# Faults, and the tests that prove what is promised

`make faults` runs the tests that have `@pytest.mark.fault(…)` and writes this page (`tools/faults_table.py`).

R0: a failed check is recorded in the log of checks and changes nothing else that is stored. It makes no event, keeps
the last good snapshot, and the operators are alerted if the failures continue.

"""


def find_proofs(tests: Path = ROOT / "tests") -> dict[int, list[str]]:
    """Return the tests that are marked for a row, as `path::name`, by row."""
    proofs: dict[int, list[str]] = defaultdict(list)
    for path in sorted(tests.rglob("test_*.py")):
        module = ast.parse(path.read_text("utf-8"), str(path))
        module_rows = [row for node in module.body if isinstance(node, ast.Assign) for row in _module_rows(node)]
        for node in ast.walk(module):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                rows = {*module_rows, *(row for decorator in node.decorator_list for row in _rows(decorator))}
                for row in sorted(rows):
                    proofs[row].append(f"{path.relative_to(tests.parent).as_posix()}::{node.name}")
    return dict(proofs)


def _module_rows(node: ast.Assign) -> Iterator[int]:
    if any(isinstance(target, ast.Name) and target.id == "pytestmark" for target in node.targets):
        for mark in node.value.elts if isinstance(node.value, ast.List | ast.Tuple) else [node.value]:
            yield from _rows(mark)


def _rows(node: ast.expr) -> Iterator[int]:
    """Yield the rows of one `pytest.mark.fault(…)`."""
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.fault":
        for argument in node.args:
            if isinstance(argument, ast.Constant) and isinstance(argument.value, int):
                yield argument.value
            else:
                raise ValueError(f"a row is a number, not {ast.unparse(argument)}")  # noqa: TRY004 - the source is wrong


class Results:
    """A pytest plugin that collects the outcomes of each test function, over all its parameters."""

    def __init__(self) -> None:
        self.outcomes: dict[str, list[str]] = defaultdict(list)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or report.outcome != "passed":
            self.outcomes[report.nodeid.partition("[")[0]].append(report.outcome)

    def worst(self, test: str) -> str:
        """Return the worst outcome of a test in one word."""
        outcomes = self.outcomes.get(test, ["not run"])
        return next((word for word in ("failed", "not run", "skipped") if word in outcomes), "passed")


def render_page(proofs: Mapping[int, Sequence[str]], results: Results) -> str:
    """Return docs/faults.md."""
    lines = ["| # | fault | promise | proved by | result |", "|---|---|---|---|---|"]
    for row, (fault, promise) in ROWS.items():
        tests = proofs.get(row, ())
        words = [results.worst(test) for test in tests]
        summary = ", ".join(f"{words.count(word)} {word}" for word in dict.fromkeys(sorted(words))) or "**no test**"
        names = "<br>".join(f"`{test.removeprefix('tests/').replace('::test_', ' ')}`" for test in tests)
        lines.append(f"| {row} | {_escape(fault)} | {_escape(promise)} | {names} | {summary} |")
    return HEAD + "\n".join(lines) + "\n"


def _escape(text: str) -> str:
    return text.replace("<", "&lt;").replace("|", "\\|")


def main() -> int:
    proofs = find_proofs()
    results = Results()
    tests = sorted({test for names in proofs.values() for test in names})
    code = pytest.main(["-q", "-p", "no:cacheprovider", "--numprocesses", "auto", *tests], plugins=[results])
    TABLE.write_text(render_page(proofs, results), "utf-8")
    missing = [row for row in ROWS if row not in proofs]
    print(
        f"{TABLE.relative_to(ROOT)}: {len(ROWS) - len(missing)} rows proved by {len(tests)} tests; without: {missing}"
    )
    return int(code) or bool(missing)


if __name__ == "__main__":
    sys.exit(main())
