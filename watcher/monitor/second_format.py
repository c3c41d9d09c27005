"""Compare a new release with another format of it, published by the same registry.

IANA publishes each registry in several formats, made from one source. If two formats of one release disagree, one of
them was damaged on its way (2019-02-12: an XML was cut while its CSV was complete). The other formats are published
hours or days after the XML, which is no disagreement. If the second format cannot be fetched or parsed, the check goes
on without it.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from watcher.core.errors import FetchError, ParseError
from watcher.core.operations import Reason
from watcher.core.tables import Layout
from watcher.fetch.base import Fetcher, NotModified
from watcher.fetch.pages import fetch_pages
from watcher.formats.base import Document
from watcher.formats.catalog import FORMATS
from watcher.monitor.crosscheck import Agreement, CrossCheck, Disagreement, crosscheck, registry_of
from watcher.registries.base import Registry
from watcher.store.history_reader import HistoryReader
from watcher.store.snapshot_archive import SnapshotArchive

_EARLIER_RELEASES = 5  # that a lagging format may still be of
_EXAMPLES = 3


class SecondFormatResult(Struct, frozen=True, kw_only=True):
    """Reasons to hold a release. Without any, `remark` says why the formats were not compared; the check records it."""

    reasons: tuple[Reason, ...] = ()
    remark: str | None = None


class SecondFormatCheck(Struct, kw_only=True):
    """Compares a new release of one source with the document at `url`, in `format`; the source's own is `xml`.

    One instance serves one check: it fetches the document once. `layout` is that of the document.
    """

    url: str
    format: str
    layout: Layout
    source: str
    registry: Registry
    fetcher: Fetcher
    max_bytes: int
    archive: SnapshotArchive
    history: HistoryReader
    _fetched: bytes | SecondFormatResult | None = None

    def fetch(self) -> bytes | SecondFormatResult:
        """Return the document, or the remark that says why not. Fetches at the first call."""
        if self._fetched is None:
            self._fetched = self._fetch()
        return self._fetched

    def _fetch(self) -> bytes | SecondFormatResult:
        next_page = FORMATS[self.format].next_page
        try:
            response = fetch_pages(self.fetcher, self.url, next_page=next_page, max_bytes=self.max_bytes)
        except FetchError as error:
            return self._not_compared(f"{self.url}: {error}")
        if isinstance(response, NotModified):  # although the request had no condition
            return self._not_compared(f"{self.url} answered 304")
        return response.body

    def compare(self, data: bytes) -> SecondFormatResult:
        """Compare a release with its second format. A FetchError or ParseError of the second becomes a remark."""
        fetched = self.fetch()
        if isinstance(fetched, SecondFormatResult):
            return fetched
        try:
            other = FORMATS[self.format].read(fetched, replace(self.registry.columns, layout=self.layout))
        except ParseError as error:
            return self._not_compared(f"{self.url}: {error}")
        xml = self._read_xml(data)
        registry = self._registry_path(xml)
        if registry is None:
            return self._not_compared(f"{self.url} is named after no registry of {xml.id!r}")
        check = crosscheck(xml, other, self.registry.columns, registry=registry, earlier=self._earlier_releases())
        if check.verdict is Agreement.AGREE:
            return SecondFormatResult()
        if check.verdict is Agreement.LAG:
            return SecondFormatResult(remark=f"second format is still of {check.lag}: {self.url}")
        return SecondFormatResult(reasons=(self._disagreement(check),))

    @staticmethod
    def _not_compared(why: str) -> SecondFormatResult:
        return SecondFormatResult(remark=f"second format not compared: {why}")

    def _read_xml(self, data: bytes) -> Document:
        return FORMATS["xml"].read(data, self.registry.columns)

    def _registry_path(self, xml: Document) -> str | None:
        """Return the path of the registry that the second format has; "" for the whole document, None if unknown.

        A CSV has the rows of one registry and is named after it. Another name is accepted if only one has rows.
        """
        if self.format != "csv":
            return ""
        path = registry_of(xml, self.url)
        if path is None:
            paths = {row.registry for row in xml.rows}
            return paths.pop() if len(paths) == 1 else None
        return path

    def _earlier_releases(self) -> Iterator[tuple[str, Document]]:
        """Yield a label and the XML of each earlier release, the newest first."""
        if self.source not in self.history.list_sources():
            return
        for stored in reversed(self.history.list_releases(self.source)[-_EARLIER_RELEASES:]):
            release = stored.release
            xml = self._read_xml(self.archive.read_snapshot(self.source, release.sha256))
            yield release.published or release.id, xml

    def _disagreement(self, check: CrossCheck) -> Reason:
        places = tuple(map(_sentence, check.examples))
        number = "one place" if check.total == 1 else f"{check.total} places"
        more = "; …" if check.total > _EXAMPLES else ""
        examples = "; ".join(places[:_EXAMPLES])
        return Reason(
            code="formats_disagree",
            sentence=f"its {self.format.upper()} differs in {number}: {examples}{more}",
            numbers={"total": check.total, "url": self.url},
            where=places,
        )


def _sentence(difference: Disagreement) -> str:
    row = " ".join(filter(None, (difference.registry, difference.row))) or "a row"
    if not difference.field:
        return f"{row} is only in the {'XML' if difference.xml else 'other format'}"
    texts = f"{difference.xml!r} in the XML and {difference.other!r} in the other format"
    return f"{row}: {difference.field} is {texts}"
