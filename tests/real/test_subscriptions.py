"""Random subscriptions select exactly what a brute-force filter over the whole history does, in 2017 to 2023.

The brute force reads the rows of the database with SQL and JSON alone and shares no code with the program.
"""

from __future__ import annotations

import json
import random
import re
import sqlite3
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support import real_data
from tests.support.fake_clock import FakeClock
from tests.support.shared_folder import fill_once
from watcher.alerts.channels import enabled_channels
from watcher.alerts.routing import AlertRouter
from watcher.alerts.subscribers import Plan
from watcher.alerts.subscriptions import EventView, Subscription, matches
from watcher.config.inventory_files import InventoryFiles
from watcher.config.overview import ConfigOverview
from watcher.config.settings import Settings
from watcher.core.event_filter import EventFilter
from watcher.core.read_settings import ReadSettings
from watcher.monitor.candidate import Candidate
from watcher.monitor.ingest import ReleaseIngest
from watcher.monitor.source_parts import assemble_parts
from watcher.reports.attention import EventAttention, view_event
from watcher.reports.observation import ObservationGaps
from watcher.reports.subscriptions import SubscribedPlan, select_from_history
from watcher.store.event_query import EventQuery
from watcher.store.snapshot_archive import SnapshotArchive
from watcher.store.store import Store

SEED = 20261129
SINCE, UNTIL = "2017-01-01", "2024-01-01"
# Small groups whose entries have names, values, people, drafts and RFCs, and change often.
GROUPS = (
    "tls-extensiontype-values",
    "cose",
    "dhcpv6-parameters",
    "ssh-parameters",
    "dns-sec-alg-numbers",
    "pcep",
)
PORT_RELEASES = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class RawEvent:
    """An event as the database has it: its columns, and the fields of the items before and after its changes."""

    columns: Mapping[str, Any]
    source: str
    items: Sequence[tuple[str, Mapping[str, Any], Mapping[str, str]]]  # section, key, fields
    people: Sequence[Mapping[str, str]]  # the contacts that its entries name, as of their releases

    def __getitem__(self, column: str) -> Any:
        return self.columns[column]


@pytest.fixture(scope="module")
def history_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill_once(tmp_path_factory, "subscriptions", write_history) / "history.db"


def write_history(folder: Path) -> None:
    """Write a history of 2017 to 2023: a sample of the releases of the ports, and some registry groups."""
    dates = real_data.ports_dates()
    chosen = sorted({dates[0], dates[-1], *random.Random(SEED).sample(dates, PORT_RELEASES)})  # noqa: S311 - no secret
    series = {"ports": ("ports", list(real_data.ports_releases(chosen)))}
    for group in GROUPS:
        months = [
            month
            for bundle in (real_data.IANA_BUNDLE, real_data.RECENT_IANA_BUNDLE)
            for month, _ in real_data.bundle_versions(bundle).get(group, ())
            if SINCE <= month < UNTIL
        ]
        series[f"iana.{group}"] = ("iana", [(month, real_data.iana_document(group, month)) for month in months])
    with Store(folder / "history.db") as store:
        archive = SnapshotArchive(folder / "kept")
        for source, (rules, documents) in series.items():
            settings_ = ReadSettings(registry=rules, format="xml")
            ingest = ReleaseIngest(assemble_parts(source, settings=settings_, store=store, archive=archive))
            for date, data in documents:
                ingest.ingest(Candidate(data=data, origin=date))


@pytest.fixture(scope="module")
def history(history_file: Path) -> Iterator[Store]:
    with Store(history_file) as store:
        yield store


@pytest.fixture(scope="module")
def raw_events(history: Store, history_file: Path) -> Sequence[RawEvent]:
    with closing(sqlite3.connect(history_file)) as plain:
        plain.row_factory = sqlite3.Row
        rows = plain.execute(
            """SELECT events.*, sources.name AS source FROM events JOIN releases ON releases.id = release_id
            JOIN sources ON sources.id = source_id ORDER BY events.id"""
        ).fetchall()
        events = []
        for row in rows:
            people: list[dict[str, str]] = []
            items = _read_items(plain, row, people)
            events.append(RawEvent(columns=dict(row), source=row["source"], items=items, people=people))
        return events


def _read_items(
    plain: sqlite3.Connection, row: sqlite3.Row, people: list[dict[str, str]]
) -> list[tuple[str, dict[str, Any], dict[str, str]]]:
    """Return the items of the changes of an event, and add the contacts that those of its loud changes name."""
    items = []
    place = "SELECT source_id, place FROM releases WHERE id = ?"
    source, after = plain.execute(place, [row["release_id"]]).fetchone()
    previous = "SELECT max(place) FROM releases WHERE source_id = ? AND place < ?"
    (before,) = plain.execute(previous, [source, after]).fetchone()
    for seq in json.loads(row["changes"]):
        sides = plain.execute(
            "SELECT before_id, after_id, quiet FROM changes WHERE release_id = ? AND seq = ?", [row["release_id"], seq]
        ).fetchone()
        for version, at in ((sides[0], before), (sides[1], after)):
            if version is None:
                continue
            state = plain.execute("SELECT section, key, fields, name, value FROM versions WHERE id = ?", [version])
            section, key, fields, name, value = state.fetchone()
            names = {"lookup": [text for text in (name, value) if text]}
            items.append((section, json.loads(key) | names, json.loads(fields)))
            if section == "entry" and not sides["quiet"]:
                people += _read_people(plain, source, at, json.loads(fields))
    return items


def _read_people(plain: sqlite3.Connection, source: int, place: int, fields: Mapping[str, str]) -> list[dict[str, str]]:
    texts = " ".join(text for name, text in fields.items() if not name.startswith("markup:"))
    rows = plain.execute(
        """SELECT fields FROM versions WHERE source_id = ?1 AND section = 'contact' AND first <= ?2
        AND (until IS NULL OR until > ?2) AND key ->> 'id' IN (SELECT value FROM json_each(?3))""",
        [source, place, json.dumps(re.findall(r"\[([^\[\]]+)\]", texts))],
    )
    return [json.loads(row[0]) for row in rows]


# The brute force: each filter of a table of the configuration, as docs/subscriptions.md describes it.


def brute_force(event: RawEvent, table: Mapping[str, Any], listed: Sequence[str] = ()) -> bool:
    severities = ["info", "notice", "warning"]
    if not any(glob(pattern, event.source) for pattern in table.get("sources", ["*"])):
        return False
    ids = [event["event"], *json.loads(event["also"])]
    patterns = table.get("events", ["*"])
    if event["event"] == "editorial":
        patterns = [pattern for pattern in patterns if set(pattern) != {"*"}]
    if not any(glob(pattern, identifier) for pattern in patterns for identifier in ids):
        return False
    if severities.index(event["severity"]) < severities.index(table.get("severity", "info")):
        return False
    if table.get("kinds") and event["kind"] not in table["kinds"]:
        return False
    if table.get("ports") and numbers(json.loads(event["ports"])).isdisjoint(numbers(table["ports"])):
        return False
    if table.get("protocols") and not set(json.loads(event["protocols"])) & set(table["protocols"]):
        return False
    if table.get("entries") and not any(
        glob(pattern.lower(), name.lower()) for pattern in table["entries"] for name in names(event)
    ):
        return False
    if table.get("contacts") and not any(is_contact(pattern.lower(), event) for pattern in table["contacts"]):
        return False
    if table.get("references") and not any(is_referenced(document, event) for document in table["references"]):
        return False
    if table.get("text") and not any(has_words(text, event) for text in table["text"]):
        return False
    return not table.get("inventory") or any(is_listed(line, event) for line in listed)


def glob(pattern: str, text: str) -> bool:
    """Return whether a pattern of `*` and `?` matches a whole text."""
    parts = [".*" if char == "*" else "." if char == "?" else re.escape(char) for char in pattern]
    return re.fullmatch("".join(parts), text, re.DOTALL) is not None


def numbers(texts: Sequence[str]) -> frozenset[int]:
    return _numbers(tuple(texts))


@cache
def _numbers(texts: tuple[str, ...]) -> frozenset[int]:
    found: set[int] = set()
    for text in texts:
        if match := re.fullmatch(r"(\d{1,5})(?:-(\d{1,5}))?", text):
            found.update(range(int(match[1]), int(match[2] or match[1]) + 1))
    return frozenset(number for number in found if number <= 65535)


def names(event: RawEvent) -> list[str]:
    own = [*event["service"].split(", "), *json.loads(event["values"])]
    entries = [name for section, key, _ in event.items if section == "entry" for name in key["lookup"]]
    return [name for name in (*own, *entries) if name]


def is_contact(pattern: str, event: RawEvent) -> bool:
    texts: list[str] = []
    owners = {"contact", "controller", "owner", "registrant", "assignee", "org", "organization", "organisation"}
    for section, key, fields in event.items:
        plain = {name: text for name, text in fields.items() if not name.startswith("markup:")}
        if section == "contact":
            said = [str(value) for name, value in key.items() if name not in ("ordinal", "lookup")] + [*plain.values()]
            texts += said + [text.replace("mailto:", "").replace("&", "@") for text in said]
        if section == "entry":
            texts += [text for name, text in plain.items() if set(re.findall("[a-z]+", name.lower())) & owners]
            ids = [identifier for text in plain.values() for identifier in re.findall(r"\[([^\[\]]+)\]", text)]
            texts += [
                identifier
                for identifier in ids
                if not re.search(r"(?i)\bRFC[- ]?\d{1,5}\b|\b(draft|RFC)-[a-z]", identifier)
            ]
    said = [text for person in event.people for text in person.values()]
    texts += said + [text.replace("mailto:", "").replace("&", "@") for text in said]
    texts = [text.lower() for text in texts if text]
    if "*" in pattern or "?" in pattern:
        return any(glob(pattern, text) for text in texts)
    return any(pattern in text for text in texts)


def is_referenced(document: str, event: RawEvent) -> bool:
    if document.startswith("draft-"):
        pattern = rf"(?i)\b(?:draft|RFC)-{re.escape(document[6:])}(?:-\d\d)?(?![a-z0-9-])"
    else:
        pattern = rf"(?i)\bRFC[- ]?0*{document.removeprefix('RFC')}\b"
    return any(
        re.search(pattern, text)
        for _, _, fields in event.items
        for column, text in fields.items()
        if not column.startswith("markup:") and re.search(r"(?i)reference|\brefs?\b|spec|rfc|document|defin", column)
    )


def has_words(text: str, event: RawEvent) -> bool:
    texts = [event["summary"]]
    texts += [value for _, _, fields in event.items for name, value in fields.items() if not name.startswith("markup:")]
    return all(
        any(find_in_order(tokens(word), tokens(value)) for value in texts) for word in text.split() if tokens(word)
    )


@cache
def tokens(text: str) -> list[str]:
    plain = "".join(char for char in unicodedata.normalize("NFD", text) if not unicodedata.combining(char))
    return [token for token in re.split(r"[\W_]+", plain.casefold()) if token]


def find_in_order(wanted: Sequence[str], words: Sequence[str]) -> bool:
    return any(list(words[at : at + len(wanted)]) == list(wanted) for at in range(len(words) - len(wanted) + 1))


def is_listed(line: str, event: RawEvent) -> bool:
    """Return whether an event of the ports is about a line of a list: `443`, `443/tcp`, `8000-8100` or a name."""
    if event.source != "ports":
        return False
    place, _, protocol = line.partition("/")
    protocols = json.loads(event["protocols"])
    if numbers([place]):
        fits = not protocol or not protocols or protocol in protocols
        return fits and not numbers([place]).isdisjoint(numbers(json.loads(event["ports"])))
    return line.lower() in {name.lower() for name in names(event)}


# Random filters, made of what the history has and of what it has not.


@st.composite
def tables(draw: st.DrawFn, pool: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Draw a table of one to three filters."""
    table: dict[str, Any] = {}
    for option in draw(st.lists(st.sampled_from([*pool]), min_size=1, max_size=3, unique=True)):
        values = st.sampled_from(pool[option])
        if option in ("sources", "events", "entries", "contacts"):
            values = values.flatmap(lambda text: st.sampled_from(_globs_of(text)))
        table[option] = draw(values) if option == "severity" else draw(st.lists(values, min_size=1, max_size=3))
    return table


def _globs_of(text: str) -> list[str]:
    clean = re.sub(r"[\[\]]", "?", text)  # a set of characters is no part of the brute force
    half = clean[: max(len(clean) // 2, 1)]
    return [
        clean,
        clean.upper() if clean.islower() else clean.lower(),
        f"{half}*",
        f"*{clean[1:]}",
        "?" * len(clean),
        f"{clean}x",
    ]


@pytest.fixture(scope="module")
def pool(raw_events: Sequence[RawEvent]) -> Mapping[str, Sequence[str]]:
    """Return values for each filter that occur in the history, and some that do not."""
    chance = random.Random(SEED)  # noqa: S311 - no secret
    fields = [(name, text) for event in raw_events for _, _, item in event.items for name, text in item.items() if text]
    documents = {f"RFC{number}" for _, text in fields for number in re.findall(r"\[RFC(\d+)", text)}
    drafts = {draft for _, text in fields for draft in re.findall(r"\[(draft-[a-z0-9-]+[a-z0-9])-\d\d\]", text)}
    people = {name for _, text in fields for name in re.findall(r"\[([A-Z][a-z]+_[A-Z][A-Za-z]+)\]", text)}
    words = {word for _, text in fields[::7] for word in text.split() if tokens(word)}
    summaries = [word for event in raw_events for word in event["summary"].split() if tokens(word)]

    said = {text for event in raw_events for text in _said(event)}
    pairs = {f"{one} {two}" for one, two in zip(summaries, summaries[3:], strict=False)}

    def some(values: Sequence[str] | set[str], number: int = 40) -> list[str]:
        ordered = sorted(values)
        return chance.sample(ordered, min(number, len(ordered)))

    return {
        "sources": [*sorted({event.source for event in raw_events}), "absent"],
        "events": [*some({event["event"] for event in raw_events}), "editorial", "absent-event"],
        "kinds": ["added", "modified", "deprecated", "removed"],
        "severity": ["info", "notice", "warning"],
        "ports": [*some({port for event in raw_events for port in json.loads(event["ports"]) if numbers([port])}),
                  "0-1023", "1024-49151", "443", "60000-65535"],
        "protocols": ["tcp", "udp", "sctp", "dccp"],
        "entries": some({name for event in raw_events for name in names(event)}, 80),
        "contacts": [*some(people), *some(said), "org", "*.com", "mailto:*", "*@*"],
        "references": [*some(documents), *some(drafts), "RFC1", "draft-absent"],
        "text": [*some(words, 60), *some(pairs), "TLS"],
    }  # fmt: skip


def _said(event: RawEvent) -> list[str]:
    return [text.partition("&")[2] or text for person in event.people for text in person.values() if text]


@pytest.fixture(scope="module")
def views(history: Store) -> Mapping[int, EventView]:
    everything = [EventFilter(contacts=("*",))]
    return {stored.row: view_event(history, stored, everything) for stored in history.history.events.find(EventQuery())}


def test_the_history_has_events_of_every_kind_and_source(raw_events: Sequence[RawEvent]) -> None:
    assert len(raw_events) > 500
    assert {event["kind"] for event in raw_events} == {"added", "modified", "deprecated", "removed"}
    assert len({event.source for event in raw_events}) > 4


def test_random_filters_select_what_the_brute_force_selects(
    raw_events: Sequence[RawEvent], views: Mapping[int, EventView], pool: Mapping[str, Sequence[str]]
) -> None:
    selected = []

    @settings(deadline=None, max_examples=50, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
    @given(tables(pool))
    def compare(table: dict[str, Any]) -> None:
        subscription = Subscription(name="some", filter=EventFilter.from_table(table))
        by_program = {row for row, view in views.items() if matches(view, subscription)}
        by_force = {event["id"] for event in raw_events if brute_force(event, table)}
        assert by_program == by_force, table
        selected.append(len(by_force))

    compare()
    assert sum(0 < number < len(raw_events) for number in selected) > 12  # many filters select some and not all


def test_random_inventories_select_what_the_brute_force_selects(
    raw_events: Sequence[RawEvent], views: Mapping[int, EventView], pool: Mapping[str, Sequence[str]], tmp_path: Path
) -> None:
    chance = random.Random(SEED)  # noqa: S311 - no secret
    of_ports = [event for event in raw_events if event.source == "ports"]
    services = sorted({event["service"] for event in of_ports if re.fullmatch("[a-z][a-z0-9]{2,}", event["service"])})
    numbers_selected = []
    for number in range(12):
        lines = [*chance.sample(pool["ports"], 3), *chance.sample(services, 3)]
        lines += [f"{port}/{chance.choice(['tcp', 'udp'])}" for port in chance.sample(pool["ports"], 2)]
        (tmp_path / "mine.txt").write_text("\n".join(lines) + "\n")
        table = {"name": "mine", "file": "mine.txt", "source": "ports"}
        inventories = InventoryFiles(Settings(inventory=[table]).inventory, tmp_path, {"ports"})  # type: ignore[list-item]
        more = chance.choice([{}, {"severity": "warning"}, {"kinds": ["added"]}])
        wanted = {"inventory": "mine", **more}
        subscription = Subscription(name="m", filter=EventFilter.from_table(wanted), inventories=inventories)
        by_program = {row for row, view in views.items() if matches(view, subscription)}
        by_force = {event["id"] for event in raw_events if brute_force(event, wanted, lines)}
        assert by_program == by_force, (number, lines)
        numbers_selected.append(len(by_force))
    assert sum(1 for number in numbers_selected if number) > 6


def test_the_report_of_many_subscriptions_is_what_the_brute_force_selects_since_a_day(
    history: Store,
    history_file: Path,
    raw_events: Sequence[RawEvent],
    pool: Mapping[str, Sequence[str]],
    tmp_path: Path,
) -> None:
    """`watcher subscriptions test` reads the history, and goes by the days of releases."""
    chance = random.Random(SEED)  # noqa: S311 - no secret
    options = [option for option in pool if option != "severity"]
    chosen = {
        f"s{number}": {option: chance.sample(pool[option], 2) for option in chance.sample(options, 1 + number % 2)}
        for number in range(40)
    }
    plans = [
        SubscribedPlan(
            name=name,
            plan=Plan(subscription=Subscription(name=name, filter=EventFilter.from_table(table))),
            recipients=(),
        )
        for name, table in chosen.items()
    ]
    overview = ConfigOverview(history=history_file, sources=(), channels=frozenset(), severities={}, archive=Path())
    observation = ObservationGaps(
        overview=overview, checks=history.checks, clock=FakeClock(), attention=EventAttention(store=history)
    )
    with closing(sqlite3.connect(history_file)) as plain:
        dated = dict(plain.execute("SELECT id, dated FROM releases").fetchall())
    since, until = "2018-06-01", "2021-12-31"
    selections = select_from_history(history, observation, plans, since=since, until=until)
    for selection in selections:
        table = chosen[selection.subscribed.name]
        by_force = {
            event["id"]
            for event in raw_events
            if since <= dated[event["release_id"]] <= until and brute_force(event, table)
        }
        assert {observed.stored.row for observed in selection.events} == by_force, table
    assert sum(len(selection.events) for selection in selections) > 100


def test_every_event_is_sent_once_to_each_recipient_whose_subscriptions_select_it(
    history: Store, raw_events: Sequence[RawEvent], pool: Mapping[str, Sequence[str]], tmp_path: Path
) -> None:
    """The messages of releases, over channels of type file, have what the brute force selects, and name why."""
    chance = random.Random(SEED + 1)  # noqa: S311 - no secret
    channels = [{"name": f"c{number}", "type": "file", "path": f"{number}.jsonl"} for number in range(3)]
    options = [option for option in pool if option != "severity"]
    subscriptions: list[dict[str, Any]] = [
        {
            "name": f"s{number}",
            "channels": [f"c{number % 3}"],
            "digest": chance.choice(["channel", "daily", "hourly"]),
            **{option: chance.sample(pool[option], 2) for option in chance.sample(options, 1)},
        }
        for number in range(18)
    ]
    configured = Settings(channel=channels, subscription=subscriptions, folder=tmp_path)  # type: ignore[arg-type]
    router = AlertRouter(settings=configured, clock=FakeClock(), channels=enabled_channels(configured))
    by_key = {(event.source, event["release_id"], event["fingerprint"]): event for event in raw_events}
    compared = 0
    for source in history.history.list_sources():
        releases = history.history.list_releases(source)
        for before, release in list(pairwise(releases))[-12:]:
            comparison = history.history.events.read_comparison(source, release, before)
            sent: dict[tuple[str, str], set[str]] = {}
            for delivery in router.for_release(comparison):
                data = json.loads(delivery.body)["data"]
                for event in data["events"]:
                    key = (delivery.channel, event["fingerprint"])
                    assert key not in sent, "an event was sent twice to one recipient"
                    sent[key] = set(data["subscriptions"])
            for event in comparison.events:
                raw = by_key[source, release.row, event.fingerprint]
                for channel in ("c0", "c1", "c2"):
                    wanted = {
                        table["name"]
                        for table in subscriptions
                        if channel in table["channels"] and brute_force(raw, table)
                    }
                    assert wanted <= sent.get((channel, event.fingerprint), set())
                    assert bool(wanted) == ((channel, event.fingerprint) in sent)
                    compared += bool(wanted)
    assert compared > 50
