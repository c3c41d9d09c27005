"""A second opinion: what another format of the same release says of it.

IANA publishes each registry in several formats, written from one source. Where they are of one release and disagree,
one of them was damaged on its way (2019-02-12: an XML was cut while its CSV was whole). The others lag the XML by hours
or days: that is no disagreement. Who cannot be asked has no opinion.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from watcher.core.errors import FetchError, ParseError
from watcher.core.operations import Reason
from watcher.fetch.base import Fetcher, NotModified
from watcher.fetch.pages import fetch_pages
from watcher.formats.base import Document
from watcher.formats.catalog import FORMATS
from watcher.monitor.crosscheck import Agreement, CrossCheck, Disagreement, crosscheck
from watcher.registries.base import Registry
from watcher.store.history_reader import HistoryReader
from watcher.store.snapshot_archive import SnapshotArchive

_ASKED = 5  # releases that a lagging format may be of
_SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondFormatResult:
    """Reasons against a release, or a remark for the record of checks where there is something to say but none."""

    reasons: tuple[Reason, ...] = ()
    remark: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondFormatCheck:
    """Asks one document beside the source's own. `format` is one of `FORMATS`, the source's own is `xml`."""

    url: str
    format: str
    source: str
    registry: Registry
    fetcher: Fetcher
    max_bytes: int
    archive: SnapshotArchive
    queries: HistoryReader

    def __call__(self, data: bytes) -> SecondFormatResult:
        """Hold a release against the other format. Never raises for what the other server or document does."""
        try:
            next_page = FORMATS[self.format].next_page
            answer = fetch_pages(self.fetcher, self.url, next_page=next_page, max_bytes=self.max_bytes)
            if isinstance(answer, NotModified):  # nobody asked for it
                return SecondFormatResult(remark=f"{self.url}: the server says that nothing was modified")
            other = self._read(answer.body, self.format)
        except (FetchError, ParseError) as error:
            return SecondFormatResult(remark=f"the other format could not be asked: {self.url}: {error}")
        ours = self._read(data, "xml")
        found = crosscheck(ours, other, self.registry.columns, registry=self._path(ours), known=self._known())
        if found.verdict is Agreement.AGREE:
            return SecondFormatResult()
        if found.verdict is Agreement.LAG:
            return SecondFormatResult(remark=f"the other format is still of {found.lag}: {self.url}")
        return SecondFormatResult(reasons=(self._disagreement(found),))

    def _read(self, data: bytes, format: str) -> Document:  # noqa: A002 - the config's word
        return FORMATS[format].read(data, self.registry.columns)

    def _path(self, ours: Document) -> str:
        """The nested registry that a CSV is of: the one it is named after."""
        name = PurePosixPath(urlsplit(self.url).path).stem
        paths = [path for path in ours.headers if path and path.rpartition("/")[2] == name]
        return paths[0] if len(paths) == 1 and name != ours.id else ""

    def _known(self) -> Iterator[tuple[str, Callable[[], Document]]]:
        """The releases before, the newest first."""
        for stored in reversed(self.queries.list_releases(self.source)[-_ASKED:] if self._has_history() else []):
            release = stored.release
            yield release.published or release.id, partial(self._kept, release.sha256)

    def _has_history(self) -> bool:
        return self.source in self.queries.list_sources()

    def _kept(self, sha256: str) -> Document:
        return self._read(self.archive.read_snapshot(self.source, sha256), "xml")

    def _disagreement(self, found: CrossCheck) -> Reason:
        where = tuple(map(_said, found.examples))
        places = "one place" if found.total == 1 else f"{found.total} places"
        more = "; …" if found.total > _SHOWN else ""
        return Reason(
            code="formats_disagree",
            sentence=f"its {self.format.upper()} says something else in {places}: {'; '.join(where[:_SHOWN])}{more}",
            numbers={"total": found.total, "url": self.url},
            where=where,
        )


def _said(found: Disagreement) -> str:
    row = " ".join(filter(None, (found.registry, found.row))) or "a row"
    if not found.field:
        return f"{row} is in the {'XML' if found.xml else 'other'} alone"
    return f"{row}: {found.field} is {found.xml!r} in the XML and {found.other!r} in the other"
