"""A mass removal is held for one more look; when it is confirmed, the one alert says that it is large."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.comparison_schema import validate_comparison
from tests.support.environment import Environment, open_environment
from tests.support.port_releases import release, tcp
from watcher.cli.demo_servers import SOURCE
from watcher.monitor.deliver import deliver_all
from watcher.monitor.result import Outcome

pytestmark = pytest.mark.fault(28)
MANY = [tcp(f"s{number}", str(1000 + number)) for number in range(100)]
DATE = "2021-01-18"
SAID = "60 of 100 entries are removed, and its date is not later"


@pytest.fixture
def env(tmp_path: Path) -> Iterator[Environment]:
    with open_environment(tmp_path) as made:
        made.check(release(MANY, DATE))
        yield made


@pytest.mark.parametrize("by_hand", [False, True])
def test_the_alert_after_a_confirmed_mass_removal_is_marked_with_its_counts(env: Environment, by_hand: bool) -> None:
    result = env.check(release(MANY[:40], DATE))
    assert result.outcome is Outcome.HELD
    assert (env.servers.webhooks, env.servers.mails) == ([], [])
    if by_hand:
        assert result.hold is not None
        with env.service() as service:
            service.ingest(service.source(SOURCE)).decisions.accept(result.hold.id)
            deliver_all(service)
    else:
        assert env.check().outcome is Outcome.CHANGED
    (hook,), (mail,) = env.servers.webhooks, env.servers.mails
    assert hook["data"]["marks"] == {"large_change": SAID}
    assert hook["data"]["counts"]["removed"] == 60
    validate_comparison(hook["data"])
    assert f"large change: {SAID}" in str(mail["Subject"]).replace("\r\n", "")
    parts = {part.get_content_type(): part.get_payload(decode=True) for part in mail.walk() if not part.is_multipart()}
    assert all(b"large change: 60 of 100 entries" in bytes(part).replace(b"\n", b" ") for part in parts.values())  # type: ignore[arg-type]


def test_no_other_alert_is_marked(env: Environment) -> None:
    env.check(release(MANY[:99], "2021-01-19"))
    assert "marks" not in env.servers.webhooks[0]["data"]
    assert "large change" not in env.servers.mails[0].as_string()
