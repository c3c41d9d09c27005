"""A pattern that is compiled at its first use behaves as one that was compiled at once."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import watcher
from watcher.core.patterns import regex

_COMPILE_ALL = """
import pkgutil, re
from contextlib import suppress
from importlib import import_module
import watcher
from watcher.core import patterns
compiled = []
patterns.regex = lambda *arguments: compiled.append(re.compile(*arguments)) or compiled[-1]
for module in pkgutil.walk_packages(watcher.__path__, "watcher."):
    with suppress(ImportError):  # of an extra that is not installed
        import_module(module.name)
print(len(compiled))
"""


def test_a_pattern_has_the_methods_and_attributes_of_a_compiled_one() -> None:
    later, compiled = regex(r"(?P<port>\d+)/TCP", re.IGNORECASE), re.compile(r"(?P<port>\d+)/TCP", re.IGNORECASE)
    assert (later.pattern, later.flags, later.groupindex) == (compiled.pattern, compiled.flags, compiled.groupindex)
    text = "80/tcp, 443/TCP"
    assert later.findall(text) == compiled.findall(text) == ["80", "443"]
    assert later.sub("x", text) == "x, x"
    assert [match["port"] for match in later.finditer(text)] == ["80", "443"]
    assert (later.fullmatch(text), later.split("80/tcp")) == (None, ["", "80", ""])
    assert regex(rb"\d").search(b"a1").start() == 1  # type: ignore[union-attr]


def test_a_pattern_is_compiled_at_its_first_use() -> None:
    pattern = regex("(")
    with pytest.raises(re.error):
        pattern.search("x")


def test_all_patterns_of_the_package_compile() -> None:
    run = subprocess.run([sys.executable, "-c", _COMPILE_ALL], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert int(run.stdout) > 150


def test_no_module_compiles_a_pattern_when_it_is_imported() -> None:
    root = Path(watcher.__file__).parent
    texts = {path: path.read_text("utf-8") for path in root.rglob("*.py") if path.name != "patterns.py"}
    assert [str(path) for path, text in texts.items() if re.search(r"^\S.*\bre\.compile\(", text, re.MULTILINE)] == []
