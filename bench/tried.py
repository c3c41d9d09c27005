"""What was tried for speed and did not stay, for the page of the benchmarks."""

from __future__ import annotations

from bench.measuring import Part

_TEXT = """Record 44 of [decisions.md](decisions.md) lists every trick with the CPU time without it; record 53 those of
imports and files.

- Two small registry groups: importing click and msgspec takes 207 million instructions (valgrind), the whole script 175
  and ours 498. Compiling every pattern at its first use, of which 59 of 91 are not used then, saves 9 % and would be a
  class of our own for all of them; the garbage collector costs nothing here.
- Tables (record 55): to recognize the cells that need no folding for a whole row at once, and to hand lines to Python's
  `csv` module 64 kB at a time, saved 3 % of reading. To leave out rows by their bytes before they are read, as is done
  for XML port files, two pieces of code would have to read the quotes, line breaks and key columns of every dialect.
- One sync for all snapshots of an import in place of one for each: Python has no `syncfs`, and `sync` waits for other
  file systems too.
- Import of releases with one command each: backwards it takes 1.09 times as long as forwards (30 port releases: 46.6
  and 42.9 CPU s, 2.5 with one command). Each command reads the release before it, whatever the order, so an import that
  only archives, and derives the history later, would save a tenth. It was not built."""


def describe() -> Part:
    return Part(text=_TEXT)
