"""Files that servers and mirrors served in place of a release: each has an expected outcome.

And real releases: none is held but two with a mistyped year.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from tests.support.environment import Environment, open_environment
from tests.support.fault_server import FaultServer, reply
from tests.support.real_data import accidents, formats_files, iana_documents, iana_groups, ports_releases
from watcher.core.model import Content
from watcher.core.read_settings import ReadSettings
from watcher.diff.content import read_content
from watcher.diff.incremental import IncrementalReader
from watcher.monitor.candidate import Candidate
from watcher.monitor.ingest import ReleaseIngest
from watcher.monitor.plausibility import Bounds, Newest, reasons_to_hold
from watcher.monitor.result import Outcome
from watcher.monitor.source_parts import assemble_parts
from watcher.registries.catalog import REGISTRIES
from watcher.store.snapshot_archive import SnapshotArchive
from watcher.store.store import Store

FOLDER = "accidents"
ERROR_PAGES = (
    "html-301-290.html",
    "html-301-296.html",
    "html-404-3445.html",
    "html-maintenance-1251.html",
    "html-maintenance-2060.html",
    "xhtml-error-1565.xhtml",
    "xhtml-error-1566.xhtml",
    "xhtml-error-1687.xhtml",
    "xhtml-error-leading-newline-418.xhtml",
)
REFUSED = {
    **{f"error-pages/{name}": "not_expected_format" for name in ERROR_PAGES},
    "truncated-2019-02-12.xml": "not_well_formed",
    "not-an-error/collation-i-octet.xml": "doctype",  # valid, and no registry
}
# The first of a pair, the second, and what the second is after the first.
PAIRS = {
    "same-updated/aaa-parameters-2017-06-20-meta": Outcome.CHANGED,
    "same-updated/auto-submitted-keywords-2009-02-02-meta": Outcome.CHANGED,
    "same-updated/cbor-tags-2021-04-08-people": Outcome.CHANGED,
    "same-updated/core-parameters-2016-10-31-records": Outcome.CHANGED,
    "same-updated/dhcpv6-parameters-2021-01-15-bytes-only": Outcome.COSMETIC,
}
BACK_IN_TIME = {"back-in-time/ikev2-parameters-43fb8ed193", "back-in-time/xml-registry-16729fdd3e"}
ACCEPTED = {
    "not-an-error/redirect-root-idna-tables.xml": "xml",
    "not-an-error/alert-urns-identifiers.csv": "csv",
    "not-an-error/alert-urns-providers.csv": "csv",
    "not-an-error/no-registrations-9-bytes.csv": "csv",
}


def served(name: str) -> bytes:
    return (accidents() / FOLDER / name).read_bytes()


@pytest.fixture
def env(tmp_path: Path) -> Iterator[Environment]:
    """An environment that watches a group under the generic rules."""
    with open_environment(tmp_path) as made:
        made.configure('registry = "ports"', 'registry = "iana"')
        yield made


def test_every_file_has_an_expected_outcome() -> None:
    folder = accidents() / FOLDER
    names = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    pairs = {f"{name}-{number}.xml" for name in PAIRS for number in (1, 2)}
    back = {f"{name}-{end}.xml" for name in BACK_IN_TIME for end in ("1before", "2after")}
    assert names == {*REFUSED, *pairs, *back, *ACCEPTED}
    assert len(names) == 29


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_a_file_that_is_no_release_is_refused_and_changes_nothing(env: Environment, name: str) -> None:
    good = served("same-updated/auto-submitted-keywords-2009-02-02-meta-1.xml")
    env.check(good)
    before, files = env.rows(), env.files()
    result = env.check(served(name))
    assert (result.outcome, result.reason) == (Outcome.FAILED, REFUSED[name])
    assert result.message
    assert (env.rows(), env.files()) == (before, files)
    assert env.check(good).outcome is Outcome.UNCHANGED


@pytest.mark.parametrize("name", sorted(PAIRS))
def test_one_date_is_one_release_only_where_the_content_is_the_same(env: Environment, name: str) -> None:
    first, second = (served(f"{name}-{number}.xml") for number in (1, 2))
    assert env.check(first).outcome is Outcome.BASELINE
    result = env.check(second)
    assert result.outcome is PAIRS[name]
    assert len(env.files()) == 2
    assert len(env.rows("releases")["releases"]) == (1 if PAIRS[name] is Outcome.COSMETIC else 2)


@pytest.mark.parametrize("name", sorted(BACK_IN_TIME))
def test_a_new_content_under_an_older_date_is_held_until_it_is_served_again(env: Environment, name: str) -> None:
    env.check(served(f"{name}-1before.xml"))
    before = env.rows()
    result = env.check(served(f"{name}-2after.xml"))
    assert (result.outcome, result.reason) == (Outcome.HELD, "goes_back")
    assert env.rows() == before
    assert env.servers.mails == []
    result = env.check()
    assert result.outcome is Outcome.CHANGED
    assert [row["sha256"] for row in sorted(env.rows()["releases"], key=lambda row: row["place"])][-1] == result.sha256


def test_a_release_after_one_with_a_future_date_is_not_held(tmp_path: Path) -> None:
    name = "back-in-time/ikev2-parameters-43fb8ed193"
    with Store(tmp_path / "history.db") as store:
        ingest = ReleaseIngest(
            assemble_parts(
                "ike",
                settings=ReadSettings(registry="iana", format="xml"),
                store=store,
                archive=SnapshotArchive(tmp_path / "kept"),
            )
        )
        outcomes = [
            ingest.ingest(
                Candidate(data=served(f"{name}-{end}.xml"), origin="x", observed=f"{day}T06:00:00Z", live=True)
            ).outcome
            for end, day in (("1before", "2019-03-26"), ("2after", "2019-05-31"))
        ]
    assert outcomes == [Outcome.BASELINE, Outcome.CHANGED]


@pytest.mark.parametrize("name", sorted(ACCEPTED))
def test_a_file_that_only_looks_wrong_is_accepted(env: Environment, name: str) -> None:
    if ACCEPTED[name] != "xml":
        env.configure('registry = "iana"', f'registry = "iana"\nformat = "{ACCEPTED[name]}"')
    assert env.check(served(name)).outcome is Outcome.BASELINE
    assert env.check(served(name)).outcome is Outcome.UNCHANGED


def test_a_port_release_that_lost_rows_is_held_while_its_csv_is_whole(tmp_path: Path) -> None:
    files = formats_files("2018-07-02")
    xml, csv = (files[f"service-names-port-numbers/service-names-port-numbers.{kind}"] for kind in ("xml", "csv"))
    starts = [match.start() for match in re.finditer(rb"<record\b", xml)]
    lost = xml[: starts[5000]] + xml[starts[5040] :]
    with FaultServer(reply(csv)) as server, open_environment(tmp_path) as env:
        env.configure('registry = "ports"', f'registry = "ports"\nalso = "{server.url("/ports.csv")}"')
        result = env.check(lost)
        assert (result.outcome, result.reason) == (Outcome.HELD, "formats_disagree")
        assert result.hold is not None
        assert result.hold.reasons[0].numbers["total"] == 40
        assert env.check(xml).outcome is Outcome.BASELINE


# --- releases that are not held ---------------------------------------------------------------------------------------

_UPDATED = re.compile(rb"<updated>\s*([0-9-]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two consecutive states of a group's document and the days on which they were seen."""

    group: str
    old: bytes
    new: bytes
    seen: tuple[str, str]

    @property
    def lost(self) -> int:
        """The number of records that the newer one has less."""
        return self.old.count(b"<record") - self.new.count(b"<record")

    @property
    def goes_back(self) -> bool:
        old, new = ((_UPDATED.search(data) or [b"", b""])[1] for data in (self.old, self.new))
        return bool(new) and new < old


def _pairs() -> Iterator[Pair]:
    """Yield every pair of consecutive states that differ, of all groups in all months."""
    for group in iana_groups():
        for (first, old), (second, new) in pairwise(iana_documents(group)):
            if b"<registry" in old[:2000] and b"<registry" in new[:2000]:
                yield Pair(group=group, old=old, new=new, seen=(first, second))


def _codes(old: Content, new: Content, seen: tuple[str, str]) -> list[str]:
    """Return the codes of the reasons to hold the newer release if checks had seen both on those days."""
    first, second = (datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC).date() for day in seen)
    dated = min(old.published or first.isoformat(), (first + timedelta(days=1)).isoformat())
    return [reason.code for reason in reasons_to_hold(new, Newest(content=old, dated=dated), Bounds(), today=second)]


def test_of_all_groups_in_65_months_only_two_mistyped_years_are_held() -> None:
    pairs = most = weighed = 0
    held = []
    for pair in _pairs():
        pairs, most = pairs + 1, max(most, pair.lost)
        # The others lost no more and went back no more than these.
        if pair.lost > 3 or pair.goes_back:
            weighed += 1
            old, new = (read_content(data, REGISTRIES["iana"]) for data in (pair.old, pair.new))
            if codes := _codes(old, new, pair.seen):
                held.append((pair.group, pair.seen[1], codes))
    assert pairs > 2000
    assert most > 2000, "as-numbers, 2019"
    assert weighed >= 9
    assert held == [
        ("ikev2-parameters", "2017-03-04", ["goes_back"]),
        ("xml-registry", "2017-02-02", ["goes_back"]),
    ]


def test_no_release_of_the_ports_is_held() -> None:
    incremental, last = IncrementalReader(REGISTRIES["ports"]), None
    for day, data in ports_releases(["2019-01-08", "2019-01-09", "2022-05-24", "2022-06-03", "2023-12-27"]):
        content = incremental.read(data)
        if last:
            assert _codes(last, content, (day, day)) == []
        last = content
    assert last is not None
    assert date.fromisoformat(last.published or "") == date(2023, 12, 27)
