"""`watcher migrate-store`, and the commands on a history that is in PostgreSQL."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.cli_fixtures import RunCli
from tests.support.postgresql import PostgresqlServer

QUESTIONS = (
    "status", "sources", "releases ports", "history", "history --port 8010", "history --since 2025-01-01 --ids",
    "history --search service", "history --event port-*", "show ports --port 443", "show ports --service https",
    "diff ports 2025-01-01 latest", "outbox", "held", "deadlines", "events", "subscriptions list",
    "export ports --to csv", "verify --history", "history --format json", "history --rfc 9110",
)  # fmt: skip


@pytest.fixture
def demo(demo_folder: Path, tmp_path: Path) -> Path:
    """Return the folder of a demo of one's own."""
    return Path(shutil.copytree(demo_folder, tmp_path / "demo"))


def use(folder: Path, key: str, place: object) -> None:
    """Let the configuration of a folder name another place for the history."""
    config = folder / "config.toml"
    text = config.read_text()
    assert "[store]" in text
    config.write_text(text.replace("[store]", f'[store]\n{key} = "{place}"'))


def test_commands_answer_the_same_from_postgresql(run: RunCli, demo: Path, postgresql_server: PostgresqlServer) -> None:
    config, url = str(demo / "config.toml"), postgresql_server.new_location()
    expected = {question: run("--config", config, *question.split()) for question in QUESTIONS}
    assert sum(answer.code == 0 for answer in expected.values()) >= 18
    done = run("--config", config, "migrate-store", str(demo / "history.db"), url)
    assert done.code == 0, done.err
    assert "each compared; 0 differences from the snapshots" in done.out
    assert f'set url = "{url}" in [store]' in done.out
    (demo / "history.db").unlink()
    use(demo, "url", url)
    for question, answer in expected.items():
        assert run("--config", config, *question.split()) == answer, question


def test_a_history_comes_back_as_it_was(run: RunCli, demo: Path, postgresql_server: PostgresqlServer) -> None:
    config, url = str(demo / "config.toml"), postgresql_server.new_location()
    assert run("--config", config, "migrate-store", str(demo / "history.db"), url).code == 0
    back = demo / "back.db"
    assert run("--config", config, "migrate-store", url, str(back)).code == 0
    before = run("--config", config, "history", "--format", "json")
    back.replace(demo / "history.db")
    assert run("--config", config, "history", "--format", "json") == before
    assert run("--config", config, "verify", "--history").code == 0


def test_a_backup_of_postgresql_is_verified_and_restored_to_either(
    run: RunCli, demo: Path, postgresql_server: PostgresqlServer
) -> None:
    config, url, folder = str(demo / "config.toml"), postgresql_server.new_location(), str(demo / "backup")
    assert run("--config", config, "migrate-store", str(demo / "history.db"), url).code == 0
    before = run("--config", config, "history", "--format", "json")
    plain = (demo / "config.toml").read_text()
    use(demo, "url", url)
    assert "6 releases, 8 messages, 6 snapshots" in run("--config", config, "backup", folder).out
    assert run("--config", config, "backup", folder, "--verify").code == 0
    refused = run("--config", config, "backup", folder, "--restore")
    assert "has a history; stop the daemon and rename or drop its schema first" in refused.err
    (demo / "config.toml").write_text(plain)
    use(demo, "url", postgresql_server.new_location())
    assert run("--config", config, "backup", folder, "--restore").code == 0
    assert run("--config", config, "history", "--format", "json") == before
    (demo / "config.toml").write_text(plain)
    (demo / "history.db").unlink()
    assert run("--config", config, "backup", folder, "--restore").code == 0
    assert run("--config", config, "history", "--format", "json") == before


def test_doctor_names_the_server_and_an_empty_database(
    run: RunCli, demo: Path, postgresql_server: PostgresqlServer
) -> None:
    config, url = str(demo / "config.toml"), postgresql_server.new_location()
    assert run("--config", config, "migrate-store", str(demo / "history.db"), url).code == 0
    plain = (demo / "config.toml").read_text()
    use(demo, "url", url)
    assert "MiB, PostgreSQL " in run("--config", config, "doctor").out
    (demo / "config.toml").write_text(plain)
    use(demo, "url", postgresql_server.new_location())
    assert "is missing, but the archive has 6 snapshots of it" in run("--config", config, "doctor").out
    assert "is missing, but the archive has 6 snapshots of it" in run("--config", config, "check").err


def test_a_dry_run_works_on_a_copy(run: RunCli, demo: Path, postgresql_server: PostgresqlServer) -> None:
    config, url = str(demo / "config.toml"), postgresql_server.new_location()
    assert run("--config", config, "migrate-store", str(demo / "history.db"), url).code == 0
    use(demo, "url", url)
    last_check = f"SELECT count(*), max(id) FROM {url.rpartition('%3D')[2]}.checks"  # noqa: S608 - the test's own
    before = postgresql_server.sql(last_check)
    assert "nothing is recorded or sent" in run("--config", config, "check", "--dry-run").out
    assert postgresql_server.sql(last_check) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("history.db", "postgresql://user:secret@/x"), "the URL must have no password"),
        (("history.db", "postgresql:x"), "the URL must begin with postgresql://"),
        (("nothing.db", "copy.db"), "there is no history yet"),
        (("history.db", "history.db"), "is there already; name a new file"),
        (("history.db", "postgresql://watcher@/x?host=/nonexistent"), "cannot be used as the history"),
    ],
)
def test_a_place_that_cannot_be_used_is_an_error(
    run: RunCli, demo: Path, arguments: tuple[str, str], message: str
) -> None:
    places = [str(demo / place) if place.endswith(".db") else place for place in arguments]
    refused = run("--config", str(demo / "config.toml"), "migrate-store", *places)
    assert refused.code != 0
    assert message in refused.err
    assert "secret" not in refused.err


def test_a_password_in_the_configuration_is_refused(run: RunCli, demo: Path) -> None:
    use(demo, "url", "postgresql://user:secret@/x")
    for command in ("status", "config check"):
        refused = run("--config", str(demo / "config.toml"), *command.split())
        assert refused.code != 0
        assert "must have no password" in refused.err
        assert "secret" not in refused.out + refused.err
