"""A URL that is read without the second parser is read as both parsers read it."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from urllib3.util import parse_url

from watcher.fetch import urls

NEAR_PLAIN = st.from_regex(
    r"(https?|HTTP|file|ftp)://([a-z0-9.-]{1,12}@)?[a-z0-9.-]{1,20}(:[0-9]{0,6})?([/?#][A-Za-z0-9/._~%?#&=@:-]{0,20})?",
    fullmatch=True,
)
PLAIN = st.from_regex(urls._PLAIN_URL.pattern, fullmatch=True)


@given(url=PLAIN | NEAR_PLAIN)
@example(url="https://1.2.3/")
@example(url="http://0x7f.1/..//../a")
@example(url="https://xn--a.example:9999/./x")
@settings(max_examples=500, deadline=None)
def test_two_parsers_and_the_codec_of_the_resolver_agree_on_every_plain_url(url: str) -> None:
    plain = urls._PLAIN_URL.fullmatch(url)
    if plain is None:
        return
    parts, other = urlsplit(url), parse_url(url)
    assert (parts.scheme, parts.hostname) == (other.scheme, other.host) == (plain[1], plain[2])
    assert parts.port == other.port
    assert "@" not in parts.netloc
    assert other.auth is None
    assert plain[2].encode("idna").decode() == plain[2]


@given(url=PLAIN | NEAR_PLAIN, allow_private=st.booleans(), has_proxy=st.booleans())
@settings(max_examples=300, deadline=None)
def test_a_plain_url_is_accepted_or_refused_as_without_the_short_cut(
    url: str, allow_private: bool, has_proxy: bool
) -> None:
    def find_problem() -> str | None:
        return urls.find_url_problem(url, allow_private=allow_private, has_proxy=has_proxy)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(urls, "_PLAIN_URL", re.compile(r"(?!)"))
        patch.setattr(urls, "_PLAIN_HOST", re.compile(r"(?!)"))
        without = find_problem()
    assert find_problem() == without


@pytest.mark.parametrize(
    "url",
    [
        "https://user@registry.example/",
        "https://registry.example:99999/",
        "https://registry.example\\@other.example/",
        "https://registry.example.:443/",
        "https://[::1]/",
        "https://-registry.example/",
        f"https://{'a' * 64}.example/",
        "https://registry..example/",
        "https://registry.example\n/",
    ],
)
def test_any_other_url_is_read_by_both_parsers(url: str) -> None:
    assert urls._PLAIN_URL.fullmatch(url) is None
