"""One way to reach Redis, whichever shape it has: single, Sentinel, Cluster; plain or TLS."""

from typing import Any, TypeAlias
from urllib.parse import parse_qs, unquote, urlsplit

from redis.asyncio import Redis, RedisCluster, Sentinel
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import SentinelConnectionPool
from redis.backoff import NoBackoff

from parley_runtime.settings import SettingsError

Client: TypeAlias = "Redis | RedisCluster"

#: Seconds. A dead peer must be noticed well before the 5 s within which clients converge.
CONNECT_TIMEOUT = 2.0
#: Seconds. Commands that do not block; the reader of the bus sets its own.
COMMAND_TIMEOUT = 3.0


def _nodes(netloc: str, default_port: int) -> list[tuple[str, int]]:
    found = []
    for part in netloc.rpartition("@")[2].split(","):
        host, separator, port = part.rpartition(":")
        found.append((host, int(port)) if separator else (part, default_port))
    return found


class _Watched(Redis):
    """A master that Sentinels watch: closing it closes the connections to them too."""

    async def aclose(self, close_connection_pool: bool | None = None) -> None:
        pool = self.connection_pool
        assert isinstance(pool, SentinelConnectionPool)
        await super().aclose(close_connection_pool)
        for sentinel in pool.sentinel_manager.sentinels:
            await sentinel.aclose()


def connect(url: str, *, read_timeout: float | None = COMMAND_TIMEOUT) -> Client:
    """A client for `url` (schemes: see the setting `PARLEY_REDIS_URL`). Connects on first use.

    Retrying is left to the callers: each knows what a lost reply means. Raises `SettingsError` for a bad URL.
    """
    options: dict[str, Any] = {
        "socket_connect_timeout": CONNECT_TIMEOUT,
        "socket_timeout": read_timeout,
        "socket_keepalive": True,
        "health_check_interval": 0,
    }
    try:
        parts = urlsplit(url)
        scheme = parts.scheme
        if scheme in ("redis", "rediss", "unix"):
            return Redis.from_url(url, retry=Retry(NoBackoff(), 0), **options)
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        login = parts.netloc.rpartition("@")[0]
        user, _, password = login.partition(":")
        options |= {"username": unquote(user) or None, "password": unquote(password) or None}
        if scheme.startswith("rediss+"):
            options |= {"ssl": True, **{name: query[name] for name in ("ssl_ca_certs",) if name in query}}
        kind = scheme.partition("+")[2]
        if kind == "cluster":
            nodes = [ClusterNode(host, port) for host, port in _nodes(parts.netloc, 6379)]
            options.pop("health_check_interval")
            return RedisCluster(startup_nodes=nodes, **options)
        if kind == "sentinel":
            service = parts.path.strip("/").split("/")[0]
            if not service:
                raise ValueError("the service name is missing")
            sentinel = Sentinel(  # type: ignore[no-untyped-call]
                _nodes(parts.netloc, 26379),
                sentinel_kwargs={name: options[name] for name in ("socket_connect_timeout", "socket_timeout")},
            )
            master: Redis = sentinel.master_for(service, _Watched, retry=Retry(NoBackoff(), 0), **options)
            return master
    except ValueError:
        pass
    raise SettingsError("PARLEY_REDIS_URL is no Redis URL. Its forms are described in docs/settings.md.")
