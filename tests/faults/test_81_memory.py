"""A check with a large change, or of a document made to cost, stays below the memory that the service may use."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory

import pytest

from tests.support.environment import rows
from tests.support.table_source import TableSource
from watcher.core.errors import NO_THREAD
from watcher.daemon.scheduler import CatchUpOnceTrigger, JobScheduler, NamedThreads
from watcher.monitor.deliver import deliver_all
from watcher.monitor.failures import failed_result, is_fault_of_release

pytestmark = pytest.mark.fault(81)
UNIT = Path(__file__).parents[2] / "systemd" / "registry-watcher.service"
MEMORY = 1024  # MB: `MemoryMax` of the units
LIMIT = 960  # MB: `LimitDATA`
ROWS = 300_000
NOW = datetime(2026, 1, 1, tzinfo=UTC)

# One check in a process of its own; prints its greatest memory in MB. The limits are those of the units: `LimitDATA`,
# and `MemoryMax` by a control group. A limit on the address space would count the stacks of threads, which take none.
SCRIPT = """
import os, resource, sys
from pathlib import Path
from watcher.__main__ import main
limit, group = int(sys.argv.pop(1)) * 2**20, sys.argv.pop(1)
if group:
    (Path(group) / "cgroup.procs").write_text(str(os.getpid()))
if limit:
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
try:
    main()
finally:
    # Not ru_maxrss, which begins with the memory of the process that started this one.
    print(int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) / 1024)
"""


def table(entries: int) -> bytes:
    return b"Value,Name,Description,Reference\n" + b"".join(
        b"%d,name-%d,The description of %d,[RFC%d]\n" % (number, number, number, number % 9000)
        for number in range(entries)
    )


@contextmanager
def memory_group() -> Iterator[Path | None]:
    """Make a control group that kills what uses more than `MEMORY`; None where this user cannot make one."""
    for root, limit in (("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")):
        group = Path(root) / f"registry-watcher-{os.getpid()}"
        try:
            group.mkdir()
        except OSError:
            continue
        try:
            if (group / limit).exists():
                (group / limit).write_text(str(MEMORY * 2**20))
                yield group
                return
        finally:
            group.rmdir()
    yield None


@pytest.fixture
def disk() -> Iterator[Path]:
    """A folder that is in no memory: a control group counts the files of a memory disk as memory of the process."""
    with TemporaryDirectory(dir="/var/tmp", prefix="registry-watcher-") as folder:
        yield Path(folder)


def check(source: TableSource, data: bytes, limit: int = 0) -> tuple[str, float]:
    """Check once and return what was printed, and the memory in MB."""
    source.served.write_bytes(data)
    with memory_group() if limit else nullcontext() as group:
        command = [sys.executable, "-c", SCRIPT, str(limit), str(group or ""), "--config", str(source.config), "check"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout, (done.returncode, done.stderr[-2000:])
    *printed, memory = done.stdout.splitlines()
    return "\n".join([*printed, done.stderr]), float(memory)


def test_the_units_have_the_memory_that_these_tests_assume() -> None:
    for name in ("registry-watcher.service", "registry-watcher-check.service"):
        lines = UNIT.with_name(name).read_text().splitlines()
        assert f"MemoryMax={MEMORY // 1024}G" in lines
        assert f"LimitDATA={LIMIT}M" in lines


def test_a_new_row_takes_so_little_memory_that_300_000_fit(tmp_path: Path) -> None:
    memory = []
    for new in (1_000, 9_000):
        source = TableSource(folder=tmp_path / f"{new}")
        source.check(table(100))
        printed, used = check(source, table(100 + new))
        assert f"{new} added" in printed
        memory.append(used)
    assert memory[0] + (memory[1] - memory[0]) / 8_000 * ROWS < MEMORY


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_300_000_new_rows_are_judged_in_the_memory_of_the_service(disk: Path) -> None:
    source = TableSource(folder=disk)
    check(source, table(1_000))
    printed, used = check(source, table(1_000 + ROWS), limit=LIMIT)
    assert f"{ROWS} added" in printed
    assert used < MEMORY


NOTE = """<registry xmlns="http://www.iana.org/assignments" id="x"><title>t</title><updated>2020-01-0%d</updated>
<note>%s</note><registry id="y"><title>y</title><record><value>1</value></record></registry></registry>"""


@pytest.mark.parametrize("size", [1_000_000, pytest.param(9_000_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("unit", ["word%d ", "paragraph %d\n\n"])
def test_a_note_of_megabytes_is_judged_in_the_memory_of_the_service(disk: Path, unit: str, size: int) -> None:
    source = TableSource(folder=disk, settings={"registry": "iana", "format": "xml"})
    first, second = (
        NOTE % (day, "".join(unit % (number * day) for number in range(size // len(unit)))[:size]) for day in (1, 2)
    )
    source.check(first.encode())
    printed, used = check(source, second.encode(), limit=LIMIT)
    assert "registry-note-changed" in printed
    assert used < MEMORY


@contextmanager
def no_more_threads() -> Iterator[None]:
    """Make the start of every thread fail, as it does without memory for its stack."""
    before = threading.stack_size(2**46)
    try:
        yield
    finally:
        threading.stack_size(before)


def test_messages_are_sent_although_no_thread_can_be_started(tmp_path: Path) -> None:
    source = TableSource(folder=tmp_path)
    channels = "".join(f'[[channel]]\nname = "{n}"\ntype = "file"\npath = "{tmp_path}/{n}"\n' for n in ("a", "b"))
    source.config.write_text(
        channels + source.config.read_text().replace("[[channel]]", "[[channel]]\nenabled = false")
    )
    source.check(table(5))
    source.check(table(6))
    with source.monitor() as monitor, no_more_threads():
        assert deliver_all(monitor).sent == 2
    assert [(tmp_path / name).read_text().count("\n") for name in ("a", "b")] == [1, 1]


# A process in which no thread can be started.
THREADLESS = """
import threading
from watcher.__main__ import main
from watcher.core import runtime
threading.stack_size(2**46)
runtime.use_small_stacks = lambda: None
main()
"""


@pytest.mark.parametrize("command", ["run", "serve"])
def test_a_command_that_needs_a_thread_says_that_there_is_none(tmp_path: Path, command: str) -> None:
    source = TableSource(folder=tmp_path)
    source.config.write_text(source.config.read_text() + '[web]\nlisten = "127.0.0.1:0"\n')
    source.check(table(5))
    done = subprocess.run(
        [sys.executable, "-c", THREADLESS, "--config", str(source.config), command],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (2, f"watcher: error: {NO_THREAD}\n")


def test_a_mail_for_whose_deadline_no_thread_can_be_started_is_a_failed_try(tmp_path: Path) -> None:
    source = TableSource(folder=tmp_path)
    source.config.write_text(source.config.read_text() + "[smtp]\nport = 9\n")
    source.check(table(5))
    source.check(table(6))
    with source.monitor() as monitor, no_more_threads():
        assert deliver_all(monitor).retried == 1
    (row,) = rows(tmp_path / "history.db", "outbox")["outbox"]
    assert NO_THREAD in row["last_error"]


def test_jobs_run_in_the_threads_that_there_are() -> None:
    scheduler, runs = JobScheduler(), SimpleQueue[str]()
    scheduler.start()
    try:
        with no_more_threads():
            for name in ("a", "b", "c"):
                scheduler.add(name, runs.put, CatchUpOnceTrigger(timedelta(hours=1)), NOW, name, own_thread=name == "c")
            assert {runs.get(timeout=20) for _ in range(3)} == {"a", "b", "c"}
    finally:
        scheduler.stop()


def test_a_check_without_a_thread_is_a_fault_of_the_machine_and_not_of_the_release(tmp_path: Path) -> None:
    error = RuntimeError("can't start new thread")
    result = failed_result(error, tmp_path / "history.db")
    assert (result.reason, result.message) == ("system", NO_THREAD)
    assert not is_fault_of_release(error, tmp_path / "history.db")


def test_a_release_for_which_there_is_no_memory_is_not_tried_first_at_each_later_check(tmp_path: Path) -> None:
    assert is_fault_of_release(MemoryError(), tmp_path / "history.db")


def test_a_channel_for_which_no_thread_could_be_started_is_sent_over_as_soon_as_one_can() -> None:
    sent: SimpleQueue[str] = SimpleQueue()
    threads = NamedThreads(2, sent.put)
    with no_more_threads(), pytest.raises(RuntimeError):
        threads.start("a")
    assert sent.empty()
    threads.start("a")
    assert sent.get(timeout=20) == "a"
    threads.close()


HOSTILE_BYTES = 10_000_000
CELL = "x" * 2_000_000


def repeat(unit: str) -> str:
    return unit * (HOSTILE_BYTES // len(unit))


def count(unit: str) -> str:
    """Return the unit with a number in it, again and again, each time with another number."""
    return "".join(unit % number for number in range(HOSTILE_BYTES // (len(unit) + 4)))


def records(unit: str) -> str:
    return (NOTE % (2, "")).replace("<record><value>1</value></record>", count(unit))


# The format of each document, and how to make it.
HOSTILE: dict[str, tuple[str, Callable[[], str]]] = {
    "deep lists": ("json", lambda: repeat("[")),
    "deep objects": ("json", lambda: repeat('{"a":')),
    "one text": ("json", lambda: '[["1", "' + repeat("x") + '"]]'),
    "five long texts": ("json", lambda: "[" + ", ".join(f'["{n}", "{n}{CELL}"]' for n in range(5)) + "]"),
    "numbers": ("json", lambda: "[" + repeat("1,") + "1]"),
    "a wide row": ("json", lambda: "[{" + count('"a%d":1,') + '"b":1}]'),
    "a wide list": ("json", lambda: "[[" + repeat("1,") + "1]]"),
    "a column for each row": ("json", lambda: "[" + count('{"a%d":1},') + "{}]"),
    "empty objects": ("jsonl", lambda: repeat("{}\n")),
    "one cell": ("csv", lambda: "Value,Name\n1," + repeat("x")),
    "five long cells": ("csv", lambda: "Value,Name\n" + "".join(f"{number},{CELL}\n" for number in range(5))),
    "commas": ("csv", lambda: repeat(",")),
    "rows of commas": ("csv", lambda: "Value,Name\n" + repeat(",\n")),
    "rows of one cell": ("csv", lambda: "Value\n" + repeat("1\n")),
    "empty lines": ("lines", lambda: repeat("\n")),
    "many fields": ("record-jar", lambda: "%%\nA: 1\n" + repeat("B: c\n")),
    "a long attribute": ("xml", lambda: (NOTE % (2, "")).replace('id="x"', 'id="' + repeat("x") + '"')),
    "many elements": ("xml", lambda: NOTE % (2, repeat("<a/>"))),
    "deep elements": ("xml", lambda: NOTE % (2, repeat("<a>"))),
    "columns": ("csv", lambda: ",".join(f"c{number}" for number in range(700_000)) + "\n"),
    "999 columns": (
        "csv",
        lambda: "Value,Name" + "".join(f",c{number}" for number in range(997)) + "\n" + count("%d" + "," * 998 + "\n"),
    ),
    "references": ("csv", lambda: "Value,Name,Reference\n3,c," + count("[RFC%d]")[:2_000_000] + "\n"),
    "a nested cell": ("json", lambda: '[{"id":1,"x":[' + count('{"a":%d},')[:2_000_000].rpartition(",")[0] + "]}]"),
    "rows of one value": ("csv", lambda: "Value,Name\n" + count("v%d,\n")),
    "rows of one key": ("csv", lambda: "Value,Name\n" + count("1,n%d\n")),
    "rows of lines": ("jsonl", lambda: count('{"id":%d,"name":"n"}\n')),
    "other lines": ("lines", lambda: count("v%d\n")),
    "records": ("xml", lambda: records('<record date="2020-01-01"><value>%d</value><name>n</name></record>')),
    "registries": (
        "xml",
        lambda: records('</registry><registry id="r%d"><title>t</title><record><value>1</value></record>'),
    ),
    "unknown elements": ("xml", lambda: records("<x%d/>")),
    "folded lines": ("record-jar", lambda: "%%\nA: 1\nB: c\n" + repeat(" w\n")),
}
BEFORE = {
    "json": '[["0", "a"], ["1", "b"]]',
    "jsonl": '{"id": 1}\n{"id": 2}\n',
    "csv": "Value,Name\n1,a\n2,b\n",
    "lines": "a\nb\n",
    "record-jar": "%%\nA: 1\n",
    "xml": NOTE % (1, "note"),
}


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", HOSTILE)
def test_a_document_that_is_made_to_cost_memory_is_checked_in_that_of_the_service(disk: Path, name: str) -> None:
    document_format, make = HOSTILE[name]
    source = TableSource(folder=disk, settings={"registry": "iana", "format": document_format})
    check(source, BEFORE[document_format].encode())
    printed, used = check(source, make().encode(), limit=LIMIT)
    outcomes = rows(disk / "history.db", "checks")["checks"]
    assert outcomes[0]["outcome"] == "baseline"
    assert outcomes[1]["reason"] not in ("internal", "system", "store")
    assert "unforeseen" not in printed
    assert used < MEMORY


# A process of the watcher under a limit on its data, as LimitDATA sets it.
LIMITED = """
import resource, sys
from watcher.__main__ import main
limit = int(sys.argv.pop(1)) * 2**20
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
sys.exit(main())
"""


@contextmanager
def limited(source: TableSource, megabytes: int, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", LIMITED, str(megabytes), "--config", str(source.config), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def test_a_release_that_needs_more_memory_than_there_is_is_a_failed_check_of_a_daemon_that_goes_on(
    tmp_path: Path,
) -> None:
    source = TableSource(folder=tmp_path)
    text = source.config.read_text()
    source.config.write_text(text + '[daemon]\njitter = "0s"\n[log]\nformat = "json"\n')
    source.check(table(1_000))
    source.served.write_bytes(table(25_000))
    with limited(source, 100, "run") as daemon:
        assert daemon.stderr is not None
        logged = (json.loads(line) for line in daemon.stderr)
        first = next(record for record in logged if record["event"] == "checked")
        assert (first["outcome"], first["level"]) == ("failed", "warning")
        assert "more memory" in first["message"]
        result = source.check(table(1_001))
        assert result.comparison is not None
        assert (result.outcome, len(result.comparison.events)) == ("changed", 1)
        daemon.send_signal(signal.SIGTERM)
        assert daemon.wait(60) == 0
    assert [row["reason"] for row in rows(tmp_path / "history.db", "checks")["checks"]] == [None, "too_large", None]


def test_a_held_release_that_needs_more_memory_than_there_is_stays_held_and_the_reason_is_shown(tmp_path: Path) -> None:
    source = TableSource(folder=tmp_path)
    source.config.write_text(source.config.read_text() + "[source.hold]\nmax_entries = 2000\n")
    source.check(table(1_000))
    held = source.check(table(25_000)).hold
    assert held is not None
    with limited(source, 80, "accept", "t", held.id) as process:
        out, error = process.communicate(timeout=300)
    assert (process.returncode, out) == (2, "")
    assert error.startswith(f"watcher: error: t: {held.id} is not accepted: the release needs more memory than ")
    state = rows(tmp_path / "history.db", "held", "releases")
    assert [row["state"] for row in state["held"]] == ["held"]
    assert [row["entries"] for row in state["releases"]] == [1_000]
    with source.monitor() as monitor:
        accepted = monitor.ingest(monitor.source("t")).decisions.accept(held.id)
    assert accepted.outcome == "changed"
