"""The product: how a release travels. Read this file first.

    fetch → archive → read → place among the releases → compare with its neighbours → judge → history and outbox

`ReleaseIngest.take` does all of it for the bytes of one release, wherever they come from; `check` fetches them
first. The bytes are safe in the archive before anything else is written; then the release, its versions, changes,
events and the deliveries they cause are committed together or not at all. Taking the same bytes again changes nothing.
What a process that died left in the archive without its rows is taken up first (`take_up`), and who wanted to know is
told.

What a check was served and cannot be believed yet is held (`plausibility`, `holding`): kept in the archive, told to
the operator, and nothing else, until it is served again or somebody decides.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime

from watcher.core.errors import FetchError, ParseError
from watcher.core.times import to_text
from watcher.fetch.base import Fetcher, NotModified, Validators
from watcher.fetch.pages import fetch_pages
from watcher.formats.catalog import FORMATS
from watcher.monitor.ingest import CheckResult, Compose, Outcome, ReleaseIngest, SecondOpinion
from watcher.monitor.second_format import SecondFormatResult
from watcher.store.check_log import Check, CheckLog

Admit = Callable[[bytes], "CheckResult | None"]


def check(
    intake: ReleaseIngest,
    url: str,
    *,
    fetcher: Fetcher,
    checks: CheckLog,
    compose: Compose,
    now: datetime,
    clock: Callable[[], float] = time.monotonic,
    second: SecondOpinion = lambda _: SecondFormatResult(),
    admit: Admit = lambda _: None,
    max_bytes: int,
) -> CheckResult:
    """Look at a source once and take what is new, unless `admit` says what is to come of it instead.

    A check that fails changes nothing but the record of checks; the error is in what is returned, not raised.
    StoreError is raised: with a damaged history nothing can be recorded. `max_bytes` bounds the pages of a document.
    """
    started = clock()
    at = to_text(now)

    def record(taken: CheckResult, validators: Validators | None) -> None:
        checks.record_check(
            Check(
                source=intake.source,
                at=at,
                outcome=taken.outcome,
                reason=taken.reason,
                message=taken.message,
                sha256=taken.sha256 or None,
                release_id=taken.release.row if taken.release else None,
                seconds=round(clock() - started, 3),
            ),
            url=url,
            registry=intake.registry.id,
            validators=(validators.etag, validators.last_modified) if validators else None,
        )

    try:
        etag, last_modified = checks.read_validators(intake.source, url)
        answer = fetch_pages(
            fetcher,
            url,
            Validators(etag=etag, last_modified=last_modified) if etag or last_modified else None,
            next_page=FORMATS[intake.format].next_page,
            max_bytes=max_bytes,
        )
        if isinstance(answer, NotModified):
            taken = intake.not_modified(at)
            record(taken, None)
            return taken
        taken = admit(answer.body) or intake.take(
            answer.body, origin=answer.url, observed=at, live=True, compose=compose, second=second
        )
        # With the validators of what is not believed a server would answer "not modified", and nothing be confirmed.
        doubted = taken.outcome in (Outcome.STALE, Outcome.HELD)
        record(taken, None if doubted else answer.validators)
    except (FetchError, ParseError) as error:
        taken = CheckResult(outcome=Outcome.FAILED, reason=error.reason, message=str(error))
        record(taken, None)
    return taken
