"""What was tried for speed and did not stay, for the page of the benchmarks."""

from __future__ import annotations

from bench.measuring import Part

_TEXT = """Record 44 of [decisions.md](decisions.md) lists every trick with the CPU time without it; record 53 those of
imports and files.

- Two small registry groups: the time is that of starting Python, click and the rules. Loading less for a comparison of
  two files saves 7 of 140 ms, and was left.
- Two port files in CSV with `--registry ports`: reading and digesting every row is the work. Only XML is cut down
  before it is read.
- One sync for all snapshots of an import in place of one for each: Python has no `syncfs`, and `sync` waits for other
  file systems too.
- Import of shuffled releases with one command each: every release is compared with both of its neighbours. An import
  that derives the history once after several commands was not built."""


def describe() -> Part:
    return Part(text=_TEXT)
