"""The tables that new users try first, in small: counts as an own reading has them, headlines that name the thing."""

from __future__ import annotations

import csv
import io
from collections import Counter
from typing import NamedTuple

import pytest

from tests.support import real_data
from watcher.core.model import Section
from watcher.diff.classify import explain
from watcher.diff.content import read_content
from watcher.registries.base import with_key
from watcher.registries.catalog import REGISTRIES


class Table(NamedTuple):
    """Two releases of a table, its key, and a headline for each kind of change."""

    key: str
    head: str
    old: tuple[str, ...]
    new: tuple[str, ...]
    headlines: tuple[str, ...]


KEV = Table(
    "cveID",
    "cveID,vendorProject,product,vulnerabilityName,dateAdded,knownRansomwareCampaignUse",
    (
        "CVE-2031-1001,Toymaker,Browser,Toymaker Browser Loader Insufficient Policy Vulnerability,2031-05-01,Unknown",
        "CVE-2031-1002,Acme,Router,Acme Router Path Traversal Vulnerability,2031-05-02,Unknown",
        "CVE-2031-1003,Acme,Switch,Acme Switch Command Injection Vulnerability,2031-05-02,Unknown",
    ),
    (
        "CVE-2031-2001,Toymaker,Browser,Toymaker Browser Engine Out-of-Bounds Write Vulnerability,2031-06-05,Unknown",
        "CVE-2031-1002,Acme,Router,Acme Router Path Traversal Vulnerability,2031-05-02,Known",
        "CVE-2031-1003,Acme,Switch,Acme Switch Command Injection Vulnerability,2031-05-02,Unknown",
    ),
    (
        "CVE-2031-1001 Toymaker Browser Loader Insufficient Policy Vulnerability removed",
        "CVE-2031-1002 Acme Router Path Traversal Vulnerability: knownRansomwareCampaignUse Unknown → Known",
        "CVE-2031-2001 Toymaker Browser Engine Out-of-Bounds Write Vulnerability added",
    ),
)
OUI = Table(
    "Assignment",
    "Registry,Assignment,Organization Name,Organization Address",
    (
        "MA-L,A0B1C2,Toy Radio LLC,1 Toy Street Toytown US 10001",
        "MA-L,A0B1C3,Acme Networks,2121 Center Drive Morrisville US 27560",
        "MA-L,A0B1C4,Acme Networks,2121 Center Drive Morrisville US 27560",
    ),
    (
        "MA-L,A0B1D9,Human Machines Inc.,9 Long Road Newtown US 20002",
        "MA-L,A0B1C3,Acme Networks,7 Other Drive Morrisville US 27560",
        "MA-L,A0B1C4,Acme Networks,2121 Center Drive Morrisville US 27560",
    ),
    ("A0B1C2 Toy Radio LLC removed", "A0B1C3 Acme Networks: Organization Address", "A0B1D9 Human Machines Inc. added"),
)
COUNTRIES = Table(
    "ISO",
    "FIFA,ISO,Name,Capital",
    (
        "TOY,TY,Toyland,Toytown",
        ",AQ,Icy Land,",
        "ACM,AC,Acmeland,Acme City",
        "BRV,BV,Bravoland,Bravo",
        ",HM,Heard Rocks,",
        "DLT,DL,Delta,Delta City",
    ),
    (
        "TOY,TY,Toyland,Newtown",
        "ACM,AC,Acmeland,Acme City",
        "BRV,BV,Bravoland,Bravo",
        ",HM,Heard Rocks,",
        "DLT,DL,Delta,Delta City",
        "CUW,CW,Curly Island,Willem",
    ),
    ("AQ Icy Land removed", "CW Curly Island added", "TY Toyland: Capital Toytown → Newtown"),
)
PYPI = Table(
    "project",
    "download_count,project",
    ("1000,toybox", "993,requestor", "993,numbers", "951,piper"),
    ("1010,toybox", "993,requestor", "1000,numbers", "944,setter"),
    ("numbers: download_count 993 → 1000", "piper removed", "setter added", "toybox: download_count 1000 → 1010"),
)
TABLES = {"kev": KEV, "oui": OUI, "country-codes": COUNTRIES, "top-pypi": PYPI}


def data(head: str, rows: tuple[str, ...]) -> bytes:
    return ("\r\n".join((head, *rows)) + "\r\n").encode()


def own_counts(old: bytes, new: bytes, key: str) -> Counter[str]:
    """Count what was added, modified and removed by the key, with the csv module alone."""
    before, after = (
        {row[key]: row for row in csv.DictReader(io.StringIO(data.decode("utf-8-sig")))} for data in (old, new)
    )
    modified = sum(1 for name in before.keys() & after.keys() if before[name] != after[name])
    counts = {"added": len(after.keys() - before), "modified": modified, "removed": len(before.keys() - after)}
    return +Counter(counts)


def compared(old: bytes, new: bytes, key: str) -> tuple[Counter[str], list[str]]:
    """Return the counts of changed entries, and the sentences in order."""
    rules = with_key(REGISTRIES["iana"], (key,) if key else ())
    changes, events = explain(rules, read_content(old, rules, "csv"), read_content(new, rules, "csv"))
    kinds = Counter(str(change.kind) for change in changes.changes if change.section is Section.ENTRY)
    return kinds, sorted(event.summary for event in events)


@pytest.mark.parametrize("is_declared", [True, False], ids=["declared key", "chosen key"])
@pytest.mark.parametrize("name", TABLES)
def test_counts_and_headlines_are_right(name: str, is_declared: bool) -> None:
    table = TABLES[name]
    old, new = data(table.head, table.old), data(table.head, table.new)
    counts, sentences = compared(old, new, table.key if is_declared else "")
    assert counts == own_counts(old, new, table.key)
    assert len(sentences) == len(table.headlines)
    for sentence, headline in zip(sentences, table.headlines, strict=True):
        assert sentence.startswith(headline)


CASES = [
    ("02-unrelated-rows-paired/kev", "cveID"),
    ("02-unrelated-rows-paired/oui", "Assignment"),
    ("04-guessed-key/fifa", "ISO"),
    ("04-guessed-key/fifa2", "ISO"),
    ("04-guessed-key/measure", "project"),
    ("22-unreadable-titles/kev", "cveID"),
    ("22-unreadable-titles/oui", "Assignment"),
]


@pytest.mark.parametrize("is_declared", [True, False], ids=["declared key", "chosen key"])
@pytest.mark.parametrize(("case", "key"), CASES)
def test_counts_of_real_rows_are_right(case: str, key: str, is_declared: bool) -> None:
    files = [real_data.DATA.parent / "cases" / f"{case}-{age}.csv" for age in ("old", "new")]
    if not all(file.exists() for file in files):
        pytest.skip(f"no real data: ../shared/cases/{case}-*.csv are not beside this checkout")
    old, new = (file.read_bytes() for file in files)
    counts, _ = compared(old, new, key if is_declared else "")
    assert counts == own_counts(old, new, key)
