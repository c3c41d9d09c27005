"""Every recipe of docs/recipes.md reads a small table of its shape and says what changed in it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from watcher.config.load import load
from watcher.core.read_settings import ReadSettings
from watcher.formats.catalog import FORMATS
from watcher.registries.catalog import EVENT_IDS, REGISTRIES
from watcher.reports.file_diff import InputFile, compare_files

PAGE = (Path(__file__).resolve().parents[2] / "docs/recipes.md").read_text("utf-8")
BLOCKS = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
RECIPES: dict[str, dict[str, Any]] = {
    source["name"]: source for block in BLOCKS for source in tomllib.loads(block)["source"]
}

# By the name of the recipe: an old and a new table, and the sentences of the difference.
TABLES = {
    "kev": (
        ('{"title": "t", "count": 1, "vulnerabilities": [{"cveID": "CVE-1", "vendorProject": "Acme", '
        '"vulnerabilityName": "Acme X Overflow", "notes": "", "cwes": ["CWE-1"]}]}'),
        ('{"title": "t", "count": 1, "vulnerabilities": [{"cveID": "CVE-2", "vendorProject": "Acme", '
        '"vulnerabilityName": "Acme Y Overflow", "notes": "", "cwes": ["CWE-1"]}, {"cveID": "CVE-1", '
        '"vendorProject": "Acme", "vulnerabilityName": "Acme X Overflow", "notes": "n", "cwes": ["CWE-1", "CWE-2"]}]}'),
        ["CVE-2 Acme Y Overflow added", "CVE-1 Acme X Overflow: notes added: n, cwes CWE-1 → CWE-1, CWE-2"],
    ),
    "oui": (
        'Registry,Assignment,Organization Name,Organization Address\r\nMA-L,0050C2,"Two, Inc.","1 Road\r\nTown"\r\n',
        ('Registry,Assignment,Organization Name,Organization Address\r\nMA-L,00AABB,Other,x\r\n'
        'MA-L,0050C2,"Two, Inc.","1 Road\r\nTown"\r\n'),
        ["00AABB Other added"],
    ),
    "tlds": (
        "# Version 2026010100, Last Updated Thu Jan  1 07:07:01 2026 UTC\nAAA\nABB\nXN--P1AI\n",
        "# Version 2026010200, Last Updated Fri Jan  2 07:07:01 2026 UTC\nAAA\nABB\nABLE\nXN--P1AI\n",
        ["ABLE added"],
    ),
    "apnic": (
        ("#\n# terms\n2.3|apnic|20260101|2|19830101|20251231|+1000\napnic|*|asn|*|1|summary\napnic|*|ipv4|*|1|summary\n"
        "apnic|JP|asn|173|1|20020801|allocated|A1\napnic|AU|ipv4|1.0.0.0|256|20110811|assigned|A2|e-stats\n"),
        ("#\n# terms\n2.3|apnic|20260102|3|19830101|20260101|+1000\napnic|*|asn|*|1|summary\napnic|*|ipv4|*|2|summary\n"
        "apnic|JP|asn|173|1|20020801|allocated|A1\napnic|AU|ipv4|1.0.0.0|256|20110811|assigned|A9|e-stats\n"
        "apnic|CN|ipv4|1.0.1.0|256|20110414|allocated|A3\n"),
        ["ipv4 1.0.1.0 CN added", "ipv4 1.0.0.0 AU: holder A2 → A9"],
    ),
    "suffixes": (
        "// terms\n\n// ===BEGIN ICANN DOMAINS===\n\n// ac : https://nic.ac\nac\n*.ck\n!www.ck\n",
        "// terms\n\n// ===BEGIN ICANN DOMAINS===\n\n// ac : https://nic.ac\nac\ncom.ac\n*.ck\n!www.ck\n",
        ["com.ac added"],
    ),
    "rdap-dns": (
        ('{"version": "1.0", "publication": "2026-01-01", "services": [[["aa", "bb"], ["https://rdap.one/"]], '
        '[["cc"], ["https://rdap.two/", "http://rdap.two/"]]]}'),
        ('{"version": "1.0", "publication": "2026-01-01", "services": [[["aa", "bb", "dd"], ["https://rdap.one/"]], '
        '[["cc"], ["https://rdap.two/", "http://rdap.two/"]], [["museum"], ["https://rdap.three/"]]]}'),
        ["dd added", "museum added"],
    ),
    "mime-db": (
        '{"text/a": {"source": "iana", "extensions": ["a", "aa"]}, "text/b": {"source": "apache"}}',
        '{"text/a": {"source": "iana", "extensions": ["a"]}, "text/b": {"source": "iana"}, "text/c": {}}',
        ["text/c added", "text/a", "text/b"],
    ),
    "unicode": (
        '0022;QUOTATION MARK;Po;0;ON;;;;;N;;;;;\n0041;LATIN CAPITAL LETTER A;Lu;0;L;;;;;N;;;;0061;\n',
        ('0022;QUOTATION MARK;Po;0;ON;;;;;N;;;;;\n0041;LATIN CAPITAL LETTER A;Lu;0;L;;;;;Y;;;;0061;\n'
        "1FAE9;FACE WITH BAGS UNDER EYES;So;0;ON;;;;;N;;;;;\n"),
        ["1FAE9 FACE WITH BAGS UNDER EYES added", "0041 LATIN CAPITAL LETTER A: mirrored N → Y"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_reads_its_table(name: str) -> None:
    old, new, sentences = TABLES[name]
    recipe = RECIPES[name]
    comparison = compare_files(
        InputFile(name="old", data=old.encode()),
        InputFile(name="new", data=new.encode()),
        registry=recipe["registry"],
        format=recipe["format"],
        settings=ReadSettings.from_table(recipe),
    )
    summaries = [event.summary for event in comparison.events]
    assert len(summaries) == len(sentences), summaries
    for summary, beginning in zip(summaries, sentences, strict=True):
        assert summary.startswith(beginning)


def test_every_recipe_is_a_valid_configuration(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text("".join(BLOCKS))
    settings = load(config, registries=REGISTRIES, formats=FORMATS, events=EVENT_IDS)
    assert [source.name for source in settings.source] == [*TABLES]
