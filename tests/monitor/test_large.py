"""A registry of a million records is ingested and compared in bounded memory, each in its own process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

MOST = 1500  # MB
RECORDS = 1_000_000
CHANGED = 1000

SCRIPT = """
import sys
from pathlib import Path
from watcher.core.read_settings import ReadSettings
from watcher.store.snapshot_archive import SnapshotArchive
from watcher.monitor.candidate import Candidate
from watcher.monitor.ingest import ReleaseIngest
from watcher.monitor.source_parts import assemble_parts
from watcher.store.store import Store

folder, format, records, changed = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])

def document(revised):
    path = folder / "served"
    with path.open("w") as file:
        if format == "csv":
            file.write("Value,Name,Description,Reference\\n")
        else:
            file.write('<registry xmlns="http://www.iana.org/assignments" id="x"><title>t</title><registry id="y">')
        for n in range(records):
            text = f"The description of {n}" + " revised" * (revised and n % (records // changed) == 0)
            if format == "csv":
                file.write(f"{n},name-{n},{text},[RFC{n % 9000}]\\n")
            else:
                file.write(f'<record date="2020-01-01"><value>{n}</value><name>name-{n}</name>\\n')
                file.write(f'<description>{text}</description><xref type="rfc" data="rfc{n % 9000}"/></record>\\n')
        if format == "xml":
            file.write("</registry></registry>")
    return path.read_bytes()

with Store(folder / "history.db") as store:
    archive = SnapshotArchive(folder / "snapshots")
    settings = ReadSettings(registry="iana", format=format)
    ingest = ReleaseIngest(assemble_parts("big", settings=settings, store=store, archive=archive))
    for number in range(2):
        at = f"2020-01-0{number + 1}T00:00:00Z"
        taken = ingest.ingest(Candidate(data=document(number), origin="test", observed=at, live=True))
# Not ru_maxrss, which begins with the memory of the process that started this one.
memory = int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) // 1024
print(taken.outcome, len(taken.comparison.changes.changes), memory)
"""


def ingest_two(folder: Path, format: str, records: int, changed: int) -> tuple[str, int, int]:  # noqa: A002
    """Ingest two releases in another process: the outcome of the second, its changes, and the memory in MB."""
    command = [sys.executable, "-c", SCRIPT, str(folder), format, str(records), str(changed)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-1000:]
    outcome, changes, memory = done.stdout.split()
    return outcome, int(changes), int(memory)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("format", ["csv", "xml"])
def test_a_million_records_are_ingested_and_compared(tmp_path: Path, format: str) -> None:  # noqa: A002
    outcome, changes, memory = ingest_two(tmp_path, format, RECORDS, CHANGED)
    assert (outcome, changes) == ("changed", CHANGED)
    assert memory < MOST


@pytest.mark.parametrize("format", ["csv", "xml"])
def test_a_record_takes_little_memory(tmp_path: Path, format: str) -> None:  # noqa: A002
    folders = [tmp_path / name for name in ("few", "many")]
    for folder in folders:
        folder.mkdir()
    few, many = (
        ingest_two(folder, format, records, 10)[2] for folder, records in zip(folders, (1000, 11_000), strict=True)
    )
    # With the snapshot, its compressor and twice the release a record takes some 2 to 3 KB here, and once took 6.
    assert (many - few) * 1024 / 10_000 < 4.5
