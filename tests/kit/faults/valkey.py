"""What can happen to Redis (a Valkey here), and to the way to it."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import redis

from kit.faults.fault import Fault
from kit.installation import Installation
from parley.metrics import BUS_FAULTS
from parley.pages import PARTITIONS
from parley.redis_keys import Keys

#: Seconds for which the replica lags behind before it has to take over: what was written then is lost.
LAG = 1.5
LATE = "other gateways' changes come up to 2 s late; the count of readers stands still"


def flush(i: Installation) -> None:
    with i.redis() as client:
        client.flushall()


def delete_streams(i: Installation) -> None:
    with i.redis() as client:
        for partition in range(PARTITIONS):
            client.delete(Keys().bus(partition))


def trim_streams(i: Installation) -> None:
    with i.redis() as client:
        for partition in range(PARTITIONS):
            client.xtrim(Keys().bus(partition), maxlen=0, approximate=False)


def evict(i: Installation) -> None:
    """Everything but streams: presence, the registry of tenants, what billing confirmed."""
    with i.redis() as client:
        for key in list(client.scan_iter()):
            if client.type(key) != b"stream":
                client.delete(key)


def _at_once(lose: Callable[[Installation], None]) -> Callable[[Installation], "Iterator[None]"]:
    def struck(i: Installation) -> Iterator[None]:
        lose(i)
        yield

    return struck


def _behind(lose: Callable[[Installation], None]) -> Callable[[Installation], "Iterator[None]"]:
    """What a frozen gateway has not read yet is lost before it goes on."""

    def struck(i: Installation) -> Iterator[None]:
        i.gateways[1].suspend()
        yield
        lose(i)
        i.gateways[1].resume()

    return struck


@contextmanager
def killed(i: Installation) -> Iterator[None]:
    i.valkey.kill()
    yield
    i.valkey.restart()


@contextmanager
def stopped(i: Installation) -> Iterator[None]:
    i.valkey.stop()
    yield
    i.valkey.restart()


@contextmanager
def frozen(i: Installation) -> Iterator[None]:
    i.valkey.suspend()
    yield
    i.valkey.resume()


@contextmanager
def failed_over(i: Installation) -> Iterator[None]:
    """The replica lacks the tail, takes over, and every gateway says that the history went back."""
    (replica, link), before = i.add_replica(), _rollbacks(i)
    link.hole()
    time.sleep(LAG)
    i.valkey.kill()
    yield
    with redis.Redis.from_url(replica.url) as client:
        client.replicaof("NO", "ONE")
    i.valkey = replica
    i.follow()
    limit = time.monotonic() + 5
    while not all(now > was for now, was in zip(_rollbacks(i), before, strict=True)):
        assert time.monotonic() < limit, "the lost tail was not noticed"
        time.sleep(0.05)


def _rollbacks(i: Installation) -> list[float]:
    return [gateway.metric(BUS_FAULTS.name, kind="backwards") for gateway in i.gateways]


@contextmanager
def paused(i: Installation) -> Iterator[None]:
    with i.redis() as client:
        client.client_pause(3_000)
    yield


@contextmanager
def full(i: Installation) -> Iterator[None]:
    with i.redis() as client:
        client.config_set("maxmemory", 1)
    yield
    with i.redis() as client:
        client.config_set("maxmemory", 0)


@contextmanager
def promoted_late(i: Installation) -> Iterator[None]:
    """It is a replica of a master that has gone, takes no writes, and becomes master only at the end."""
    with i.redis() as client:
        client.replicaof("127.0.0.1", "1")
        yield
        client.replicaof("NO", "ONE")


@contextmanager
def password_changed(i: Installation) -> Iterator[None]:
    """Rotated without telling the gateways; all connections have to log in again."""
    password = urlsplit(i.valkey.url).password or ""
    with i.redis() as client:
        client.config_set("requirepass", "another-password")
        client.client_kill_filter(_type="normal", skipme=True)
        yield
        client.config_set("requirepass", password)


@contextmanager
def cut(i: Installation) -> Iterator[None]:
    i.proxies[0].cut()
    yield
    i.proxies[0].heal()


@contextmanager
def hole(i: Installation) -> Iterator[None]:
    i.proxies[0].hole()
    yield
    i.proxies[0].heal()


@contextmanager
def slow_way(i: Installation) -> Iterator[None]:
    for proxy in i.proxies:
        proxy.delay(0.15)
    yield
    for proxy in i.proxies:
        proxy.heal()


FAULTS = [
    Fault("Redis is killed and comes back empty", killed, LATE, hold=2.0, bus_only=True),
    Fault("Redis is restarted", stopped, LATE, hold=1.0, bus_only=True),
    Fault("Redis hangs", frozen, LATE, hold=4.0, bus_only=True),
    Fault("Redis fails over to a replica without the tail", failed_over, LATE, hold=1.0, bus_only=True, quick=True),
    Fault("FLUSHALL", contextmanager(_at_once(flush)), "nothing"),
    Fault("streams are deleted", contextmanager(_at_once(delete_streams)), "nothing"),
    Fault("streams are trimmed to nothing", contextmanager(_at_once(trim_streams)), "nothing"),
    Fault("streams are trimmed past a gateway's cursor", contextmanager(_behind(trim_streams)), "changes stand still",
          hold=1.5, doubt=True),
    Fault("FLUSHALL behind a gateway", contextmanager(_behind(flush)), "changes stand still", hold=1.5, doubt=True),
    Fault("presence, registry and confirmations are evicted", contextmanager(_at_once(evict)), "nothing"),
    Fault("CLIENT PAUSE for 3 s", paused, LATE, hold=3.0, bus_only=True),
    Fault("Redis is out of memory", full, LATE, hold=3.0, bus_only=True),
    Fault("Redis is a read-only replica, promoted late", promoted_late, LATE, hold=3.0, bus_only=True),
    Fault("Redis's password was changed", password_changed, LATE, hold=2.5, bus_only=True),
    Fault("Redis is cut off from one gateway", cut, LATE, hold=2.0, bus_only=True),
    Fault("Redis is a black hole for one gateway", hole, LATE, hold=4.0, bus_only=True),
    Fault("Redis is 150 ms away", slow_way, "other gateways' changes come later by that", hold=3.0, bus_only=True),
]  # fmt: skip
