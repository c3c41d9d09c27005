"""Two releases compared by everything that people compare them with: what it costs, and whether the answer is right."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.answers import (
    Counts,
    Pair,
    Reader,
    no_answer,
    of_csv_diff,
    of_daff,
    of_sqlite_utils,
    of_watcher,
    repeated,
    three_numbers,
    truth,
)
from bench.environment import Environment
from bench.layouts import COLUMNS, KEY, ONE_KEY, lay_csv, lay_json
from bench.measuring import WATCHER, Cost, cost, in_turns, megabytes, table

OURS = "`watcher diff ports OLD NEW`"
POLARS = "polars"
_KEYS = ", ".join(f'"{name}"' for name in KEY)
_ALL = ", ".join(f'"{name}"' for name in COLUMNS)
_SQL = f"""WITH came AS (SELECT {_KEYS} FROM t2 EXCEPT SELECT {_KEYS} FROM t1),
gone AS (SELECT {_KEYS} FROM t1 EXCEPT SELECT {_KEYS} FROM t2),
other AS (SELECT {_ALL} FROM t2 EXCEPT SELECT {_ALL} FROM t1)
SELECT (SELECT count(*) FROM came) AS added, (SELECT count(*) FROM gone) AS removed,
(SELECT count(*) FROM other) - (SELECT count(*) FROM came) AS changed"""  # noqa: S608 - the names are ours


@dataclass(frozen=True, slots=True, kw_only=True)
class Laid:
    """Two releases in every form that a program wants, old and new each."""

    xml: Sequence[Path]
    csv: Sequence[Path]
    one_key: Sequence[Path]
    json: Sequence[Path]


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A program that compares two releases. `package` must be installed for it, "" where nothing must."""

    name: str
    given: str
    command: Callable[[Environment, Laid], Sequence[str]]
    read: Reader = three_numbers
    package: str = ""


PEERS = (
    Peer(name=POLARS, given="CSV", package="polars", command=lambda made, laid: made.program("with_polars", *laid.csv)),
    Peer(
        name="DuckDB", given="CSV", package="duckdb", command=lambda made, laid: made.program("with_duckdb", *laid.csv)
    ),
    Peer(
        name="pandas", given="CSV", package="pandas", command=lambda made, laid: made.program("with_pandas", *laid.csv)
    ),
    Peer(
        name="csv-diff --key",
        given="CSV, the key joined into one column for it",
        package="csv-diff",
        command=lambda made, laid: made.command(
            "csv-diff", *laid.one_key, "--key", ONE_KEY, "--format", "csv", "--json"
        ),
        read=of_csv_diff,
    ),
    Peer(
        name="daff diff --id",
        given="CSV",
        package="daff",
        command=lambda made, laid: made.command("daff", "diff", *_ids(), "--output-format", "csv", *laid.csv),
        read=of_daff,
    ),
    Peer(
        name="sqlite-utils memory",
        given="CSV",
        package="sqlite-utils",
        command=lambda made, laid: made.command(
            "sqlite-utils", "memory", *(f"{path}:csv" for path in laid.csv), _SQL, "--no-detect-types"
        ),
        read=of_sqlite_utils,
    ),
    Peer(
        name="DeepDiff",
        given="JSON",
        package="deepdiff",
        command=lambda made, laid: made.program("with_deepdiff", *laid.json),
    ),
    Peer(
        name="a script: each CSV into a dictionary",
        given="CSV",
        command=lambda made, laid: made.program("with_dicts", *laid.csv),
    ),
    Peer(
        name="a script: ElementTree, each record's texts by key",
        given="XML",
        command=lambda made, laid: made.program("with_xml", *laid.xml),
    ),
    Peer(
        name="`diff`",
        given="XML",
        read=no_answer,
        command=lambda _, laid: ["sh", "-c", 'diff "$1" "$2" >/dev/null; [ $? -le 1 ]', "sh", *map(str, laid.xml)],
    ),
    Peer(
        name="`git diff --no-index --stat`",
        given="XML",
        read=no_answer,
        command=lambda _, laid: [
            "sh",
            "-c",
            'git diff --no-index --stat "$1" "$2"; [ $? -le 1 ]',
            "sh",
            *map(str, laid.xml),
        ],
    ),
    Peer(
        name="hash, well-formedness, split and subtract",
        given="XML",
        read=no_answer,
        command=lambda made, laid: made.program("floor", *laid.xml),
    ),
)


def _ids() -> list[str]:
    return [word for name in KEY for word in ("--id", name)]


def lay(pair: Pair, folder: Path) -> Laid:
    """Write both releases in every form: nobody's time is measured meanwhile."""
    folder.mkdir()
    both = (pair.old, pair.new)
    return Laid(
        xml=both,
        csv=lay_csv(both, folder / "csv"),
        one_key=lay_csv(both, folder / "one-key", one_key=True),
        json=lay_json(both, folder / "json"),
    )


def ours(laid: Laid, store: str) -> dict[str, list[str]]:
    """The watcher's own commands for a pair; `store` is the folder of a history that has both."""
    dates = [path.stem for path in laid.xml]
    return {
        OURS: [*WATCHER, "--config", f"{store}/config.toml", "diff", "ports", *dates],
        "`watcher diff OLD.xml NEW.xml`, no store": [*WATCHER, "diff", *map(str, laid.xml)],
        "`watcher diff OLD.csv NEW.csv`, no store": [*WATCHER, "diff", "--registry", "ports", *map(str, laid.csv)],
    }


def compare(
    pair: Pair, store: Path, folder: Path, peers: Environment, times: int
) -> tuple[str, Mapping[str, Cost], dict[str, str]]:
    """Run everything in turns on a pair; return the text, what each cost, and by name who did not answer rightly."""
    laid = lay(pair, folder / "pair")
    other = repeated(pair, folder / "repeated")
    other_laid = lay(other, folder / "pair-repeated") if other else None
    own = ours(laid, str(store))
    there = [peer for peer in PEERS if peers.has(peer.package)]
    commands = own | {peer.name: peer.command(peers, laid) for peer in there}
    spent = in_turns(commands, folder, times, strict=False)
    true = truth(pair.old.read_bytes(), pair.new.read_bytes())
    true_other = truth(other.old.read_bytes(), other.new.read_bytes()) if other else None
    lines: list[list[object]] = []
    for name, command in own.items():
        again = list(ours(other_laid, "").values())[list(own).index(name)] if other_laid and name != OURS else None
        lines.append(
            [
                *_costs(name, "its store" if name == OURS else "XML" if "xml" in name else "CSV", spent),
                _verdict(cost([*command, "--format", "json"], folder), of_watcher, true),
                _verdict(cost([*again, "--format", "json"], folder), of_watcher, true_other) if again else None,
            ]
        )
    for peer in PEERS:
        if peer not in there:
            lines.append(
                [peer.name, peer.given, None, None, None, None, "not installed: the index did not have it", None]
            )
            continue
        again_cost = cost(peer.command(peers, other_laid), folder, strict=False) if other_laid else None
        lines.append(
            [
                *_costs(peer.name, peer.given, spent),
                _verdict(spent[peer.name], peer.read, true),
                _verdict(again_cost, peer.read, true_other) if again_cost else None,
            ]
        )
    head = ["", "given", "wall s", "CPU s", "peak MB", "wall, ours = 1", "its answer", "its answer on the second pair"]
    second = (
        f"The second pair is {other.what}: {true_other}. " if other else "No key stands twice in it: no second pair. "
    )
    return (
        (
            f"The pair is {pair.what}: {true}. {second}What is counted are rows by their key ({', '.join(KEY)}) as "
            "they stand in IANA's CSV. The truth is our difference of the two CSVs, applied forwards and backwards and "
            "compared with the rows. CSV and JSON were made from the XML beforehand, outside of all times, in IANA's "
            "columns.\n\n" + table(head, lines)
        ),
        spent,
        _remarks(lines),
    )


def _remarks(lines: Sequence[Sequence[object]]) -> dict[str, str]:
    """In a word, what is to say of the answers of two pairs."""
    found = {}
    for line in lines:
        name, first, second = str(line[0]), str(line[-2]), str(line[-1])
        if "no answer" in first:
            found[name] = "no answer"
        elif "wrong" in first:
            found[name] = "wrong"
        elif "wrong" in second:
            found[name] = "wrong on the second pair"
    return found


def _costs(name: str, given: str, spent: Mapping[str, Cost]) -> list[object]:
    found = spent[name]
    return [name, given, found.wall, found.cpu, megabytes(found.memory), found.wall / spent[OURS].wall]


def _verdict(found: Cost, read: Reader, true: Counts | None) -> str:
    """Whether an answer is right; what it was otherwise."""
    if found.failed:
        return f"failed: {found.failed[:160]}"
    if read is no_answer:
        return "no answer about entries"
    try:
        answer = read(found.said)
    except (json.JSONDecodeError, ValueError, KeyError, TypeError):
        answer = None
    if answer is None:
        return f"not understood: {found.said.strip()[:80]!r}"
    return "right" if answer == true else f"**wrong**: {answer}"
