"""The words of a text are those that SQLite's tokenizer finds in it, so that both databases find the same rows."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.postgresql import PostgresqlServer
from watcher.store.event_query import full_text_query
from watcher.store.postgresql.search_words import encode_query, encode_text, split_words

# What registries are written in: Latin, Greek and Cyrillic letters, digits, punctuation, symbols.
LETTERS = st.one_of(
    st.characters(min_codepoint=0x20, max_codepoint=0x7E),
    st.characters(min_codepoint=0xA0, max_codepoint=0x17F),
    st.sampled_from("αβγΔΩςабвГДЯ日本語ﬁ½²№…—“”•€\ue000\u0301\u0308\u0313\t\n_-/.:+"),
)


def _split_by_sqlite(text: str) -> list[str]:
    with closing(sqlite3.connect(":memory:")) as plain:
        plain.execute("CREATE VIRTUAL TABLE f USING fts5 (text, tokenize = 'unicode61')")
        plain.execute("CREATE VIRTUAL TABLE v USING fts5vocab (f, instance)")
        plain.execute("INSERT INTO f VALUES (?)", [text])
        return [term for (term,) in plain.execute('SELECT term FROM v ORDER BY "offset"')]


@given(st.text(LETTERS, max_size=40))
def test_a_text_has_the_words_that_sqlite_finds(text: str) -> None:
    assert split_words(text) == _split_by_sqlite(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("TLS_AES_128_GCM_SHA256", ["tls", "aes", "128", "gcm", "sha256"]),
        ("draft-ietf-lsr-flex-algo", ["draft", "ietf", "lsr", "flex", "algo"]),
        ("0x13,0x01 3.5e7 -2", ["0x13", "0x01", "3", "5e7", "2"]),
        ("https://www.iana.org/assignments/", ["https", "www", "iana", "org", "assignments"]),
        ("Jürgen Schönwälder", ["jurgen", "schonwalder"]),
        ("", []),
        ("--- …", []),
    ],
)
def test_words_of_registries(text: str, words: list[str]) -> None:
    assert split_words(text) == words == _split_by_sqlite(text)


def test_a_text_longer_than_a_tsvector_is_cut(postgresql_server: PostgresqlServer) -> None:
    for text in ("x" * 3_000, " ".join(map(str, range(100_000))), "é" * 300_000, "日" * 300_000):
        size = postgresql_server.sql(f"SELECT length('{encode_text(text)[:100_000]}'::tsvector)")
        assert int(size) > 0


@pytest.mark.parametrize(
    ("query", "encoded"),
    [
        (full_text_query("window System"), "window & system"),
        (full_text_query("foo-bar baz"), "foo <-> bar & baz"),
        (full_text_query('say "hello"'), "say & hello"),
        (full_text_query("a -- b"), "a & b"),
        (full_text_query("--"), ""),
        (full_text_query(""), ""),
        (f"{full_text_query('port 80-9')}*", "port & 80 <-> 9:*"),
        (f"{full_text_query('or OR')}*", "or & or:*"),
        ('"Ann_B" OR "Bob"', "ann <-> b | bob"),
        ("temporary", "temporary"),
    ],
)
def test_a_query_is_written_in_the_other_notation(query: str, encoded: str) -> None:
    assert encode_query(query) == encoded


@given(text=st.text(LETTERS, max_size=30), asked=st.text(LETTERS, max_size=6), begun=st.booleans())
def test_a_query_finds_a_text_in_both_or_in_neither(
    postgresql_connection: object, text: str, asked: str, begun: bool
) -> None:
    query = full_text_query(asked) + "*" * begun
    with closing(sqlite3.connect(":memory:")) as plain:
        plain.execute("CREATE VIRTUAL TABLE f USING fts5 (text, tokenize = 'unicode61')")
        plain.execute("INSERT INTO f VALUES (?)", [text])
        expected = plain.execute("SELECT count(*) FROM f WHERE f MATCH ?", [query]).fetchone()[0] > 0
    found = postgresql_connection.execute(  # type: ignore[attr-defined]
        "SELECT CAST(%s AS tsvector) @@ CAST(%s AS tsquery)", [encode_text(text), encode_query(query)]
    ).fetchone()[0]
    assert found == expected
