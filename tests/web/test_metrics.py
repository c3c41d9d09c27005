"""The metrics count what belongs to a source, and ask the history once for all sources."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families

from tests.support.raw_sql import connection
from tests.web.site import open_site
from watcher.core.operations import Hold
from watcher.monitor.monitor import Monitor
from watcher.web import metrics
from watcher.web.page import PageContext, PageRequest


def read_metrics(context: PageContext) -> tuple[dict[tuple[str, str], float], int]:
    """Return the metrics of sources by name and source, and how many statements the history got for them."""
    statements: list[str] = []

    def open_monitor() -> Monitor:
        monitor = context.open_monitor()
        connection(monitor.store).conn.set_trace_callback(statements.append)  # type: ignore[attr-defined]
        return monitor

    text = metrics.render(replace(context, open_monitor=open_monitor), PageRequest(query={})).body.decode()
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    values = {(sample.name, sample.labels["source"]): sample.value for sample in samples if "source" in sample.labels}
    return values, len(statements)


def add_source(name: str) -> str:
    return f'[[source]]\nname = "{name}"\nurl = "https://x.example/{name}"\n'


def test_a_held_release_counts_for_its_source_alone(tmp_path: Path) -> None:
    with open_site(tmp_path, add_source("ports-more")) as site:
        with site.context.open_monitor() as monitor, monitor.store.transaction():
            for digest in "ab":
                monitor.store.holds.save_hold(
                    Hold(source="ports-more", digest=digest, sha256=digest, published=None, entries=1, reasons=(),
                         first_seen="2020-01-01T00:00:00Z", last_seen="2020-01-01T00:00:00Z")
                )  # fmt: skip
        values, _ = read_metrics(site.context)
        assert values["watcher_held_releases", "ports-more"] == 2
        assert values["watcher_held_releases", "ports"] == 0
        assert values["watcher_releases", "ports"] > 1
        assert values["watcher_releases", "ports-more"] == 0


def test_many_sources_take_as_many_statements_as_one(tmp_path: Path) -> None:
    (tmp_path / "few").mkdir()
    (tmp_path / "many").mkdir()
    with (
        open_site(tmp_path / "few") as few,
        open_site(tmp_path / "many", "".join(map(add_source, ("a", "b", "c", "d")))) as many,
    ):
        assert read_metrics(many.context)[1] == read_metrics(few.context)[1] > 0
