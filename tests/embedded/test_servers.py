"""The embedded servers are real, keep what they were given, and say what is wrong when they cannot start."""

import os
import shutil
from pathlib import Path

import asyncpg
import pytest
import redis
import redis.asyncio

from kit.servers import MakePostgres, MakeValkey, execute
from parley_runtime.embedded import PostgresServer, SetupProblem, ValkeyServer
from parley_runtime.embedded.processes import descendants, is_running, wait_gone

pytestmark = pytest.mark.servers

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can change to another user")


async def ping(url: str, timeout: float = 1.0) -> bool:
    async with redis.asyncio.from_url(url, socket_timeout=timeout, retry=None) as client:
        return bool(await client.ping())


async def fetch(url: str, question: str) -> object:
    connection = await asyncpg.connect(url, timeout=2)
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()


async def test_valkey_keeps_its_data_over_a_restart_on_the_same_port(make_valkey: MakeValkey) -> None:
    server = make_valkey(appendonly=True)
    url = server.url
    async with redis.asyncio.from_url(url) as client:
        await client.set("kept", "yes")
    server.restart()
    assert server.url == url
    async with redis.asyncio.from_url(url) as client:
        assert await client.get("kept") == b"yes"


async def test_valkey_without_appendonly_starts_empty(make_valkey: MakeValkey) -> None:
    server = make_valkey()
    async with redis.asyncio.from_url(server.url) as client:
        await client.set("kept", "no")
    server.kill()
    server.restart()
    async with redis.asyncio.from_url(server.url) as client:
        assert await client.get("kept") is None


async def test_valkey_wants_its_password(make_valkey: MakeValkey) -> None:
    server = make_valkey()
    with pytest.raises(redis.exceptions.AuthenticationError):
        await ping(f"redis://127.0.0.1:{server.port}/0")
    assert (server.directory / "valkey.conf").stat().st_mode & 0o077 == 0


async def test_a_suspended_valkey_does_not_answer_and_a_resumed_one_does(make_valkey: MakeValkey) -> None:
    server = make_valkey()
    server.suspend()
    with pytest.raises(redis.exceptions.TimeoutError):
        await ping(server.url, timeout=0.2)
    server.resume()
    assert await ping(server.url)


async def test_postgres_keeps_committed_rows_over_sigkill(make_postgres: MakePostgres) -> None:
    server = make_postgres()
    url = server.url
    await execute(url, "CREATE TABLE kept (word text)", "INSERT INTO kept VALUES ('yes')")
    server.kill()
    server.restart()
    assert server.url == url
    assert await fetch(url, "SELECT word FROM kept") == "yes"


async def test_postgres_is_durable_and_open_to_its_password_only(postgres_server: PostgresServer) -> None:
    for setting in ("fsync", "synchronous_commit", "full_page_writes"):
        assert await fetch(postgres_server.url, f"SHOW {setting}") == "on"
    with pytest.raises(asyncpg.InvalidPasswordError):
        await fetch(f"postgresql://postgres:guess@127.0.0.1:{postgres_server.port}/postgres", "SELECT 1")
    assert (postgres_server.directory / "password").stat().st_mode & 0o077 == 0


async def test_a_suspended_postgres_freezes_open_sessions_too(make_postgres: MakePostgres) -> None:
    server = make_postgres()
    connection = await asyncpg.connect(server.url)
    server.suspend()
    with pytest.raises(TimeoutError):
        await connection.fetchval("SELECT 1", timeout=0.2)
    server.resume()
    assert await fetch(server.url, "SELECT 2") == 2
    await connection.close(timeout=2)


async def test_stopping_leaves_no_process(tmp_path: Path) -> None:
    valkey, postgres = ValkeyServer(tmp_path / "v"), PostgresServer(tmp_path / "p")
    pids = [valkey.pid, postgres.pid, *descendants(postgres.pid)]
    assert len(pids) > 3
    valkey.stop()
    postgres.stop()
    assert wait_gone(pids, 5) == []
    valkey.stop()
    postgres.stop()


@as_root
@pytest.mark.parametrize("identity", ["namespace", "user"])
async def test_postgres_runs_for_root_below_a_closed_directory(tmp_path: Path, identity: str) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    server = PostgresServer(closed / "data", identity=identity)
    try:
        assert await fetch(server.url, "SELECT 1") == 1
        server.kill()
        server.restart()
        assert await fetch(server.url, "SELECT 1") == 1
    finally:
        server.stop()


@as_root
async def test_a_directory_made_with_one_identity_works_with_the_other(tmp_path: Path) -> None:
    for identity in ("user", "namespace", "user"):
        server = PostgresServer(tmp_path / "data", identity=identity)
        try:
            assert await fetch(server.url, "SELECT 1") == 1
        finally:
            server.stop()


def test_the_same_directory_twice_is_said(make_valkey: MakeValkey) -> None:
    server = make_valkey()
    with pytest.raises(SetupProblem, match=f"in use by process {os.getpid()}"):
        ValkeyServer(server.directory)


def test_a_taken_port_is_said(make_valkey: MakeValkey, make_postgres: MakePostgres) -> None:
    server = make_valkey()
    with pytest.raises(SetupProblem, match="Valkey did not start"):
        make_valkey(port=server.port)
    with pytest.raises(SetupProblem, match="Postgres did not start"):
        make_postgres(port=server.port)


async def test_a_valkey_left_by_a_crash_is_ended(make_valkey: MakeValkey) -> None:
    left = make_valkey(appendonly=True)
    # What a killed parent leaves: no lock, a running server, its pid file.
    left._data.release()
    successor = ValkeyServer(left.directory, appendonly=True)
    try:
        assert not is_running(left.pid)
        assert await ping(successor.url)
    finally:
        successor.stop()


async def test_a_postgres_left_by_a_crash_is_ended(make_postgres: MakePostgres) -> None:
    left = make_postgres()
    await execute(left.url, "CREATE TABLE kept ()")
    left._data.release()
    successor = PostgresServer(left.directory)
    try:
        assert not is_running(left.pid)
        assert await fetch(successor.url, "SELECT count(*) FROM kept") == 0
    finally:
        successor.stop()


async def test_a_stale_postmaster_file_naming_a_living_stranger_is_no_obstacle(tmp_path: Path) -> None:
    server = PostgresServer(tmp_path / "data")
    server.stop()
    stale = f"{os.getpid()}\n{server.directory}/cluster18\n1\n{server.port}\n\n127.0.0.1\n\nready\n"
    (tmp_path / "data" / "cluster18" / "postmaster.pid").write_text(stale)
    (tmp_path / "data" / "postgres.pid").write_text(f"{os.getpid()}\n")
    server = PostgresServer(tmp_path / "data")
    try:
        assert await fetch(server.url, "SELECT 1") == 1
    finally:
        server.stop()


async def test_a_cluster_half_made_is_made_again(tmp_path: Path) -> None:
    half = tmp_path / "data" / "cluster.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    server = PostgresServer(tmp_path / "data")
    try:
        assert await fetch(server.url, "SELECT 1") == 1
    finally:
        server.stop()


def test_a_full_disk_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1024))
    with pytest.raises(SetupProblem, match="0 MiB left"):
        ValkeyServer(tmp_path)
