"""The site that most tests of pages share; a test module with other needs has a fixture of its own by this name."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.web.site import Site, open_site


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with open_site(tmp_path_factory.mktemp("site")) as made:
        yield made
