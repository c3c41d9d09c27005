"""Every fault has a test, and docs/faults.md names all of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tools.faults_table import ROWS, TABLE, Results, find_proofs, render_page


def test_every_row_has_a_test() -> None:
    assert list(ROWS) == sorted(ROWS)
    assert set(range(1, 69)) <= set(ROWS)
    proofs = find_proofs()
    assert [row for row in ROWS if row not in proofs] == []
    assert set(proofs) <= set(ROWS)


def test_the_page_names_the_tests_of_each_row() -> None:
    written = TABLE.read_text("utf-8")
    for row, tests in find_proofs().items():
        line = next(line for line in written.splitlines() if line.startswith(f"| {row} |"))
        named = [f"tests/{name.replace(' ', '::test_')}" for name in line.split("`")[1::2] if ".py " in name]
        assert named == tests, f"row {row}: run `make faults`"
    assert re.findall(r"\d+ failed", written) == []


def test_marks_of_functions_and_of_modules_are_read(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_a.py").write_text(
        "pytestmark = [pytest.mark.fault(3), pytest.mark.slow]\n@pytest.mark.fault(1, 2)\ndef test_x(): ...\n"
    )
    proofs = find_proofs(tmp_path / "tests")
    assert proofs == {row: ["tests/test_a.py::test_x"] for row in (1, 2, 3)}
    results = Results()
    results.outcomes["tests/test_a.py::test_x"] += ["passed", "skipped"]
    lines = render_page(proofs, results).splitlines()
    assert next(line for line in lines if line.startswith("| 2 |")).endswith("| `test_a.py x` | 1 skipped |")
    assert next(line for line in lines if line.startswith("| 4 |")).endswith("| **no test** |")
    (tmp_path / "tests" / "test_a.py").write_text("@pytest.mark.fault('one')\ndef test_x(): ...\n")
    with pytest.raises(ValueError, match="a row is a number"):
        find_proofs(tmp_path / "tests")
