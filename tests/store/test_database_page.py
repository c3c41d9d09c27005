"""The questions of docs/database.md, asked of a history with two sources that say different things."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from tests.support.fake_clock import FakeClock
from tests.support.port_releases import Row, person, release, tcp, unassigned
from watcher.cli.context import load_settings
from watcher.monitor.monitor import Monitor

PAGE = Path(__file__).resolve().parents[2] / "docs" / "database.md"
SOURCE = """
[[source]]
name = "{name}"
url = "{url}"
"""


def make_history(folder: Path) -> Path:
    """Check `ports` and `other` in turn: each says something else about port 8010, and `other` is checked last."""
    served = {name: folder / f"{name}.xml" for name in ("ports", "other")}
    config = folder / "config.toml"
    tables = "".join(SOURCE.format(name=name, url=path.as_uri()) for name, path in served.items())
    config.write_text(f"[fetch]\nallow_files = true\n{tables}")
    config.chmod(0o600)
    clock = FakeClock()
    rest = unassigned("8012-9000")
    for number, (name, path) in enumerate([*served.items(), *served.items()]):
        rows: list[Row] = [tcp(f"{name}-service", "8010", contact=name.title()), rest]
        if number < 2:
            rows.insert(1, tcp(f"{name}-lost", "8011", contact=name.title()))
        path.write_bytes(release(rows, f"2019-01-0{1 + 2 * number}", [person(name.title())]))
        with Monitor(load_settings(config), clock=clock) as monitor:
            assert monitor.check(monitor.source(name)).outcome in ("baseline", "changed")  # type: ignore[arg-type]
        clock.advance(timedelta(days=1))
    return folder / "history.db"


def test_every_question_of_the_page_is_answered_for_its_source_alone(tmp_path: Path) -> None:
    questions = re.findall(r"^(\S[^\n]*\?)\n\n```sql\n(.*?)```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    with closing(sqlite3.connect(make_history(tmp_path))) as plain:
        answers = [plain.execute(sql).fetchall() for _, sql in questions]
    assert len(answers) == 4
    day, lost, gaps, contacts = answers
    assert [(row[0], row[1], row[2]) for row in day] == [("ports-service", 8010, 8010)]
    assert [(published, "ports-lost" in summary) for published, summary in lost] == [("2019-01-05", True)]
    assert gaps == [("2026-01-05T09:00:00Z", "2026-01-07T09:00:00Z")]
    assert contacts == [("[Ports]", 1)]
