"""Queries of the history: events, releases and states of entries, and the errors for unknown ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.support.port_releases import Row, person, release, tcp, udp, unassigned
from tests.support.raw_sql import connection
from tests.support.store_fixtures import DATABASES, make_location
from watcher.core.errors import UsageError
from watcher.core.model import Severity
from watcher.core.read_settings import ReadSettings
from watcher.monitor.candidate import Candidate
from watcher.monitor.ingest import ReleaseIngest
from watcher.monitor.source_parts import assemble_parts
from watcher.reports.events import head_of
from watcher.store import event_reader
from watcher.store.database import SqliteDatabase
from watcher.store.event_query import EventQuery, full_text_query
from watcher.store.history_reader import HistoryReader
from watcher.store.location import HistoryLocation
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


@pytest.fixture(scope="module", params=DATABASES)
def history(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HistoryReader]:
    folder = tmp_path_factory.mktemp("queries")
    with Store(make_location(request, folder)) as store:
        archive = SnapshotArchive(folder / "kept")
        ingest = ReleaseIngest(
            assemble_parts("ports", settings=ReadSettings(registry="ports", format="xml"), store=store, archive=archive)
        )
        for data in SERIES.values():
            ingest.ingest(Candidate(data=data, origin="git:x"))
        other = ReleaseIngest(
            assemble_parts("other", settings=ReadSettings(registry="ports", format="xml"), store=store, archive=archive)
        )
        for data in list(SERIES.values())[1:]:
            other.ingest(Candidate(data=data, origin="git:x"))
        yield store.history


def list_events(history: HistoryReader, wanted: EventQuery) -> list[tuple[str, str, str]]:
    return [(event.release.dated, event.event.id, event.event.service) for event in history.events.find(wanted)]


ASSIGNED = ("2020-02-01", "port-assigned", "two")
RELEASED = ("2020-03-01", "port-released", "one")
REGISTERED = ("2020-03-01", "service-name-registered", "nameless")
DESCRIBED = ("2020-03-01", "description-changed", "many")
CONTACT = ("2020-03-01", "contact-changed", "two")
ALL = [ASSIGNED, RELEASED, REGISTERED, DESCRIBED, CONTACT]


def test_events_are_sorted_by_date_then_by_falling_severity(history: HistoryReader) -> None:
    events = history.events.find(EventQuery(sources=("ports",)))
    assert sorted(list_events(history, EventQuery(sources=("ports",)))) == sorted(ALL)
    days = [event.release.dated for event in events]
    assert days == sorted(days)
    latest = [event.event.severity.rank for event in events if event.release.dated == "2020-03-01"]
    assert latest == sorted(latest, reverse=True)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (EventQuery(ports=((2005, 2005),)), [ASSIGNED, CONTACT]),
        (EventQuery(ports=((6010, 6010),)), [DESCRIBED]),
        (EventQuery(ports=((6063, 7000),)), [DESCRIBED]),
        (EventQuery(ports=((6064, 7000),)), []),
        (EventQuery(ports=((0, 65535),)), [ASSIGNED, RELEASED, DESCRIBED, CONTACT]),
        (EventQuery(ports=((2000, 2004),)), []),
        (EventQuery(services=("two",)), [ASSIGNED, CONTACT]),
        (EventQuery(services=("TWO",)), [ASSIGNED, CONTACT]),
        (EventQuery(services=("tw",)), []),
        (EventQuery(services=("nameless",)), [REGISTERED]),
        (EventQuery(protocols=("udp",)), [ASSIGNED, CONTACT]),
        (EventQuery(protocols=("sctp",)), []),
        (EventQuery(events=("port-assigned",)), [ASSIGNED]),
        (EventQuery(events=("port-*",)), [ASSIGNED, RELEASED]),
        (EventQuery(events=("*-changed",)), [DESCRIBED, CONTACT]),
        (EventQuery(events=("port",)), []),
        (EventQuery(kinds=("removed",)), [RELEASED]),
        (EventQuery(kinds=("added",)), [ASSIGNED, REGISTERED]),
        (EventQuery(kinds=("deprecated",)), []),
        (EventQuery(severity=Severity.WARNING), [RELEASED]),
        (EventQuery(severity=Severity.NOTICE), [ASSIGNED, RELEASED, REGISTERED]),
        (EventQuery(severity=Severity.INFO), ALL),
        (EventQuery(since="2020-02-01"), ALL),
        (EventQuery(since="2020-02-02"), [RELEASED, REGISTERED, DESCRIBED, CONTACT]),
        (EventQuery(until="2020-02-01"), [ASSIGNED]),
        (EventQuery(until="2020-01-31"), []),
        (EventQuery(since="2020-03-01", until="2020-03-01", kinds=("modified",)), [DESCRIBED, CONTACT]),
        (EventQuery(text="window"), [DESCRIBED]),
        (EventQuery(text="WINDOW system"), [DESCRIBED]),
        (EventQuery(text="window nowhere"), []),
        (EventQuery(text="two service"), [ASSIGNED, CONTACT]),
        (
            EventQuery(services=("two",), kinds=("added",), ports=((2005, 2005),), protocols=("udp",), text="service"),
            [ASSIGNED],
        ),
        (EventQuery(services=("two",), kinds=("removed",)), []),
    ],
    ids=repr,
)
def test_filters_of_events_are_combined_with_and(
    history: HistoryReader, wanted: EventQuery, expected: Sequence[tuple[str, str, str]]
) -> None:
    answers = [event for event in history.events.find(wanted) if event.source == "ports"]
    assert sorted((event.release.dated, event.event.id, event.event.service) for event in answers) == sorted(expected)


PORTS = st.sampled_from([(1, 1), (10, 10), (2000, 2009), (2005, 2005), (6010, 6020), (6063, 7000), (9, 9), (0, 65535)])
FILTERS = st.fixed_dictionaries(
    {},
    optional={
        "sources": st.lists(st.sampled_from(["ports", "other", "nobody"]), min_size=1),
        "ports": st.lists(PORTS, min_size=1),
        "services": st.lists(st.sampled_from(["one", "TWO", "many", "nameless", "nobody"]), min_size=1),
        "protocols": st.lists(st.sampled_from(["tcp", "udp", "sctp"]), min_size=1),
        "events": st.lists(st.sampled_from(["port-*", "*-changed", "port-assigned", "contact-changed"]), min_size=1),
        "kinds": st.lists(st.sampled_from(["added", "modified", "removed"]), min_size=1),
    },
)


@given(filters=FILTERS)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_repeated_filters_are_the_union_of_single_ones_and_different_filters_the_intersection(
    history: HistoryReader, filters: dict[str, list[object]]
) -> None:
    expected = history.events.find(EventQuery())
    for name, values in filters.items():
        rows = {event.row for value in values for event in history.events.find(EventQuery(**{name: (value,)}))}  # type: ignore[arg-type]
        expected = [event for event in expected if event.row in rows]
    assert history.events.find(EventQuery(**{name: tuple(values) for name, values in filters.items()})) == expected  # type: ignore[arg-type]


@given(ports=st.lists(PORTS, min_size=1), names=st.lists(st.sampled_from(["one", "TWO", "many", "nobody"]), min_size=1))
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_versions_at_several_ports_are_the_union_of_those_at_each(
    history: HistoryReader, ports: list[tuple[int, int]], names: list[str]
) -> None:
    everything = history.versions.find("ports")
    find = history.versions.find
    at_ports = {version.row for port in ports for version in find("ports", ports=[port])}
    with_names = {version.row for name in names for version in find("ports", names=[name])}
    assert find("ports", ports=ports) == [version for version in everything if version.row in at_ports]
    assert find("ports", names=names) == [version for version in everything if version.row in with_names]
    assert {version.row for version in find("ports", ports=ports, names=names)} == at_ports & with_names


def test_events_are_those_of_one_source_or_of_all(history: HistoryReader) -> None:
    alone = history.events.find(EventQuery(sources=("other",)))
    assert {event.source for event in alone} == {"other"}
    assert [event.release.dated for event in alone] == ["2020-03-01"] * 4
    assert {event.source for event in history.events.find(EventQuery())} == {"ports", "other"}
    assert len(history.events.find(EventQuery())) == len(ALL) + 4
    assert history.events.find(EventQuery(sources=("nobody",))) == []


def test_a_limit_keeps_the_newest_events_in_order(history: HistoryReader) -> None:
    everything = history.events.find(EventQuery(sources=("ports",)))
    assert history.events.find(EventQuery(sources=("ports",), limit=2)) == everything[-2:]
    assert history.events.find(EventQuery(sources=("ports",), limit=100)) == everything


def test_a_renamed_service_is_found_under_both_names(tmp_path: Path) -> None:
    with Store(tmp_path / "history.db") as store:
        ingest = ReleaseIngest(
            assemble_parts(
                "ports",
                settings=ReadSettings(registry="ports", format="xml"),
                store=store,
                archive=SnapshotArchive(tmp_path / "kept"),
            )
        )
        for day, name in (("2020-01-01", "old-name"), ("2020-02-01", "new-name")):
            row = tcp(name, "10", description="The same", contact="Ann")
            ingest.ingest(Candidate(data=release([KEEP, row], day), origin="git:x"))
        queries = store.history
        for name in ("old-name", "new-name", "New-Name"):
            assert [event.event.id for event in queries.events.find(EventQuery(services=(name,)))] == [
                "service-renamed"
            ]
        assert queries.events.find(EventQuery(services=("keep",))) == []


def test_an_event_comes_with_its_release_and_the_one_before_it(history: HistoryReader) -> None:
    (event,) = history.events.find(EventQuery(sources=("ports",), kinds=("removed",)))
    releases = history.list_releases("ports")
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
def test_operators_of_full_text_search_have_no_meaning(history: HistoryReader, text: str, count: int | None) -> None:
    answers = history.events.find(EventQuery(sources=("ports",), text=text))
    assert all(event.event.service == "many" for event in answers)
    assert count is None or len(answers) == count
    assert len(history.events.find(EventQuery(sources=("ports",)))) == len(ALL)


@pytest.mark.fault(65)
@given(text=st.text(max_size=20) | st.text(alphabet='"*()^:+-{}, ANDORTE', max_size=20))
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_can_be_searched_for(history: HistoryReader, text: str) -> None:
    assert len(history.events.find(EventQuery(sources=("ports",), text=text))) <= len(ALL)


@pytest.mark.fault(65)
@pytest.mark.parametrize("text", ["' OR 1=1 --", "ports'", '"', "%", "_", "[a-", "\0"])
def test_no_filter_can_become_sql(history: HistoryReader, text: str) -> None:
    for wanted in (
        EventQuery(sources=(text,)),
        EventQuery(services=(text,)),
        EventQuery(protocols=(text,)),
        EventQuery(events=(text,)),
    ):
        assert history.events.find(wanted) == []
    assert history.versions.find("ports", names=[text]) == []


def test_events_are_read_some_at_a_time(history: HistoryReader, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = history.events.find(EventQuery())
    places = history.events.find_places(EventQuery())
    assert [event for event, _ in places.rows] == [event.row for event in wanted]
    assert {head_of(event) for event in wanted} == places.heads
    monkeypatch.setattr(event_reader, "_READ_TOGETHER", 2)
    decoded: list[object] = []
    decode_event = event_reader.decode_event
    monkeypatch.setattr(event_reader, "decode_event", lambda row: (decoded.append(row), decode_event(row))[1])
    events = history.events.read(places)
    assert next(events) == wanted[0]
    assert len(decoded) == 2
    assert [*events] == wanted[1:]
    # Those that a rebuild deleted after the search.
    removed = replace(places, rows=((10**6, places.rows[0][1]), *places.rows[1:]))
    assert [*history.events.read(removed)] == wanted[1:]


@pytest.mark.parametrize(
    "ask",
    [
        lambda queries: queries.events.find(EventQuery(ports=((10, 10),))),
        lambda queries: queries.events.find(EventQuery(ports=((10, 10), (443, 443), (2000, 2010)))),
        lambda queries: queries.events.find(EventQuery(services=("two",))),
        lambda queries: queries.events.find(EventQuery(services=("two", "many"))),
        lambda queries: queries.events.find(EventQuery(sources=("ports", "other"), kinds=("added", "removed"))),
        lambda queries: queries.events.find(
            EventQuery(sources=("ports", "other"), ports=((10, 10), (2005, 2005)), protocols=("tcp", "udp"))
        ),
        lambda queries: queries.versions.find("ports", ports=[(10, 10)]),
        lambda queries: queries.versions.find("ports", ports=[(10, 10), (2000, 2010)]),
        lambda queries: queries.versions.find("ports", names=["two"]),
        lambda queries: queries.versions.find("ports", names=["two", "one"]),
        lambda queries: queries.find_release("ports", "latest"),
        lambda queries: queries.events.find(EventQuery(document="rfc9350")),
        lambda queries: queries.versions.follow("ports", [2, 3]).previous,
    ],
)
def test_queries_by_number_or_name_use_an_index(history: HistoryReader, ask: Callable[[HistoryReader], object]) -> None:
    db, asked = history._db, []
    if not isinstance(db, SqliteDatabase):
        pytest.skip("PostgreSQL reads the whole of a table that is as small as this one")
    db.conn.set_trace_callback(asked.append)
    assert ask(history)
    db.conn.set_trace_callback(None)
    steps = [step[3] for statement in asked for step in db.execute(f"EXPLAIN QUERY PLAN {statement}")]
    assert len(steps) > 1
    for step in steps:
        # An index on the source alone would read all versions of the source.
        assert not step.startswith("SCAN") or "VIRTUAL TABLE" in step, steps
        assert not ("versions" in step and step.endswith("(source_id=?)")), steps


def test_entries_that_name_a_contact_are_found_by_its_words(tmp_path: Path) -> None:
    with Store(tmp_path / "history.db") as store:
        db, asked = store.database, []
        assert isinstance(db, SqliteDatabase)
        db.conn.set_trace_callback(asked.append)
        assert store.history.versions.find_naming("ports", "Ann") == []
        db.conn.set_trace_callback(None)
        (statement,) = (each for each in asked if "versions_fts MATCH" in each)
        first, second = (step[3] for step in db.execute(f"EXPLAIN QUERY PLAN {statement}"))
    # The other way around SQLite reads every entry of the source.
    assert "VIRTUAL TABLE" in first
    assert second == "SEARCH versions USING INTEGER PRIMARY KEY (rowid=?)"


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
def test_a_date_names_the_last_release_published_on_or_before_it(history: HistoryReader, asked: str, day: str) -> None:
    assert history.find_release("ports", asked).release.published == day


def test_a_day_with_two_releases_names_the_second(tmp_path: Path, location: HistoryLocation) -> None:
    with Store(location) as store:
        ingest = ReleaseIngest(
            assemble_parts(
                "ports",
                settings=ReadSettings(registry="ports", format="xml"),
                store=store,
                archive=SnapshotArchive(tmp_path / "kept"),
            )
        )
        for hour, rows in enumerate(([KEEP], [KEEP, RANGE])):
            ingest.ingest(
                Candidate(data=release(rows), origin="https://x", observed=f"2020-01-01T0{hour}:00:00Z", live=True)
            )
        assert store.history.find_release("ports", "2020-01-01").release.entries == 2


def test_a_date_before_the_first_release_is_refused_with_the_date_of_the_first(history: HistoryReader) -> None:
    with pytest.raises(UsageError, match=r"on or before 2019-12-31; the first is of 2020-01-01"):
        history.find_release("ports", "2019-12-31")


def test_a_release_is_found_by_a_prefix_of_its_id_or_of_its_snapshots_sha256(history: HistoryReader) -> None:
    for stored in history.list_releases("ports"):
        assert history.find_release("ports", stored.release.id) == stored
        assert history.find_release("ports", stored.release.id.upper()) == stored
        assert history.find_release("ports", stored.digest) == stored
        assert history.find_release("ports", stored.digest[:8]) == stored
        assert history.find_release("ports", stored.release.sha256) == stored
        assert history.find_release("ports", stored.release.sha256[:8]) == stored
        assert stored.release.id == stored.digest[:12]


def test_a_release_is_found_by_each_of_its_snapshots(tmp_path: Path, location: HistoryLocation) -> None:
    with Store(location) as store:
        ingest = ReleaseIngest(
            assemble_parts(
                "ports",
                settings=ReadSettings(registry="ports", format="xml"),
                store=store,
                archive=SnapshotArchive(tmp_path / "kept"),
            )
        )
        data = SERIES["2020-01-01"]
        shas = [
            ingest.ingest(Candidate(data=snapshot, origin="git:x")).sha256
            for snapshot in (data, data.replace(b"<?xml-s", b"<?xml-t"))
        ]
        assert len(set(shas)) == 2
        queries = store.history
        assert [queries.find_release("ports", sha256[:12]) for sha256 in shas] == queries.list_releases("ports") * 2


def test_a_prefix_that_several_releases_share_is_refused(tmp_path: Path, location: HistoryLocation) -> None:
    with Store(location) as store:
        ingest = ReleaseIngest(
            assemble_parts(
                "ports",
                settings=ReadSettings(registry="ports", format="xml"),
                store=store,
                archive=SnapshotArchive(tmp_path / "kept"),
            )
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
    "reference", ["ffffffffffff", "abc", "", "yesterday", "2020-1-1", "%", "____", "2020-02-01 ", "g" * 12]
)
def test_an_unknown_release_is_refused_with_what_to_give(history: HistoryReader, reference: str) -> None:
    with pytest.raises(UsageError, match=r"ports has no release .*give a date, or an id that `watcher releases ports`"):
        history.find_release("ports", reference)


def test_an_unknown_source_is_refused_with_the_known_ones(history: HistoryReader) -> None:
    for ask in (history.list_releases, history.read_registry_id, lambda source: history.find_release(source, "latest")):
        with pytest.raises(UsageError, match=r"named 'nobody'; known: other, ports"):
            ask("nobody")
    assert history.find_latest("nobody") is None


def test_a_history_without_releases_says_what_to_run(location: HistoryLocation) -> None:
    with (
        Store(location) as store,
        pytest.raises(UsageError, match="named 'ports' yet; run `watcher check` or `watcher import`"),
    ):
        store.history.find_release("ports", "latest")


def test_the_states_of_a_port_are_listed_the_oldest_first_with_their_releases(history: HistoryReader) -> None:
    states = [
        (state.item.key.values, state.first.dated, state.until.dated if state.until else None)
        for state in history.versions.find("ports", ports=[(2005, 2005)])
    ]
    assert states == [
        (("", "2000-2009", ""), "2020-01-01", "2020-02-01"),
        (("two", "2005", "tcp"), "2020-02-01", "2020-03-01"),
        (("two", "2005", "udp"), "2020-02-01", "2020-03-01"),
        (("two", "2005", "tcp"), "2020-03-01", None),
        (("two", "2005", "udp"), "2020-03-01", None),
    ]


def test_the_states_of_a_port_in_one_release(history: HistoryReader) -> None:
    first, second, third = history.list_releases("ports")

    def contacts(at: object) -> list[str]:
        return [state.item.fields["contact"] for state in history.versions.find("ports", ports=[(2005, 2005)], at=at)]  # type: ignore[arg-type]

    (gap,) = history.versions.find("ports", ports=[(2005, 2005)], at=first)
    assert gap.item.fields["description"] == "Unassigned"
    assert contacts(second) == ["", ""]
    assert contacts(third) == ["[Ann]", "[Ann]"]


def test_a_port_inside_a_range_and_a_range_over_ports_find_the_same_entries(history: HistoryReader) -> None:
    latest = history.list_releases("ports")[-1]
    names = {
        port: [state.item.key.part("name") for state in history.versions.find("ports", ports=[port], at=latest)]
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


def test_an_entry_is_found_by_its_name_in_any_case_and_a_contact_by_its_id(history: HistoryReader) -> None:
    assert [state.item.key.part("port") for state in history.versions.find("ports", names=["ONE"])] == ["10"]
    (contact,) = history.versions.find("ports", names=["ann"])
    assert contact.item.fields["name"] == "Ann Example"
    assert history.versions.find("ports", names=["one"], at=history.list_releases("ports")[-1]) == []
    assert len(history.versions.find("ports", names=["two"], ports=[(2005, 2005)])) == 4
    assert history.versions.find("ports", names=["two"], ports=[(10, 10)]) == []


def test_the_index_of_versions_has_the_words_of_items_of_every_release(history: HistoryReader) -> None:
    def names(words: str) -> set[tuple[str, str]]:
        statement = """SELECT section, name FROM versions
            WHERE id IN (SELECT rowid FROM versions_fts WHERE versions_fts MATCH ?)"""
        return {(row[0], row[1]) for row in history._db.execute(statement, [full_text_query(words)])}

    assert names("window system") == {("entry", "many")}
    assert names("hello") == {("entry", "many")}
    assert names("Example") == {("contact", "Ann")}
    assert names("keep service") == {("entry", "keep")}
    assert {("entry", "keep"), ("entry", "one"), ("entry", "two")} < names("service")
    assert names("nowhere") == set()


def test_a_snapshot_and_a_content_name_their_release(history: HistoryReader) -> None:
    for stored in history.list_releases("ports"):
        assert history.find_by_hash("ports", sha256=stored.release.sha256) == stored
        assert history.find_by_hash("ports", digest=stored.digest) == stored
    assert history.find_by_hash("ports", sha256="0" * 64) is None
    assert history.find_by_hash("ports") is None
    first = history.list_releases("ports")[0]
    assert history.find_by_hash("other", digest=first.digest, sha256=first.release.sha256) is None
