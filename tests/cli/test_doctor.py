"""`parley doctor` finds what is broken in a real set-up, says what to do, and gives nothing away."""

import json
from pathlib import Path

import asyncpg
import pytest
from click.testing import CliRunner

from kit.servers import MakePostgres, MakeValkey, execute, run_apart
from parley_runtime.cli import main
from parley_runtime.cli.doctor.bus import check_node
from parley_runtime.cli.doctor.clock import check_skew
from parley_runtime.cli.doctor.finding import Finding, Level
from parley_runtime.cli.doctor.local import check_widget
from parley_runtime.database import migrate
from parley_runtime.embedded import PostgresServer, free_port

CLOSED = "redis://:hidden-password@127.0.0.1:9/0"


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Ports and spool of this test; stores that do not answer unless the test names others."""
    for name in ("LISTEN", "METRICS_LISTEN", "BILLING_LISTEN"):
        monkeypatch.setenv(f"PARLEY_{name}", f"127.0.0.1:{free_port()}")
    monkeypatch.setenv("PARLEY_SPOOL_DIRECTORY", str(tmp_path / "spool"))
    monkeypatch.setenv("PARLEY_REDIS_URL", CLOSED)
    monkeypatch.setenv("PARLEY_DATABASE_URL", "postgresql://someone:hidden-password@127.0.0.1:9/parley")


def ask() -> list[Finding]:
    result = CliRunner().invoke(main, ["doctor", "--json"])
    answer = json.loads(result.output)
    findings = [Finding(**finding) for finding in answer["findings"]]
    broken = any(finding.level == Level.PROBLEM for finding in findings)
    assert result.exit_code == int(broken) and answer["ok"] is not broken
    assert "hidden-password" not in result.output
    return findings


def problems(findings: list[Finding], subject: str) -> list[str]:
    return [finding.message for finding in findings if finding.subject == subject and finding.level == Level.PROBLEM]


def warnings(findings: list[Finding], subject: str) -> list[str]:
    return [finding.message for finding in findings if finding.subject == subject and finding.level == Level.WARNING]


def test_stores_that_do_not_answer() -> None:
    findings = ask()
    for subject in ("Redis", "Postgres"):
        [message] = problems(findings, subject)
        assert "127.0.0.1:9" in message and "does not answer" in message


def test_people_get_sentences() -> None:
    output = CliRunner().invoke(main, ["doctor"]).output
    assert "PROBLEM Redis: redis://127.0.0.1:9/0 does not answer" in output and "→ See that the server runs" in output
    assert "hidden-password" not in output


def test_settings_that_cannot_be_read_stop_the_examination(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARLEY_DATABASE_POOL", "many")
    findings = ask()
    [message] = problems(findings, "Settings")
    assert "PARLEY_DATABASE_POOL" in message
    assert {finding.subject for finding in findings} == {"Python", "Settings"}


@pytest.mark.servers
def test_a_sound_set_up_has_no_problem_in_its_stores(
    redis_url: str, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARLEY_REDIS_URL", redis_url)
    monkeypatch.setenv("PARLEY_DATABASE_URL", database_url)
    findings = ask()
    for subject in ("Redis", "Postgres", "Schema", "Row security", "Roles", "Clocks", "Ports", "Spool"):
        assert problems(findings, subject) == []
        assert any(finding.subject == subject for finding in findings)
    assert any("no synchronous standby" in message for message in warnings(findings, "Postgres"))
    assert any("holds no tenant" in message for message in warnings(findings, "Tenants"))


@pytest.mark.servers
def test_a_database_that_was_not_migrated(postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARLEY_DATABASE_URL", postgres_server.url)
    [message] = problems(ask(), "Schema")
    assert "no tables" in message


def test_a_database_url_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARLEY_DATABASE_URL", "hidden-password")
    finding = next(each for each in ask() if each.subject == "Postgres")
    assert finding.level == Level.PROBLEM and "postgresql://user:password@host:port/database" in finding.help


@pytest.mark.servers
def test_a_wrong_password_and_a_missing_database(
    postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARLEY_DATABASE_URL", postgres_server.database_url("absent"))
    finding = next(each for each in ask() if each.subject == "Postgres")
    assert "createdb" in finding.help
    wrong = f"postgresql://postgres:hidden-password@127.0.0.1:{postgres_server.port}/postgres"
    monkeypatch.setenv("PARLEY_DATABASE_URL", wrong)
    finding = next(each for each in ask() if each.subject == "Postgres")
    assert "user and password" in finding.help


@pytest.mark.servers
def test_row_security_that_was_lifted(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARLEY_DATABASE_URL", database_url)
    run_apart(lambda: execute(database_url, "ALTER TABLE parley.comments NO FORCE ROW LEVEL SECURITY"))
    [message] = problems(ask(), "Row security")
    assert "comments" in message


@pytest.mark.servers
def test_a_server_that_loses_acknowledged_rows_and_a_role_that_sees_all(
    make_postgres: MakePostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = make_postgres(config={"fsync": "off", "synchronous_commit": "off", "max_connections": "20"})
    run_apart(lambda: migrate(server.url))
    run_apart(lambda: execute(server.url, "ALTER ROLE parley_gateway BYPASSRLS"))
    monkeypatch.setenv("PARLEY_DATABASE_URL", server.url)
    findings = ask()
    assert [message.split()[0] for message in problems(findings, "Postgres")] == ["fsync", "synchronous_commit"]
    assert any("max_connections is 20" in message for message in warnings(findings, "Postgres"))
    assert any("parley_gateway is BYPASSRLS" in message for message in problems(findings, "Roles"))


@pytest.mark.servers
def test_a_user_who_may_not_act_as_the_role(
    postgres_server: PostgresServer, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def with_user() -> None:
        connection = await asyncpg.connect(database_url)
        try:
            await connection.execute("CREATE ROLE visitor LOGIN PASSWORD 'hidden-password'")
            await connection.execute("GRANT SELECT ON parley_schema_version TO visitor")
        finally:
            await connection.close()

    run_apart(with_user)
    try:
        address = database_url.rpartition("@")[2]
        monkeypatch.setenv("PARLEY_DATABASE_URL", f"postgresql://visitor:hidden-password@{address}")
        assert any("may not act as parley_gateway" in message for message in problems(ask(), "Roles"))
    finally:
        run_apart(lambda: execute(database_url, "DROP OWNED BY visitor", "DROP ROLE visitor"))


@pytest.mark.servers
def test_a_redis_that_drops_keys_at_will(make_valkey: MakeValkey, monkeypatch: pytest.MonkeyPatch) -> None:
    server = make_valkey(config={"maxmemory-policy": "allkeys-lru"})
    monkeypatch.setenv("PARLEY_REDIS_URL", server.url)
    [message] = problems(ask(), "Redis")
    assert "may drop the tenant registry" in message


@pytest.mark.parametrize(
    ("info", "sentence"),
    [
        ({"redis_version": "6.2.14"}, "too old"),
        ({"redis_version": "7.4.0", "role": "slave"}, "is a replica"),
        ({"redis_version": "7.4.0", "maxmemory_policy": "volatile-ttl"}, "presence"),
        ({"redis_version": "7.4.0", "rdb_last_save_time": 1}, "Only snapshots"),
        ({"redis_version": "7.4.0"}, "Nothing is kept"),
    ],
)
def test_what_a_nodes_info_tells(info: dict[str, object], sentence: str) -> None:
    assert any(sentence in finding.message for finding in check_node(info))


def test_a_valkey_is_judged_by_its_own_version() -> None:
    info = {"redis_version": "6.0.0", "valkey_version": "9.1.2", "aof_enabled": 1}
    assert [finding.level for finding in check_node(info)] == [Level.OK]


@pytest.mark.parametrize(
    ("theirs", "level"), [(100.0, Level.OK), (103.0, Level.WARNING), (90.0, Level.WARNING), (150.0, Level.PROBLEM)]
)
def test_clocks_that_differ(theirs: float, level: Level) -> None:
    assert check_skew("Redis", theirs, before=99.5, after=100.5).level == level


def test_a_spool_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("PARLEY_SPOOL_DIRECTORY", str(tmp_path / "file" / "spool"))
    [message] = problems(ask(), "Spool")
    assert "could not be kept" in message


def test_a_port_in_use_is_a_warning(make_valkey: MakeValkey, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARLEY_LISTEN", f"127.0.0.1:{make_valkey().port}")
    assert any("Address already in use" in message for message in warnings(ask(), "Ports"))


def test_a_widget_that_was_not_built(tmp_path: Path) -> None:
    assert check_widget(tmp_path).level is Level.PROBLEM
    (tmp_path / "parley.js").write_text("export {}")
    assert check_widget(tmp_path).level is Level.OK
