"""What can happen to Postgres, to the way to it, and to the names of everything."""

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from kit.faults.fault import Fault
from kit.installation import Installation
from kit.servers import execute, run_apart

WAITING = "changes are acknowledged later: batches wait up to 4 s, then writers are told `unavailable` and send again"
_CUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'parley_gateway'"


@contextmanager
def killed(i: Installation) -> Iterator[None]:
    i.postgres.kill()
    yield
    i.postgres.restart()


@contextmanager
def restarted(i: Installation) -> Iterator[None]:
    i.postgres.restart()
    yield


@contextmanager
def told_to_stop(i: Installation) -> Iterator[None]:
    """SIGTERM: sessions go on, and nobody new is let in; then it is stopped for good, and started again."""
    os.kill(i.postgres.pid, signal.SIGTERM)
    yield
    i.postgres.restart()


@contextmanager
def frozen(i: Installation) -> Iterator[None]:
    i.postgres.suspend()
    yield
    i.postgres.resume()


@contextmanager
def sessions_cut(i: Installation) -> Iterator[None]:
    """All sessions of the gateways, again and again, whatever they are doing: a commit, too."""

    async def cut() -> None:
        connection = await asyncpg.connect(i.postgres.url)
        try:
            for _ in range(15):
                await connection.execute(_CUT)
                await asyncio.sleep(0.05)
        finally:
            await connection.close()

    run_apart(cut)
    yield


@contextmanager
def disk_full(i: Installation) -> Iterator[None]:
    log = i.postgres.directory / "postgres.log"
    before = log.stat().st_size
    i.postgres.shim.fill_disk(True)
    yield
    assert b"No space left on device" in log.read_bytes()[before:], "nothing was too large"
    i.postgres.shim.fill_disk(False)


@contextmanager
def read_only(i: Installation) -> Iterator[None]:
    """As a provider does it whose storage is used up. Its sessions begin anew, because the setting is theirs."""
    url = i.postgres.url
    change = "ALTER SYSTEM SET default_transaction_read_only = "
    run_apart(lambda: execute(url, change + "on", "SELECT pg_reload_conf()", _CUT))
    yield
    again = "SET default_transaction_read_only = off"
    run_apart(lambda: execute(url, again, change + "off", "SELECT pg_reload_conf()", _CUT))


@contextmanager
def moved(i: Installation) -> Iterator[None]:
    """A failover: the same data, elsewhere. The address that everybody knows leads there in the end."""
    i.postgres.move()
    yield
    i.follow()


@contextmanager
def too_many(i: Installation) -> Iterator[None]:
    """Somebody else has taken every connection, and the gateways need new ones."""

    async def take() -> list["asyncpg.Connection[asyncpg.Record]"]:
        taken: list[asyncpg.Connection[asyncpg.Record]] = []
        while True:
            try:
                taken.append(await asyncpg.connect(i.postgres.url))
            except asyncpg.TooManyConnectionsError:
                if len(taken) > 1 and not await taken[0].fetch(_CUT):
                    return taken

    loop = asyncio.new_event_loop()
    taken = loop.run_until_complete(take())
    yield
    for connection in taken:
        connection.terminate()
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()


@contextmanager
def locked(i: Installation) -> Iterator[None]:
    """Every query that touches a page takes three seconds: somebody holds the table."""
    loop = asyncio.new_event_loop()
    connection = loop.run_until_complete(asyncpg.connect(i.postgres.url))
    loop.run_until_complete(connection.execute("BEGIN"))
    loop.run_until_complete(connection.execute("LOCK TABLE parley.pages IN ACCESS EXCLUSIVE MODE"))
    yield
    loop.run_until_complete(connection.close())
    loop.close()


@contextmanager
def slow_way(i: Installation) -> Iterator[None]:
    for proxy in i.databases:
        proxy.delay(0.15)
    yield
    for proxy in i.databases:
        proxy.heal()


@contextmanager
def no_names(i: Installation) -> Iterator[None]:
    """No name can be resolved, and every connection has to be opened again."""
    for shim in i.shims:
        shim.lose_names(True)
    for proxy in (*i.proxies, *i.databases):
        proxy.reset()
    yield
    for shim in i.shims:
        shim.lose_names(False)


FAULTS = [
    Fault("Postgres is killed", killed, WAITING, hold=0.5, doubt=True, quick=True),
    Fault("Postgres is restarted", restarted, WAITING, doubt=True),
    Fault("Postgres is told to stop", told_to_stop, WAITING, hold=1.5, doubt=True),
    Fault("Postgres hangs", frozen, WAITING, hold=3.0, doubt=True),
    Fault("database sessions are ended, again and again", sessions_cut, WAITING, doubt=True),
    Fault("Postgres's disk is full", disk_full, WAITING, hold=3.0, doubt=True),
    Fault("Postgres is read-only", read_only, WAITING, hold=3.0, doubt=True),
    Fault("Postgres fails over to another address", moved, WAITING, hold=1.0, doubt=True),
    Fault("Postgres has no connections left", too_many, WAITING, hold=2.0, doubt=True),
    Fault("queries take 3 s", locked, WAITING, hold=3.0, doubt=True),
    Fault("Postgres is 150 ms away", slow_way, "changes are acknowledged later", hold=3.0, doubt=True),
    Fault("DNS is gone, and all connections are new", no_names, WAITING + "; and as without Redis", hold=3.0,
          doubt=True),
]  # fmt: skip
