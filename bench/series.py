"""The releases that the bench measures: real ones if there is a copy, else generated ones of any size and number.

Imports nothing of the watcher. Generated releases depend on their seed alone.
"""

from __future__ import annotations

import csv
import io
import random
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
BUNDLE = DATA / "ports-2017-2023.bundle"
FILE = "service-names-port-numbers.xml"
FORMATS = ("xml", "csv")
_GENERATED = 60
_PORTS = 65535
_PEOPLE = 2000
_BLOCK = 5000  # records written at once
_TITLES = (
    "Service Name,Port Number,Transport Protocol,Description,Assignee,Contact,Registration Date,Modification Date,"
    "Reference,Service Code,Unauthorized Use Reported,Assignment Notes\r\n"
)
_HEAD = """<?xml version='1.0' encoding='UTF-8'?>
<registry xmlns="http://www.iana.org/assignments" id="service-names-port-numbers">
  <title>Service Name and Transport Protocol Port Number Registry</title>
  <updated>{date}</updated>
"""
_RECORD = """  <record date="2000-01-01">
    <name>{row.name}</name>
    <protocol>{row.protocol}</protocol>
    <xref type="person" data="Person_{row.person}"/>
    <description>{row.description}</description>
    <number>{row.port}</number>
  </record>
"""


class Row(NamedTuple):
    """One generated record; its name is unique."""

    name: str
    port: int
    protocol: str
    person: int
    description: str


class Registry:
    """A generated port registry that changes from release to release, the same for the same seed."""

    def __init__(self, records: int, *, seed: int = 1) -> None:
        self.release = 0
        self._chance = random.Random(seed)  # noqa: S311 - no secret
        self._made = 0
        self.rows = [self._new() for _ in range(records)]

    @property
    def date(self) -> str:
        return f"{2000 + self.release // 336:04}-{self.release // 28 % 12 + 1:02}-{self.release % 28 + 1:02}"

    def step(self, changed: int) -> None:
        """Make the next release: `changed` rows differ, of which a tenth is removed, and as many are added."""
        self.release += 1
        replaced = changed // 10
        for place in self._chance.sample(range(len(self.rows)), min(changed - 2 * replaced, len(self.rows))):
            row = self.rows[place]
            self.rows[place] = row._replace(description=f"Service {row.name}, revised {self.release}")
        for _ in range(min(replaced, len(self.rows))):
            del self.rows[self._chance.randrange(len(self.rows))]
        self.rows.extend(self._new() for _ in range(replaced))

    def render(self, format: str = "xml") -> Iterator[str]:  # noqa: A002 - the config's word
        """Yield the text of this release in IANA's XML or CSV, block by block."""
        return self._csv() if format == "csv" else self._xml()

    def _new(self) -> Row:
        self._made += 1
        number = self._made
        return Row(
            name=f"service-{number}",
            port=(number // 2) % _PORTS + 1,
            protocol=("tcp", "udp")[number % 2],
            person=self._chance.randrange(_PEOPLE),
            description=f"Service {number}",
        )

    def _xml(self) -> Iterator[str]:
        yield _HEAD.format(date=self.date)
        for start in range(0, len(self.rows), _BLOCK):
            yield "".join(_RECORD.format(row=row) for row in self.rows[start : start + _BLOCK])
        people = "".join(f'    <person id="Person_{n}"><name>Person {n}</name></person>\n' for n in range(_PEOPLE))
        yield f"  <people>\n{people}  </people>\n</registry>\n"

    def _csv(self) -> Iterator[str]:
        yield _TITLES
        for start in range(0, len(self.rows), _BLOCK):
            out = io.StringIO(newline="")
            csv.writer(out).writerows(
                (*row[:3], row.description, *2 * (f"[Person_{row.person}]",), "2000-01-01", *5 * ("",))
                for row in self.rows[start : start + _BLOCK]
            )
            yield out.getvalue()


def generate(*, records: int, releases: int, changed: int = 10, seed: int = 1) -> Iterator[tuple[str, bytes]]:
    """Yield (date, release) of a generated registry, in XML."""
    registry = Registry(records, seed=seed)
    for release in range(releases):
        if release:
            registry.step(changed)
        yield registry.date, "".join(registry.render()).encode()


def write_releases(folder: Path, *, most: int | None = None) -> tuple[list[Path], bool]:
    """Write releases into a folder as DATE.xml; return them, the oldest first, and whether they are real.

    `most` real releases are taken from the middle of the series, where every kind of change occurs.
    """
    folder.mkdir(parents=True)
    if not BUNDLE.exists():
        made = generate(records=14_000, releases=most or _GENERATED)
        return [_written(folder / f"{date}.xml", data) for date, data in made], False
    bare = folder.parent / "releases.git"
    _git("clone", "--quiet", "--bare", str(BUNDLE), str(bare))
    dates = sorted(_git(f"--git-dir={bare}", "tag").decode().split())
    start = max((len(dates) - (most or len(dates))) // 2, 0)
    return [
        _written(folder / f"{date}.xml", _git(f"--git-dir={bare}", "show", f"{date}:{FILE}"))
        for date in dates[start : start + (most or len(dates))]
    ], True


def make_repository(files: Iterable[Path], name: str, place: Path) -> Path:
    """Make a repository in which each file is a commit of `name`, dated by the file's own name."""
    _git("init", "--quiet", "--initial-branch=main", str(place))
    with subprocess.Popen(["git", "-C", str(place), "fast-import", "--quiet"], stdin=subprocess.PIPE) as git:
        assert git.stdin is not None
        for path in files:
            data = path.read_bytes()
            head = f"commit refs/heads/main\ncommitter bench <bench@example.org> {_seconds(path.stem)} +0000\n"
            git.stdin.write(f"{head}data 0\n\nM 100644 inline {name}\ndata {len(data)}\n".encode() + data + b"\n")
    if git.returncode:
        raise SystemExit("git fast-import failed")
    _git("-C", str(place), "reset", "--quiet", "--hard")
    return place


def make_next(data: bytes, date: str) -> bytes:
    """Return a release that follows another one: with this date and one description revised."""
    head, mark, rest = data.partition(b"<updated>")
    _, end, body = rest.partition(b"</updated>")
    before, tag, more = body.partition(b"</description>")
    return head + mark + date.encode() + end + before + b" (revised)" + tag + more


def write_release(path: Path, registry: Registry, format: str = "xml") -> Path:  # noqa: A002 - the config's word
    """Write the present release of a registry block by block, because it may be larger than memory."""
    with path.open("w", encoding="utf-8", newline="") as file:
        file.writelines(registry.render(format))
    return path


def _seconds(date: str) -> int:
    return int(datetime.fromisoformat(date).replace(tzinfo=UTC).timestamp())


def _written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def _git(*arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], check=True, capture_output=True).stdout


def format_dates(files: Sequence[Path]) -> str:
    """Return the first and the last date of some releases."""
    return f"{files[0].stem} to {files[-1].stem}"
