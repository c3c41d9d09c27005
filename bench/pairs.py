"""Compare two releases with the watcher and with other programs: what each costs, and whether its answer is right."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.answers import (
    Counts,
    Pair,
    Reader,
    change_duplicate,
    no_answer,
    read_csv_diff,
    read_daff,
    read_sqlite_utils,
    read_three_numbers,
    read_watcher,
    truth,
)
from bench.environment import Environment
from bench.layouts import COLUMNS, KEY, ONE_KEY, write_csv, write_json
from bench.measuring import WATCHER, Cost, cost, in_turns, megabytes, table

OURS = "`watcher diff ports OLD NEW`"
POLARS = "polars"
_XML, _CSV = "`watcher diff OLD.xml NEW.xml`, no store", "`watcher diff OLD.csv NEW.csv`, no store"
_NOT_INSTALLED = "not installed: the package index does not have it"
_FLOOR, _CSV_DIFF = "hash, well-formedness, split and subtract", "csv-diff --key"
# Of two files: ours, the other program, and how much CPU ours may take relative to it.
FILE_TARGETS = ((_XML, _FLOOR, 3.5), (_CSV, _CSV_DIFF, 1.2), (_CSV, POLARS, 0.8))
_KEYS = ", ".join(f'"{name}"' for name in KEY)
_ALL = ", ".join(f'"{name}"' for name in COLUMNS)
_SQL = f"""WITH new_keys AS (SELECT {_KEYS} FROM t2 EXCEPT SELECT {_KEYS} FROM t1),
old_keys AS (SELECT {_KEYS} FROM t1 EXCEPT SELECT {_KEYS} FROM t2),
new_rows AS (SELECT {_ALL} FROM t2 EXCEPT SELECT {_ALL} FROM t1)
SELECT (SELECT count(*) FROM new_keys) AS added, (SELECT count(*) FROM old_keys) AS removed,
(SELECT count(*) FROM new_rows) - (SELECT count(*) FROM new_keys) AS changed"""  # noqa: S608 - the names are ours


@dataclass(frozen=True, slots=True, kw_only=True)
class PairFiles:
    """Two releases in every form that a program reads, old and new each."""

    xml: Sequence[Path]
    csv: Sequence[Path]
    one_key: Sequence[Path]
    json: Sequence[Path]


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """Another program that compares two releases. It needs the `package`, unless that is ""."""

    name: str
    given: str
    command: Callable[[Environment, PairFiles], Sequence[str]]
    read: Reader = read_three_numbers
    package: str = ""


PEERS = (
    Peer(
        name=POLARS,
        given="CSV",
        package="polars",
        command=lambda environment, files: environment.program("with_polars", *files.csv),
    ),
    Peer(
        name="DuckDB",
        given="CSV",
        package="duckdb",
        command=lambda environment, files: environment.program("with_duckdb", *files.csv),
    ),
    Peer(
        name="pandas",
        given="CSV",
        package="pandas",
        command=lambda environment, files: environment.program("with_pandas", *files.csv),
    ),
    Peer(
        name=_CSV_DIFF,
        given="CSV, the key joined into one column for it",
        package="csv-diff",
        command=lambda environment, files: environment.command(
            "csv-diff", *files.one_key, "--key", ONE_KEY, "--format", "csv", "--json"
        ),
        read=read_csv_diff,
    ),
    Peer(
        name="daff diff --id",
        given="CSV",
        package="daff",
        command=lambda environment, files: environment.command(
            "daff", "diff", *_ids(), "--output-format", "csv", *files.csv
        ),
        read=read_daff,
    ),
    Peer(
        name="sqlite-utils memory",
        given="CSV",
        package="sqlite-utils",
        command=lambda environment, files: environment.command(
            "sqlite-utils", "memory", *(f"{path}:csv" for path in files.csv), _SQL, "--no-detect-types"
        ),
        read=read_sqlite_utils,
    ),
    Peer(
        name="DeepDiff",
        given="JSON",
        package="deepdiff",
        command=lambda environment, files: environment.program("with_deepdiff", *files.json),
    ),
    Peer(
        name="a script: each CSV into a dictionary",
        given="CSV",
        command=lambda environment, files: environment.program("with_dicts", *files.csv),
    ),
    Peer(
        name="a script: ElementTree, each record's texts by key",
        given="XML",
        command=lambda environment, files: environment.program("with_xml", *files.xml),
    ),
    Peer(
        name="`diff`",
        given="XML",
        read=no_answer,
        command=lambda _, files: ["sh", "-c", 'diff "$1" "$2" >/dev/null; [ $? -le 1 ]', "sh", *map(str, files.xml)],
    ),
    Peer(
        name="`git diff --no-index --stat`",
        given="XML",
        read=no_answer,
        command=lambda _, files: [
            "sh",
            "-c",
            'git diff --no-index --stat "$1" "$2"; [ $? -le 1 ]',
            "sh",
            *map(str, files.xml),
        ],
    ),
    Peer(
        name=_FLOOR,
        given="XML",
        read=no_answer,
        command=lambda environment, files: environment.program("floor", *files.xml),
    ),
)


def _ids() -> list[str]:
    return [word for name in KEY for word in ("--id", name)]


def write_pair(pair: Pair, folder: Path) -> PairFiles:
    """Write both releases in every form; the time that this takes is not measured."""
    folder.mkdir()
    both = (pair.old, pair.new)
    return PairFiles(
        xml=both,
        csv=write_csv(both, folder / "csv"),
        one_key=write_csv(both, folder / "one-key", one_key=True),
        json=write_json(both, folder / "json"),
    )


def our_commands(files: PairFiles, store: str) -> dict[str, list[str]]:
    """Return the watcher's commands for a pair; `store` is the folder of a history that has both releases."""
    dates = [path.stem for path in files.xml]
    return {
        OURS: [*WATCHER, "--config", f"{store}/config.toml", "diff", "ports", *dates],
        _XML: [*WATCHER, "diff", *map(str, files.xml)],
        _CSV: [*WATCHER, "diff", "--registry", "ports", *map(str, files.csv)],
    }


def compare(
    pair: Pair, store: Path, folder: Path, peers: Environment, times: int
) -> tuple[str, Mapping[str, Cost], dict[str, str]]:
    """Run all programs in turns; return the text, the costs, and remarks on wrong answers, both by name."""
    files = write_pair(pair, folder / "pair")
    other = change_duplicate(pair, folder / "repeated")
    duplicate_files = write_pair(other, folder / "pair-repeated") if other else None
    own = our_commands(files, str(store))
    installed = [peer for peer in PEERS if peers.has(peer.package)]
    commands = own | {peer.name: peer.command(peers, files) for peer in installed}
    spent = in_turns(commands, folder, times, strict=False)
    true = truth(pair.old.read_bytes(), pair.new.read_bytes())
    true_other = truth(other.old.read_bytes(), other.new.read_bytes()) if other else None
    spares = list(our_commands(duplicate_files, "").values()) if duplicate_files else []
    lines: list[list[object]] = []
    for place, (name, command) in enumerate(own.items()):
        given = "its store" if name == OURS else "XML" if "xml" in name else "CSV"
        verdict = _verdict(cost([*command, "--format", "json"], folder), read_watcher, true)
        second_verdict = None
        if spares and name != OURS:
            second_verdict = _verdict(cost([*spares[place], "--format", "json"], folder), read_watcher, true_other)
        lines.append([*_costs(name, given, spent), verdict, second_verdict])
    for peer in PEERS:
        if peer not in installed:
            lines.append([peer.name, peer.given, *[None] * 4, _NOT_INSTALLED, None])
            continue
        again = cost(peer.command(peers, duplicate_files), folder, strict=False) if duplicate_files else None
        verdict = _verdict(spent[peer.name], peer.read, true)
        second_verdict = _verdict(again, peer.read, true_other) if again else None
        lines.append([*_costs(peer.name, peer.given, spent), verdict, second_verdict])
    head = ["", "given", "wall s", "CPU s", "peak MB", "wall, ours = 1", "answer", "answer on the second pair"]
    second = (
        f"The second pair is {other.label}: {true_other}. "
        if other
        else "No two rows have the same key: no second pair. "
    )
    return (
        (
            f"The pair is {pair.label}: {true}. {second}Rows of IANA's CSV are counted by key ({', '.join(KEY)}). The "
            "true answer is the watcher's difference of the two CSVs, which was applied forwards and backwards and "
            "compared with the rows. CSV and JSON were written from the XML before the measurement, in IANA's "
            "columns.\n\n" + table(head, lines)
        ),
        spent,
        _remarks(lines),
    )


def _remarks(lines: Sequence[Sequence[object]]) -> dict[str, str]:
    """Return a short remark on each program whose answers are not both right."""
    remarks = {}
    for line in lines:
        name, first, second = str(line[0]), str(line[-2]), str(line[-1])
        if "no answer" in first:
            remarks[name] = "no answer"
        elif "wrong" in first:
            remarks[name] = "wrong"
        elif "wrong" in second:
            remarks[name] = "wrong on the second pair"
    return remarks


def _costs(name: str, given: str, spent: Mapping[str, Cost]) -> list[object]:
    cost = spent[name]
    return [name, given, cost.wall, cost.cpu, megabytes(cost.memory), cost.wall / spent[OURS].wall]


def _verdict(run: Cost, read: Reader, true: Counts | None) -> str:
    """Return "right", or what the answer was instead."""
    if run.failed:
        return f"failed: {run.failed[:160]}"
    if read is no_answer:
        return "no answer about entries"
    try:
        answer = read(run.output)
    except (json.JSONDecodeError, ValueError, KeyError, TypeError):
        answer = None
    if answer is None:
        return f"not understood: {run.output.strip()[:80]!r}"
    return "right" if answer == true else f"**wrong**: {answer}"
