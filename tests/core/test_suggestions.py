"""An unknown name is an error that names the known one that was meant."""

from __future__ import annotations

import pytest

from watcher.core.errors import UsageError
from watcher.core.suggestions import PROTOCOLS, require_known, suggest


@pytest.mark.parametrize(
    ("name", "expected"),
    [("tpc", "; did you mean 'tcp'?"), ("TCPP", "; did you mean 'tcp'?"), ("ip", ""), ("", ""), ("x" * 100_000, "")],
)
def test_the_most_similar_name_is_suggested(name: str, expected: str) -> None:
    assert suggest(name, PROTOCOLS) == expected


def test_a_name_or_glob_that_matches_nothing_is_refused() -> None:
    require_known("event", "port-*", ["port-assigned"])
    with pytest.raises(UsageError, match=r"unknown event 'prot-assigned'; did you mean 'port-assigned'\?"):
        require_known("event", "prot-assigned", ["port-assigned"])
    with pytest.raises(UsageError, match=r"unknown event 'x'; known: e0, e1, .*, e17 and 10 more$"):
        require_known("event", "x", [f"e{number}" for number in range(20)])
    with pytest.raises(UsageError, match="unknown channel 'x'; known: none"):
        require_known("channel", "x", [])
