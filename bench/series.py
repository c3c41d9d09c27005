"""Releases to measure with: the real ones where they are, else generated ones. Knows where they lie, and no product."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

BUNDLE = Path(__file__).resolve().parents[2] / "shared" / "data" / "ports-2017-2023.bundle"
FILE = "service-names-port-numbers.xml"
_HEAD = """<?xml version='1.0' encoding='UTF-8'?>
<registry xmlns="http://www.iana.org/assignments" id="service-names-port-numbers">
  <title>Service Name and Transport Protocol Port Number Registry</title>
  <updated>{date}</updated>
"""
_RECORD = """  <record date="2000-01-01">
    <name>{name}</name>
    <protocol>{protocol}</protocol>
    <xref type="person" data="Person_{person}"/>
    <description>{description}</description>
    <number>{number}</number>
  </record>
"""


def lay_out(folder: Path, *, most: int | None = None) -> tuple[list[Path], Path | None]:
    """Write releases into a folder as DATE.xml, oldest first; return them, and the repository they are from if real."""
    folder.mkdir(parents=True)
    repository = folder.parent / "releases.git"
    if not BUNDLE.exists():
        return [_written(folder, date, data) for date, data in generate(records=14_000, releases=most or 60)], None
    _git("clone", "--quiet", "--bare", str(BUNDLE), str(repository))
    dates = sorted(_git(f"--git-dir={repository}", "tag").decode().split())[:most]
    return [
        _written(folder, date, _git(f"--git-dir={repository}", "show", f"{date}:{FILE}")) for date in dates
    ], repository


def generate(*, records: int, releases: int, changed: int = 10, seed: int = 1) -> Iterator[tuple[str, bytes]]:
    """Yield (date, release): a port registry of so many records, of which a few change from release to release."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    rows = {
        number: (f"service-{number}", ("tcp", "udp")[number % 2], chance.randrange(2000), f"Service of {number}")
        for number in range(1, records + 1)
    }
    for release in range(releases):
        for _ in range(changed if release else 0):
            number = chance.randrange(1, records + 1)
            name, protocol, person, _description = rows[number]
            rows[number] = (name, protocol, person, f"Service of {number}, revised {release}")
        date = f"{2000 + release // 336:04}-{release // 28 % 12 + 1:02}-{release % 28 + 1:02}"
        body = "".join(
            _RECORD.format(name=name, protocol=protocol, person=person, description=description, number=number // 2 + 1)
            for number, (name, protocol, person, description) in rows.items()
        )
        people = "".join(f'    <person id="Person_{n}"><name>Person {n}</name></person>\n' for n in range(2000))
        yield date, f"{_HEAD.format(date=date)}{body}  <people>\n{people}  </people>\n</registry>\n".encode()


def _written(folder: Path, date: str, data: bytes) -> Path:
    path = folder / f"{date}.xml"
    path.write_bytes(data)
    return path


def _git(*arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], check=True, capture_output=True).stdout
