"""What was tried for speed and did not stay, for the page of the benchmarks."""

from __future__ import annotations

from bench.measuring import Part

_TEXT = """Record 44 of [decisions.md](decisions.md) lists every trick with the CPU time without it; record 53 those of
imports and files, record 59 those of short commands.

Three targets of an earlier page were replaced: git-history of the XML at least 25 times and a sketch that accepts
broken XML at most 2 times, by those of the tree, the commits and the files; the first and the last release at most
2 times a consecutive pair, by a comparison with polars, because that ratio grows as the start of a command gets faster.
The first two are missed: 23 of 25 and 2.1 of 2.

- Two small registry groups: most of the time is imports of click, msgspec and lxml. To end the process without Python's
  own clean-up (`os._exit`) saved 2 % more than to freeze the garbage collector does; it would skip every exit handler.
- Tables (record 55): to recognize the cells that need no folding for a whole row at once, and to hand lines to Python's
  `csv` module 64 kB at a time, saved 3 % of reading. To leave out rows of any table by their bytes before they are
  read, two pieces of code would have to read the quotes, line breaks and key columns of every dialect. For the columns
  of IANA's ports it is done by cells (record 59).
- One sync for all snapshots of an import in place of one for each: Python has no `syncfs`, and `sync` waits for other
  file systems too.
- Commits: `git cat-file` writes each file through a pipe in pieces of 16 kB, which takes as long as it takes to unpack
  it. No option of it that is safe in a stranger's repository writes larger pieces.
- The archive: level 4 of zstd in place of 3 makes it 1 % smaller and takes 10 % longer; more memory for long matches
  gains as little."""


def describe() -> Part:
    return Part(text=_TEXT)
