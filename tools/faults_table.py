#!/usr/bin/env python3
"""Write docs/faults.md from the tests: each fault, what is promised, the tests that prove it, their result.

`faults_table.py` runs the tests that carry `@pytest.mark.fault(…)`, but slow ones, and writes the table. Which tests
prove which row is read from their source (`proofs`), so that the suite can hold the table to it without running them.
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

# The fault, and what is promised: R0 is the rule above the table.
ROWS: Mapping[int, tuple[str, str]] = {
    1: ("no address, refused, reset, broken handshake", "R0, tried again with growing pauses inside the check's time"),
    2: ("a certificate that is not good", "R0, not tried again, never without TLS"),
    3: ("silence before the answer", "R0 after the read timeout"),
    4: ("an answer that drips", "R0 at the deadline of the whole check"),
    5: ("a body that is shorter than announced", "noticed, fetched again whole, else R0"),
    6: ("gzip that is cut, damaged or has a tail", "noticed by our own inflating, R0"),
    7: ("a cut that only the format can notice", "R0: a document has an end, and it must be there"),
    8: ("a bomb, an unknown or stacked encoding", "R0 at the limit, memory bounded"),
    9: ("HTTP that is none: giant or very many headers, bad lengths", "R0"),
    10: ("redirects in a circle, too many, elsewhere, down to http", "refused unless allowed; the last URL is kept"),
    11: ("an address inside our network, however written or resolved", "refused by the address that was reached"),
    12: ("304 for what we do not have", "asked once more without a condition"),
    13: ("the same bytes under new validators", "no release; the validators are kept"),
    14: ("validators that change or are missing", "the content decides"),
    15: ("an older release again", "held, no alert; taken as a return where it stays"),
    16: ("two servers that take turns", "told once a content, none taken for new"),
    17: ("429 or 503 with any Retry-After", "kept to, between a minute and a day, by the schedule"),
    18: ("404, 410, 451, 403", "R0, and an alert of its own where it goes on"),
    19: ("a page of HTML, or another document, in place of the data", "R0"),
    20: ("nothing at all", "R0; never \"everything removed\""),
    21: ("not well formed, or unclosed", "R0 with the place"),
    22: ("another encoding than is said, NUL, invalid UTF-8", "decoded strictly or R0"),
    23: ("entities, DOCTYPE, XInclude", "refused; no file and no address is touched"),
    24: ("depth, width and length without end", "refused in bounded time and memory"),
    25: ("a schema that changed", "snapshot kept, unknown columns kept and reported"),
    26: ("a key twice, another order, rows that moved", "a multiset; order is no change; a move is told as one"),
    27: ("only written otherwise", "the same release, another snapshot"),
    28: ("very much at once", "held until it is served again, with counts"),
    29: ("ranges, hex, dates that are none or to come", "kept as text; what cannot be read as a number is none"),
    30: ("CSV that is ragged or quoted oddly", "read strictly, R0 with the line"),
    31: ("HTML and links in registry text", "escaped wherever HTML is written (there are no web pages yet)"),
    32: ("text that would become a mail header", "made harmless, the mail is sent; no header is ever added"),
    33: ("a cell that a spreadsheet computes", "a quote before it, unless --raw"),
    34: ("escape sequences, text that turns around or hides", "shown as <U+202E>"),
    35: ("control characters in JSON and XML", "escaped; always well formed (feeds do not exist yet)"),
    36: ("template syntax in registry text", "never computed (there are no user templates)"),
    37: ("ids that are paths", "refused where they are read; files are named by their hash"),
    38: ("a difference of megabytes in one message", "cut, counted, within 20,000 bytes for a webhook"),
    39: ("killed between commit and send", "sent after the restart"),
    40: ("killed between send and mark", "sent again under the same id"),
    41: ("two daemons on one store", "a message has one sender at a time"),
    42: ("every answer of a mail server", "tried again, given up, or not sent in the clear"),
    43: ("some recipients refused", "a state for each; only they are tried again"),
    44: ("every answer of a webhook's receiver", "Standard Webhooks; 410 switches it off and tells the operator"),
    45: ("a receiver that is gone for days", "ten tries over three days, kept, resent by hand"),
    46: ("a broken channel", "no other waits for it; told over another"),
    47: ("secrets that are rotated, clocks that differ", "both signatures; times in UTC"),
    48: ("very many registries change at once", "few messages a channel"),
    49: ("silence, and an address subscribed twice", "kept, counted, not sent; one message an address"),
    50: ("killed at any point of a check", "the history is whole; the check is done again"),
    51: ("power loss", "what was acknowledged is there"),
    52: ("no room, no write, no descriptor", "the check fails, the daemon lives, and goes on without a restart"),
    53: ("others at the history", "bounded waiting; no write is lost"),
    54: ("a damaged history or snapshot", "no start, and the way out; `verify` finds every one"),
    55: ("an old or a newer schema, a migration that is killed", "one transaction after a copy; newer is refused"),
    56: ("a backup while others write; a restore", "whole and checked; nothing is ever unpacked"),
    57: ("one source that hangs, memory, threads", "a limit for each; counted and told"),
    58: ("a clock that jumps", "the schedule follows within a minute, without a burst"),
    59: ("a week of downtime", "one check a source, spread"),
    60: ("a check longer than its interval", "no second one beside it; counted"),
    61: ("a configuration that is wrong", "every error with its place; the old one stays in force"),
    62: ("files that others can write or read", "refused, configuration and secrets (there are no hooks)"),
    63: ("secrets where they do not belong", "only named in the configuration; redacted in logs and errors"),
    64: ("the web's attacks", "there are no pages yet, and nothing listens unless it is told to"),
    65: ("questions that are attacks", "parameters only, bounded; one clear line (there is no web API yet)"),
    66: ("signals while something is under way", "finished or rolled back in time"),
    67: ("no service manager, or a hung worker", "nothing happens, or the watchdog restarts it"),
    68: ("our own silence", "told by status, metrics, health and a heartbeat"),
}  # fmt: skip

HEAD = """# Faults, and the tests that prove what is promised

Made by `tools/faults_table.py` of the tests that carry `@pytest.mark.fault(…)`; `make faults` makes it again.

R0: a failed check changes nothing that is stored but the record of checks, makes no event, keeps the last good
snapshot, and is told to the operator when it goes on.

"""


def proofs(tests: Path = ROOT / "tests") -> dict[int, list[str]]:
    """Return the tests that say that they prove a row, as `path::name`, by row."""
    found: dict[int, list[str]] = defaultdict(list)
    for path in sorted(tests.rglob("test_*.py")):
        module = ast.parse(path.read_text("utf-8"), str(path))
        whole = [row for node in module.body if isinstance(node, ast.Assign) for row in _module_rows(node)]
        for node in ast.walk(module):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                rows = {*whole, *(row for each in node.decorator_list for row in _rows(each))}
                for row in sorted(rows):
                    found[row].append(f"{path.relative_to(tests.parent).as_posix()}::{node.name}")
    return dict(found)


def _module_rows(node: ast.Assign) -> Iterator[int]:
    if any(isinstance(target, ast.Name) and target.id == "pytestmark" for target in node.targets):
        for each in node.value.elts if isinstance(node.value, ast.List | ast.Tuple) else [node.value]:
            yield from _rows(each)


def _rows(node: ast.expr) -> Iterator[int]:
    """The rows of one `pytest.mark.fault(…)`."""
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.fault":
        for each in node.args:
            if isinstance(each, ast.Constant) and isinstance(each.value, int):
                yield each.value
            else:
                raise ValueError(f"a row is a number, not {ast.unparse(each)}")  # noqa: TRY004 - the source is wrong


class Results:
    """A plugin that keeps what came of each test function, over all its parameters."""

    def __init__(self) -> None:
        self.outcomes: dict[str, list[str]] = defaultdict(list)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or report.outcome != "passed":
            self.outcomes[report.nodeid.partition("[")[0]].append(report.outcome)

    def of(self, test: str) -> str:
        """One word: the worst that came of it."""
        seen = self.outcomes.get(test, ["not run"])
        return next((word for word in ("failed", "not run", "skipped") if word in seen), "passed")


def document(found: Mapping[int, Sequence[str]], results: Results) -> str:
    """Return docs/faults.md."""
    lines = ["| # | fault | promised | proved by | result |", "|---|---|---|---|---|"]
    for row, (fault, promise) in ROWS.items():
        tests = found.get(row, ())
        words = [results.of(test) for test in tests]
        told = ", ".join(f"{words.count(word)} {word}" for word in dict.fromkeys(sorted(words))) or "**no test**"
        names = "<br>".join(f"`{test.removeprefix('tests/').replace('::test_', ' ')}`" for test in tests)
        lines.append(f"| {row} | {_plain(fault)} | {_plain(promise)} | {names} | {told} |")
    return HEAD + "\n".join(lines) + "\n"


def _plain(text: str) -> str:
    return text.replace("<", "&lt;").replace("|", "\\|")


def main() -> int:
    found = proofs()
    results = Results()
    tests = sorted({test for each in found.values() for test in each})
    code = pytest.main(["-q", "-p", "no:cacheprovider", "--numprocesses", "auto", *tests], plugins=[results])
    TABLE.write_text(document(found, results), "utf-8")
    missing = [row for row in ROWS if row not in found]
    print(
        f"{TABLE.relative_to(ROOT)}: {len(ROWS) - len(missing)} rows proved by {len(tests)} tests; without: {missing}"
    )
    return int(code) or bool(missing)


if __name__ == "__main__":
    sys.exit(main())
