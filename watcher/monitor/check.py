"""Check one source: how a release travels from its server to the alerts. Read this file first, then `ingest`.

fetch → archive → read → place in the history → compare with its neighbours → classify → history and outbox
"""

from __future__ import annotations

from watcher.core.clock import Clock
from watcher.core.errors import FetchError, ParseError
from watcher.core.times import to_text
from watcher.fetch.base import Fetcher, NotModified, Validators
from watcher.fetch.pages import fetch_pages
from watcher.formats.catalog import FORMATS
from watcher.monitor.candidate import Candidate
from watcher.monitor.ingest import ReleaseIngest
from watcher.monitor.result import CheckResult, Outcome
from watcher.store.check_log import Check
from watcher.store.store import Store


def check_source(
    url: str, fetcher: Fetcher, ingest: ReleaseIngest, store: Store, clock: Clock, *, max_bytes: int
) -> CheckResult:
    """Fetch a source once, ingest what is new, and record the outcome.

    A failure changes nothing but the record of checks; it is returned, not raised. `max_bytes` limits a document that
    has several pages. Raises StoreError: with a damaged store nothing can be recorded.
    """
    started, now = clock.monotonic(), clock.now()
    validators = None
    try:
        next_page = FORMATS[ingest.format].next_page
        etag, last_modified = store.checks.read_validators(ingest.source, url)
        sent = Validators(etag=etag, last_modified=last_modified)
        response = fetch_pages(fetcher, url, sent, next_page=next_page, max_bytes=max_bytes)
        if isinstance(response, NotModified):
            result = ingest.record_not_modified()
        else:
            result = ingest.ingest(Candidate.from_check(response, seen=now))
            # Without the validators of a held release the server sends it again, so that it can be confirmed.
            if result.outcome not in (Outcome.HELD, Outcome.STALE):
                validators = response.validators
    except (FetchError, ParseError) as error:
        result = CheckResult(outcome=Outcome.FAILED, reason=error.reason, message=str(error))
    check = Check(
        source=ingest.source,
        at=to_text(now),
        outcome=result.outcome,
        reason=result.reason,
        message=result.message,
        sha256=result.sha256 or None,
        release_id=result.release.row if result.release else None,
        seconds=round(clock.monotonic() - started, 3),
    )
    store.checks.record_check(
        check,
        url=url,
        registry=ingest.registry.id,
        validators=(validators.etag, validators.last_modified) if validators else None,
    )
    return result
