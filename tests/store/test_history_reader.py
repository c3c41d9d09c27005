"""What the history answers, and how it says that it cannot."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.port_releases import Row, person, release, tcp, udp, unassigned
from tests.support.raw_sql import connection
from watcher.core.errors import UsageError
from watcher.core.model import Severity
from watcher.monitor.candidate import Candidate
from watcher.monitor.ingest import ReleaseIngest
from watcher.store.event_query import EventQuery, full_text_query
from watcher.store.history_reader import HistoryReader
from watcher.store.snapshot_archive import SnapshotArchive
from watcher.store.store import Store

KEEP = tcp("keep", "1", date="1990-01-01")
RANGE = tcp("many", "6000-6063", description="The X window system")
SERIES = {
    "2020-01-01": release([KEEP, RANGE, tcp("one", "10"), unassigned("2000-2009")], "2020-01-01"),
    "2020-02-01": release([KEEP, RANGE, tcp("one", "10"), tcp("two", "2005"), udp("two", "2005")], "2020-02-01"),
    "2020-03-01": release(
        [
            KEEP,
            tcp("many", "6000-6063", description='Says "hello" * AND NEAR(this)'),
            tcp("two", "2005", contact="Ann"),
            udp("two", "2005", contact="Ann"),
            Row(name="nameless", protocol="tcp", description="Without a port", references="[RFC9350]"),
        ],
        "2020-03-01",
        [person("Ann", "Ann Example")],
    ),
}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HistoryReader]:
    folder = tmp_path_factory.mktemp("queries")
    with Store(folder / "history.db") as store:
        archive = SnapshotArchive(folder / "kept")
        ingest = ReleaseIngest("ports", registry="ports", format="xml", store=store, archive=archive)
        for data in SERIES.values():
            ingest.ingest(Candidate(data=data, origin="git:x"))
        other = ReleaseIngest("other", registry="ports", format="xml", store=store, archive=archive)
        for data in list(SERIES.values())[1:]:
            other.ingest(Candidate(data=data, origin="git:x"))
        yield store.history


def told(found: HistoryReader, wanted: EventQuery) -> list[tuple[str, str, str]]:
    return [(each.release.dated, each.event.id, each.event.service) for each in found.find_events(wanted)]


ASSIGNED = ("2020-02-01", "port-assigned", "two")
RELEASED = ("2020-03-01", "port-released", "one")
REGISTERED = ("2020-03-01", "service-name-registered", "nameless")
DESCRIBED = ("2020-03-01", "description-changed", "many")
CONTACT = ("2020-03-01", "contact-changed", "two")
ALL = [ASSIGNED, RELEASED, REGISTERED, DESCRIBED, CONTACT]


def test_the_history_tells_everything_the_oldest_first_and_the_gravest_before_the_others(found: HistoryReader) -> None:
    events = found.find_events(EventQuery(source="ports"))
    assert sorted(told(found, EventQuery(source="ports"))) == sorted(ALL)
    days = [each.release.dated for each in events]
    assert days == sorted(days)
    latest = [each.event.severity.rank for each in events if each.release.dated == "2020-03-01"]
    assert latest == sorted(latest, reverse=True)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (EventQuery(port=(2005, 2005)), [ASSIGNED, CONTACT]),
        (EventQuery(port=(6010, 6010)), [DESCRIBED]),
        (EventQuery(port=(6063, 7000)), [DESCRIBED]),
        (EventQuery(port=(6064, 7000)), []),
        (EventQuery(port=(0, 65535)), [ASSIGNED, RELEASED, DESCRIBED, CONTACT]),
        (EventQuery(port=(2000, 2004)), []),
        (EventQuery(service="two"), [ASSIGNED, CONTACT]),
        (EventQuery(service="TWO"), [ASSIGNED, CONTACT]),
        (EventQuery(service="tw"), []),
        (EventQuery(service="nameless"), [REGISTERED]),
        (EventQuery(protocol="udp"), [ASSIGNED, CONTACT]),
        (EventQuery(protocol="sctp"), []),
        (EventQuery(event="port-assigned"), [ASSIGNED]),
        (EventQuery(event="port-*"), [ASSIGNED, RELEASED]),
        (EventQuery(event="*-changed"), [DESCRIBED, CONTACT]),
        (EventQuery(event="port"), []),
        (EventQuery(kind="removed"), [RELEASED]),
        (EventQuery(kind="added"), [ASSIGNED, REGISTERED]),
        (EventQuery(kind="deprecated"), []),
        (EventQuery(severity=Severity.WARNING), [RELEASED]),
        (EventQuery(severity=Severity.NOTICE), [ASSIGNED, RELEASED, REGISTERED]),
        (EventQuery(severity=Severity.INFO), ALL),
        (EventQuery(since="2020-02-01"), ALL),
        (EventQuery(since="2020-02-02"), [RELEASED, REGISTERED, DESCRIBED, CONTACT]),
        (EventQuery(until="2020-02-01"), [ASSIGNED]),
        (EventQuery(until="2020-01-31"), []),
        (EventQuery(since="2020-03-01", until="2020-03-01", kind="modified"), [DESCRIBED, CONTACT]),
        (EventQuery(text="window"), [DESCRIBED]),
        (EventQuery(text="WINDOW system"), [DESCRIBED]),
        (EventQuery(text="window nowhere"), []),
        (EventQuery(text="two service"), [ASSIGNED, CONTACT]),
        (EventQuery(service="two", kind="added", port=(2005, 2005), protocol="udp", text="service"), [ASSIGNED]),
        (EventQuery(service="two", kind="removed"), []),
    ],
    ids=repr,
)
def test_everything_that_is_wanted_must_hold(
    found: HistoryReader, wanted: EventQuery, expected: Sequence[tuple[str, str, str]]
) -> None:
    answers = [each for each in found.find_events(wanted) if each.source == "ports"]
    assert sorted((each.release.dated, each.event.id, each.event.service) for each in answers) == sorted(expected)


def test_a_source_is_asked_alone_or_with_all_others(found: HistoryReader) -> None:
    alone = found.find_events(EventQuery(source="other"))
    assert {each.source for each in alone} == {"other"}
    assert [each.release.dated for each in alone] == ["2020-03-01"] * 4
    assert {each.source for each in found.find_events(EventQuery())} == {"ports", "other"}
    assert len(found.find_events(EventQuery())) == len(ALL) + 4
    assert found.find_events(EventQuery(source="nobody")) == []


def test_a_limit_leaves_the_newest_and_still_tells_the_oldest_first(found: HistoryReader) -> None:
    everything = found.find_events(EventQuery(source="ports"))
    assert found.find_events(EventQuery(source="ports", limit=2)) == everything[-2:]
    assert found.find_events(EventQuery(source="ports", limit=100)) == everything


def test_a_renamed_service_is_told_of_under_both_names(tmp_path: Path) -> None:
    with Store(tmp_path / "history.db") as store:
        ingest = ReleaseIngest(
            "ports", registry="ports", format="xml", store=store, archive=SnapshotArchive(tmp_path / "kept")
        )
        for day, name in (("2020-01-01", "old-name"), ("2020-02-01", "new-name")):
            row = tcp(name, "10", description="The same", contact="Ann")
            ingest.ingest(Candidate(data=release([KEEP, row], day), origin="git:x"))
        queries = store.history
        for name in ("old-name", "new-name", "New-Name"):
            assert [each.event.id for each in queries.find_events(EventQuery(service=name))] == ["service-renamed"]
        assert queries.find_events(EventQuery(service="keep")) == []


def test_an_event_comes_with_its_release_and_the_one_before_it(found: HistoryReader) -> None:
    (event,) = found.find_events(EventQuery(source="ports", kind="removed"))
    releases = found.list_releases("ports")
    assert (event.release, event.before) == (releases[2], releases[1])


@pytest.mark.fault(65)
@pytest.mark.parametrize(
    ("text", "count"),
    [
        ('"', 0),
        ('""', 0),
        ("*", 0),
        ("window*", 1),
        ("AND", 1),
        ("window AND system", 1),
        ("window OR nowhere", 0),
        ("NOT window", 0),
        ("NEAR(", 1),
        ("NEAR(this)", 1),
        ('say"s', 0),
        ('"hello"', 1),
        ("text:window", 0),
        ("^window", 1),
        ("(window", 1),
        ("{window}", 1),
        ("window + system", 1),
        ("-window", 1),
        ("'; DROP TABLE events; --", 0),
        ("   ", 0),
        ("window\0system", None),
        ("\ud800", None),
    ],
)
def test_no_operator_of_the_full_text_search_has_a_meaning(found: HistoryReader, text: str, count: int | None) -> None:
    answers = found.find_events(EventQuery(source="ports", text=text))
    assert all(each.event.service == "many" for each in answers)
    assert count is None or len(answers) == count
    assert len(found.find_events(EventQuery(source="ports"))) == len(ALL)


@pytest.mark.fault(65)
@given(text=st.text(max_size=20) | st.text(alphabet='"*()^:+-{}, ANDORTE', max_size=20))
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_can_be_searched_for(found: HistoryReader, text: str) -> None:
    assert len(found.find_events(EventQuery(source="ports", text=text))) <= len(ALL)


@pytest.mark.fault(65)
@pytest.mark.parametrize("text", ["' OR 1=1 --", "ports'", '"', "%", "_", "[a-", "\0"])
def test_no_filter_can_become_sql(found: HistoryReader, text: str) -> None:
    for wanted in (
        EventQuery(source=text),
        EventQuery(service=text),
        EventQuery(protocol=text),
        EventQuery(event=text),
    ):
        assert found.find_events(wanted) == []
    assert found.find_versions("ports", name=text) == []


@pytest.mark.parametrize(
    "ask",
    [
        lambda queries: queries.find_events(EventQuery(port=(10, 10))),
        lambda queries: queries.find_events(EventQuery(service="two")),
        lambda queries: queries.find_versions("ports", port=(10, 10)),
        lambda queries: queries.find_versions("ports", name="two"),
        lambda queries: queries.find_release("ports", "latest"),
        lambda queries: queries.find_events(EventQuery(document="rfc9350")),
        lambda queries: queries.follow_versions("ports", [2, 3]).previous,
    ],
)
def test_what_is_asked_by_number_or_name_is_found_by_an_index(
    found: HistoryReader, ask: Callable[[HistoryReader], object]
) -> None:
    db, asked = found._db, []
    db.conn.set_trace_callback(asked.append)
    assert ask(found)
    db.conn.set_trace_callback(None)
    steps = [step[3] for statement in asked for step in db.execute(f"EXPLAIN QUERY PLAN {statement}")]
    assert len(steps) > 1
    for step in steps:
        # An index that is asked for the source alone goes through all that the source has.
        assert not step.startswith("SCAN") or "VIRTUAL TABLE" in step, steps
        assert not ("versions" in step and step.endswith("(source_id=?)")), steps


@pytest.mark.parametrize(
    ("asked", "day"),
    [
        ("2020-01-01", "2020-01-01"),
        ("2020-01-31", "2020-01-01"),
        ("2020-02-01", "2020-02-01"),
        ("2020-02-29", "2020-02-01"),
        ("2099-12-31", "2020-03-01"),
        ("latest", "2020-03-01"),
        ("newest", "2020-03-01"),
    ],
)
def test_a_date_names_the_last_release_published_on_or_before_it(found: HistoryReader, asked: str, day: str) -> None:
    assert found.find_release("ports", asked).release.published == day


def test_a_day_with_two_releases_names_the_second(tmp_path: Path) -> None:
    with Store(tmp_path / "history.db") as store:
        ingest = ReleaseIngest(
            "ports", registry="ports", format="xml", store=store, archive=SnapshotArchive(tmp_path / "kept")
        )
        for hour, rows in enumerate(([KEEP], [KEEP, RANGE])):
            ingest.ingest(
                Candidate(data=release(rows), origin="https://x", observed=f"2020-01-01T0{hour}:00:00Z", live=True)
            )
        assert store.history.find_release("ports", "2020-01-01").release.entries == 2


def test_a_date_before_the_first_release_is_refused_with_the_first_there_is(found: HistoryReader) -> None:
    with pytest.raises(UsageError, match=r"on or before 2019-12-31; the first is of 2020-01-01"):
        found.find_release("ports", "2019-12-31")


def test_a_release_is_found_by_the_beginning_of_its_id_or_of_its_snapshots_sha256(found: HistoryReader) -> None:
    for each in found.list_releases("ports"):
        assert found.find_release("ports", each.release.id) == each
        assert found.find_release("ports", each.release.id.upper()) == each
        assert found.find_release("ports", each.digest) == each
        assert found.find_release("ports", each.digest[:8]) == each
        assert found.find_release("ports", each.release.sha256) == each
        assert found.find_release("ports", each.release.sha256[:8]) == each
        assert each.release.id == each.digest[:12]


def test_a_release_is_found_by_each_of_its_snapshots(tmp_path: Path) -> None:
    with Store(tmp_path / "history.db") as store:
        ingest = ReleaseIngest(
            "ports", registry="ports", format="xml", store=store, archive=SnapshotArchive(tmp_path / "kept")
        )
        data = SERIES["2020-01-01"]
        shas = [
            ingest.ingest(Candidate(data=each, origin="git:x")).sha256
            for each in (data, data.replace(b"<?xml-s", b"<?xml-t"))
        ]
        assert len(set(shas)) == 2
        queries = store.history
        assert [queries.find_release("ports", sha256[:12]) for sha256 in shas] == queries.list_releases("ports") * 2


def test_a_beginning_that_two_releases_share_is_refused(tmp_path: Path) -> None:
    with Store(tmp_path / "history.db") as store:
        ingest = ReleaseIngest(
            "ports", registry="ports", format="xml", store=store, archive=SnapshotArchive(tmp_path / "kept")
        )
        for day, data in enumerate(SERIES.values()):
            row = ingest.ingest(Candidate(data=data, origin="git:x")).release
            assert row is not None
            # No two small releases share four digits by chance: the snapshots are given names that do.
            with store.transaction():
                connection(store).execute(
                    "UPDATE snapshots SET sha256 = ? WHERE release_id = ?", [f"abcd{day:060}", row.row]
                )
        queries = store.history
        with pytest.raises(UsageError, match="'abcd' names 3 releases of ports; give more of it"):
            queries.find_release("ports", "abcd")
        assert queries.find_release("ports", f"abcd{1:060}").release.published == "2020-02-01"


@pytest.mark.parametrize(
    "what", ["ffffffffffff", "abc", "", "yesterday", "2020-1-1", "%", "____", "2020-02-01 ", "g" * 12]
)
def test_an_unknown_release_is_refused_with_what_to_give(found: HistoryReader, what: str) -> None:
    with pytest.raises(UsageError, match=r"ports has no release .*give a date, or an id that `watcher releases ports`"):
        found.find_release("ports", what)


def test_an_unknown_source_is_refused_with_the_ones_there_are(found: HistoryReader) -> None:
    for ask in (found.list_releases, found.read_registry_id, lambda source: found.find_release(source, "latest")):
        with pytest.raises(UsageError, match=r"named 'nobody' \(known: other, ports\)"):
            ask("nobody")
    assert found.find_latest("nobody") is None


def test_a_history_without_releases_says_what_to_run(tmp_path: Path) -> None:
    with (
        Store(tmp_path / "history.db") as store,
        pytest.raises(UsageError, match="none yet: run `watcher check` or `watcher import`"),
    ):
        store.history.find_release("ports", "latest")


def test_the_states_of_a_port_are_told_the_oldest_first_with_where_they_stood(found: HistoryReader) -> None:
    states = [
        (each.item.key.values, each.first.dated, each.until.dated if each.until else None)
        for each in found.find_versions("ports", port=(2005, 2005))
    ]
    assert states == [
        (("", "2000-2009", ""), "2020-01-01", "2020-02-01"),
        (("two", "2005", "tcp"), "2020-02-01", "2020-03-01"),
        (("two", "2005", "udp"), "2020-02-01", "2020-03-01"),
        (("two", "2005", "tcp"), "2020-03-01", None),
        (("two", "2005", "udp"), "2020-03-01", None),
    ]


def test_the_state_of_a_port_at_a_release_is_the_one_that_stood_in_it(found: HistoryReader) -> None:
    first, second, third = found.list_releases("ports")

    def contacts(at: object) -> list[str]:
        return [each.item.fields["contact"] for each in found.find_versions("ports", port=(2005, 2005), at=at)]  # type: ignore[arg-type]

    (gap,) = found.find_versions("ports", port=(2005, 2005), at=first)
    assert gap.item.fields["description"] == "Unassigned"
    assert contacts(second) == ["", ""]
    assert contacts(third) == ["[Ann]", "[Ann]"]


def test_a_port_inside_a_range_and_a_range_over_ports_find_the_same_entries(found: HistoryReader) -> None:
    latest = found.list_releases("ports")[-1]
    names = {
        port: [each.item.key.part("name") for each in found.find_versions("ports", port=port, at=latest)]
        for port in ((6000, 6000), (6030, 6030), (6063, 6063), (5999, 5999), (6064, 6064), (0, 65535))
    }
    assert names == {
        (6000, 6000): ["many"],
        (6030, 6030): ["many"],
        (6063, 6063): ["many"],
        (5999, 5999): [],
        (6064, 6064): [],
        (0, 65535): ["keep", "two", "two", "many"],
    }


def test_an_entry_is_found_by_its_name_in_any_case_and_a_contact_by_its_id(found: HistoryReader) -> None:
    assert [each.item.key.part("port") for each in found.find_versions("ports", name="ONE")] == ["10"]
    (contact,) = found.find_versions("ports", name="ann")
    assert contact.item.fields["name"] == "Ann Example"
    assert found.find_versions("ports", name="one", at=found.list_releases("ports")[-1]) == []
    assert len(found.find_versions("ports", name="two", port=(2005, 2005))) == 4
    assert found.find_versions("ports", name="two", port=(10, 10)) == []


def test_the_index_of_versions_has_the_words_of_items_of_every_release(found: HistoryReader) -> None:
    def names(words: str) -> set[tuple[str, str]]:
        statement = """SELECT section, name FROM versions
            WHERE id IN (SELECT rowid FROM versions_fts WHERE versions_fts MATCH ?)"""
        return {(row[0], row[1]) for row in found._db.execute(statement, [full_text_query(words)])}

    assert names("window system") == {("entry", "many")}
    assert names("hello") == {("entry", "many")}
    assert names("Example") == {("contact", "Ann")}
    assert names("keep service") == {("entry", "keep")}
    assert {("entry", "keep"), ("entry", "one"), ("entry", "two")} < names("service")
    assert names("nowhere") == set()


def test_a_snapshot_and_a_content_name_their_release(found: HistoryReader) -> None:
    for each in found.list_releases("ports"):
        assert found.find_by_hash("ports", sha256=each.release.sha256) == each
        assert found.find_by_hash("ports", digest=each.digest) == each
    assert found.find_by_hash("ports", sha256="0" * 64) is None
    assert found.find_by_hash("ports") is None
    first = found.list_releases("ports")[0]
    assert found.find_by_hash("other", digest=first.digest, sha256=first.release.sha256) is None
