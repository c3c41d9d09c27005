"""Check one source: the steps from the server of a release to the alerts about it. Read this file first, then `ingest`.

fetch → archive → read → place in the history → compare with its neighbours → classify → history and outbox
"""

from __future__ import annotations

from contextlib import nullcontext
from datetime import datetime

from msgspec.structs import replace

from watcher.core.clock import Clock
from watcher.core.texts import LONGEST_ERROR, cut_text
from watcher.core.times import to_text
from watcher.fetch.base import Fetcher, NotModified, Validators
from watcher.fetch.pages import fetch_pages
from watcher.formats.catalog import FORMATS
from watcher.monitor.candidate import Candidate
from watcher.monitor.failures import failed_result
from watcher.monitor.ingest import ReleaseIngest
from watcher.monitor.judging_limit import MOST, JudgingLimit
from watcher.monitor.rebuild import Progress
from watcher.monitor.result import CheckResult, Outcome
from watcher.store.check_log import Check
from watcher.store.store import Store


def check_source(
    url: str,
    fetcher: Fetcher,
    ingest: ReleaseIngest,
    store: Store,
    clock: Clock,
    *,
    max_bytes: int,
    limit: JudgingLimit,
    progress: Progress | None = None,
) -> CheckResult:
    """Fetch a source once, ingest what is new, and record the outcome.

    A failure changes nothing but the record of checks; it is returned, not raised, whatever it is. `max_bytes` limits a
    document that has several pages. `limit` is kept while a release is judged, not while the network is used.
    `progress` is called while the history is derived again for changed settings, or the check waits for the limit.
    Raises what recording the check raises.
    """
    started, now = clock.monotonic(), clock.now()
    validators = None
    try:
        with limit.reserve(MOST, progress) if ingest.is_rederivation_due() else nullcontext():
            rederivation = ingest.apply_settings(progress)
        next_page = FORMATS[ingest.format].next_page
        etag, last_modified = store.checks.read_validators(ingest.source, url)
        sent = Validators(etag=etag, last_modified=last_modified)
        response = fetch_pages(fetcher, url, sent, next_page=next_page, max_bytes=max_bytes)
        if isinstance(response, NotModified):
            result = ingest.record_not_modified()
        else:
            candidate = Candidate.from_check(response, seen=now)
            ingest.fetch_second_format(candidate)
            with limit.reserve(len(response.body), progress):
                result = ingest.ingest(candidate)
            # Without the validators of a held release the server sends it again, so that it can be confirmed.
            if result.outcome not in (Outcome.HELD, Outcome.STALE):
                validators = response.validators
        result = replace(result, rederivation=rederivation)
    except Exception as error:  # noqa: BLE001 - a failed check with a reason, whatever it is
        result, validators = failed_result(error, store.location), None
    record_result(
        ingest.source,
        url,
        ingest.registry.id,
        result,
        store,
        started=now,
        validators=validators,
        seconds=clock.monotonic() - started,
    )
    return result


def record_result(
    source: str,
    url: str,
    registry: str,
    result: CheckResult,
    store: Store,
    *,
    started: datetime,
    seconds: float = 0.0,
    validators: Validators | None = None,
) -> None:
    """Write the result of a check that `started` at a time into the log of checks."""
    check = Check(
        source=source,
        at=to_text(started),
        outcome=result.outcome,
        reason=result.reason,
        message=result.message and cut_text(result.message, LONGEST_ERROR),
        sha256=result.sha256 or None,
        release=result.release.digest if result.release else None,
        seconds=round(seconds, 3),
    )
    pair = (validators.etag, validators.last_modified) if validators else None
    store.checks.record_check(check, url=url, registry=registry, validators=pair)
