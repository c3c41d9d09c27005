#!/usr/bin/env python3
"""Fail if a word that docs/glossary.md retired comes back: `make lint` runs it.

The table "Retired words" of the glossary is the configuration: a regular expression, where it is searched (names,
prose) and what to write instead.
"""

from __future__ import annotations

import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
GLOSSARY = ROOT / "docs" / "glossary.md"
_SUFFIXES = (".py", ".md", ".toml", ".html", ".sql", ".service", ".timer")
_GENERATED = ("docs/benchmarks.md",)
_EXEMPT = ("docs/glossary.md", "tests/tools/test_check_words.py")  # they name the words


@dataclass(frozen=True, slots=True, kw_only=True)
class RetiredWord:
    """One row of the table. `pattern` is matched in lower case."""

    pattern: re.Pattern[str]
    in_names: bool
    in_prose: bool
    instead: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """A retired word in a file; `line` counts from 1."""

    path: str
    line: int
    word: str
    instead: str


def retired_words(glossary: str) -> list[RetiredWord]:
    """Read the table. Raises ValueError if the glossary has none."""
    words = []
    for line in glossary.partition("## Retired words")[2].splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]
        if len(cells) == 3 and cells[0].startswith("`"):
            alternatives = "|".join(re.findall(r"`([^`]+)`", cells[0])).replace("\\|", "|")
            words.append(
                RetiredWord(
                    pattern=re.compile(rf"\b(?:{alternatives})\b"),
                    in_names="names" in cells[1],
                    in_prose="prose" in cells[1],
                    instead=cells[2],
                )
            )
    if not words:
        raise ValueError(f"{GLOSSARY}: no table of retired words")
    return words


def names_and_prose(path: str, text: str) -> Iterator[tuple[int, bool, str]]:
    """Yield (line, whether it is a name, text) for every identifier and every piece of prose of a file."""
    if not path.endswith(".py"):
        yield from ((number, False, line) for number, line in enumerate(text.splitlines(), 1))
        return
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.NAME:
            yield token.start[0], True, re.sub(r"(?<=[a-z0-9])(?=[A-Z])|_", " ", token.string)
        elif token.type == tokenize.COMMENT or (token.type == tokenize.STRING and " " in token.string):
            # A string without a space is data: a column, a key on disk, a member of the JSON contract.
            yield from ((number, False, line) for number, line in enumerate(token.string.splitlines(), token.start[0]))


def uses(path: str, text: str, words: Iterable[RetiredWord]) -> Iterator[Use]:
    """Yield every use of a retired word in a file. Code in backticks is exempt in prose."""
    words = list(words)
    for line, is_name, piece in names_and_prose(path, text):
        searched = piece.lower() if is_name else re.sub(r"`[^`]*`", "", piece).lower()
        for word in words:
            if (word.in_names if is_name else word.in_prose) and (match := word.pattern.search(searched)):
                yield Use(path=path, line=line, word=match[0], instead=word.instead)


def main() -> int:
    words = retired_words(GLOSSARY.read_text("utf-8"))
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S607
    paths = [path for path in listed.stdout.splitlines() if path.endswith(_SUFFIXES)]
    retired = [
        use
        for path in paths
        if path not in (*_GENERATED, *_EXEMPT)
        for use in uses(path, (ROOT / path).read_text("utf-8"), words)
    ]
    for use in retired:
        print(f"{use.path}:{use.line}: {use.word!r} is retired; write {use.instead}", file=sys.stderr)
    return 1 if retired else 0


if __name__ == "__main__":
    sys.exit(main())
