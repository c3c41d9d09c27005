"""What a worker does with work that it was woken up for: the code of the daemon, under a claim."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.collection_environment import GROUPS, CollectionEnvironment
from tests.support.index_server import IndexServer, group_path, serve_index
from tests.support.postgresql import PostgresqlServer
from watcher.cli.context import load_settings
from watcher.core.clock import SystemClock
from watcher.core.postgresql_url import PostgresqlUrl
from watcher.core.work import CHECK, OWN, DueWork, WorkItem
from watcher.daemon.jobs import HEALTH
from watcher.daemon.workers.control import WorkerControl
from watcher.daemon.workers.job_queue import VERSION, read_schema
from watcher.daemon.workers.worker_jobs import WorkerJobs
from watcher.store.store import Store

pytestmark = pytest.mark.server

IANA = WorkItem(kind=CHECK, name="iana")


class OneWorker:
    """A worker that takes no jobs by itself; the test wakes it up."""

    def __init__(self, place: CollectionEnvironment, location: PostgresqlUrl) -> None:
        place.config.write_text(f'[store]\nurl = "{location}"\n' + place.config.read_text())
        self.settings = load_settings(place.config)
        self.location = location
        self.tree = place.tree
        with Store(location) as store:
            store.work.create(read_schema(), VERSION)
            items = [IANA, WorkItem(kind=OWN, name=HEALTH)]
            store.work.synchronize([DueWork(item=item, host="", every=86400.0) for item in items])
        self.control = WorkerControl(location, 60.0)
        self.control.register()
        self.jobs = WorkerJobs(self.settings, SystemClock(), lambda: self.settings, self.control)

    def due_in(self, item: WorkItem) -> float:
        """Return in how many seconds a piece of work is due."""
        with Store(self.location) as store:
            row = store.work.connection.execute(
                "SELECT extract(epoch FROM due - now())::float, worker FROM work WHERE kind = %s AND name = %s",
                [item.kind, item.name],
            ).fetchone()
        assert row[1] is None
        return float(row[0])

    def outcomes(self) -> dict[str, str]:
        with Store(self.location) as store:
            return dict(store.database.execute("SELECT source, outcome FROM checks").fetchall())


@pytest.fixture
def worker(tmp_path: Path, postgresql_server: PostgresqlServer) -> Iterator[OneWorker]:
    with serve_index(IndexServer()) as tree:
        tree.publish(*GROUPS)
        one = OneWorker(CollectionEnvironment(tree, tmp_path), postgresql_server.new_location())
        yield one
        one.jobs.close()
        one.control.close()


def test_a_collection_is_one_piece_of_work_and_due_when_its_next_group_is(worker: OneWorker) -> None:
    worker.jobs.work(IANA)
    assert worker.outcomes() == dict.fromkeys(["iana", *(f"iana.{group}" for group in GROUPS)], "baseline")
    assert 86000 < worker.due_in(IANA) <= 86400
    asked = len(worker.tree.requests)
    worker.jobs.work(IANA)  # woken up twice
    assert len(worker.tree.requests) == asked


def test_a_collection_whose_server_asks_to_wait_is_due_again_when_it_may_be_asked(worker: OneWorker) -> None:
    worker.tree.answers[group_path(GROUPS[0])] = 429, {"Retry-After": "300"}
    worker.jobs.work(IANA)
    assert 290 < worker.due_in(IANA) <= 302


def test_what_the_watcher_does_for_itself_is_work_too(worker: OneWorker) -> None:
    item = WorkItem(kind=OWN, name=HEALTH)
    worker.jobs.work(item)
    assert 0 < worker.due_in(item) <= 60


def test_work_that_could_not_be_recorded_is_tried_again_soon(worker: OneWorker) -> None:
    with Store(worker.location) as store:
        store.work.connection.execute("ALTER TABLE checks RENAME TO checks_away")
        worker.jobs.work(IANA)
        store.work.connection.execute("ALTER TABLE checks_away RENAME TO checks")
    assert 0 < worker.due_in(IANA) <= 10
    assert worker.outcomes() == {}


def test_work_that_is_configured_no_more_is_left_alone(worker: OneWorker) -> None:
    worker.jobs.work(WorkItem(kind=CHECK, name="another"))
    assert worker.outcomes() == {}
