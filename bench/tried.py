"""What was tried for speed and did not stay, for the page of the benchmarks."""

from __future__ import annotations

from bench.measuring import Part

_TEXT = """Record 44 of [decisions.md](decisions.md) lists every trick with the CPU time without it; record 53 those of
imports and files.

- Two small registry groups: the time is that of starting Python, click, msgspec and the rules.
- Tables (record 55): cells that need no folding recognized a row at a time, and lines handed to Python's `csv` module
  64 kB at a time, saved 3 % of reading. Cutting tables down by their bytes before they are read, as XML port files are,
  would need the quotes, line breaks and key columns of every dialect twice.
- One sync for all snapshots of an import in place of one for each: Python has no `syncfs`, and `sync` waits for other
  file systems too.
- Import of shuffled releases with one command each: every release is compared with both of its neighbours. An import
  that derives the history once after several commands was not built."""


def describe() -> Part:
    return Part(text=_TEXT)
