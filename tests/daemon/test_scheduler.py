"""A job runs once per interval, and once for all the times that were missed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from apscheduler.job import Job
from apscheduler.schedulers.background import BackgroundScheduler

from watcher.daemon.scheduler import CatchUpOnceTrigger

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_the_next_time_is_one_interval_after_the_last() -> None:
    assert CatchUpOnceTrigger(HOUR).get_next_fire_time(NOW, NOW) == NOW + HOUR
    assert CatchUpOnceTrigger(HOUR).get_next_fire_time(None, NOW) == NOW


def test_a_job_may_run_late_and_never_early() -> None:
    assert CatchUpOnceTrigger(HOUR, lambda: timedelta(seconds=7)).get_next_fire_time(
        NOW, NOW
    ) == NOW + HOUR + timedelta(seconds=7)


@pytest.mark.fault(58)
@pytest.mark.parametrize("missed", [timedelta(hours=1), timedelta(days=7), timedelta(days=3653)], ids=str)
def test_all_missed_times_are_one(missed: timedelta) -> None:
    scheduler = BackgroundScheduler(timezone=UTC)
    job: Job = scheduler.add_job(print, CatchUpOnceTrigger(timedelta(seconds=5)), next_run_time=NOW)
    assert job._get_run_times(NOW + missed) == [NOW]
    assert CatchUpOnceTrigger(HOUR).get_next_fire_time(NOW, NOW + missed) == NOW + missed + HOUR
