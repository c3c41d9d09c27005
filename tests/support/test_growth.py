from __future__ import annotations

import pytest

from tests.support import growth


@pytest.mark.parametrize("noise", [0.6, 1, 1.7])
def test_the_square_of_the_size_is_found(noise: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Here the work returns its time; `noise` makes the time of the larger size longer or shorter."""
    monkeypatch.setattr(growth, "cpu", lambda work: work())
    growth.assert_linear(lambda size, _: lambda: 2 + size * (noise if size > 100 else 1), 100)
    with pytest.raises(pytest.fail.Exception, match="4 times the size took"):
        growth.assert_linear(lambda size, _: lambda: 2 + size**2 * (noise if size > 100 else 1), 100)
