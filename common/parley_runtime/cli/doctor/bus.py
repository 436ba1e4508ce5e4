"""Redis: reachable, new enough, and told to keep what it is given."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

from redis import RedisError
from redis.asyncio import RedisCluster

from parley.redis_keys import Keys
from parley_runtime import redis_client
from parley_runtime.cli.doctor.address import shown
from parley_runtime.cli.doctor.clock import check_skew
from parley_runtime.cli.doctor.finding import Finding
from parley_runtime.registry import Registry
from parley_runtime.settings import Settings, SettingsError

# The first with the stream commands that the bus and the usage stream use, and still maintained.
OLDEST_VERSION = (7, 0)

# Everything asked here takes milliseconds. Seconds.
PATIENCE = 5.0

SUBJECT = "Redis"


async def check_redis(settings: Settings) -> AsyncIterator[Finding]:
    """Ask the server that PARLEY_REDIS_URL names."""
    url = settings.redis_url.get_secret_value()
    try:
        client = redis_client.connect(url)
    except SettingsError as error:
        yield Finding.problem(SUBJECT, str(error), "Correct PARLEY_REDIS_URL.")
        return
    try:
        async with asyncio.timeout(PATIENCE):
            before = time.time()
            seconds, micros = await client.time()
            after = time.time()
            nodes = await _infos(client)
            tenants, _ = await Registry(client, Keys(settings.redis_prefix)).size_and_version()
    except (RedisError, OSError, TimeoutError) as error:
        # Its text may quote what was sent; the kind says enough.
        yield Finding.problem(
            SUBJECT,
            f"{shown(url)} does not answer as it should ({type(error).__name__}).",
            "See that the server runs, that this machine may reach it, and that PARLEY_REDIS_URL has its password.",
        )
        return
    finally:
        await client.aclose()
    for info in nodes:
        for finding in check_node(info):
            yield finding
    yield check_skew(SUBJECT, int(seconds) + int(micros) / 1e6, before, after)
    if tenants == 0:
        yield Finding.warning(
            "Tenants", "The registry holds no tenant: every token will be refused.", "Add a tenant, or start the demo."
        )
    else:
        yield Finding.ok("Tenants", f"{tenants} in the registry")


async def _infos(client: redis_client.Client) -> list[dict[str, Any]]:
    if isinstance(client, RedisCluster):
        found: dict[str, Any] = await client.info(target_nodes=RedisCluster.PRIMARIES)
        # One node answers alone, several by name.
        return list(found.values()) if all(isinstance(each, dict) for each in found.values()) else [found]
    return [await client.info()]


def check_node(info: dict[str, Any]) -> list[Finding]:
    """What one node's INFO says."""
    name = "Valkey" if "valkey_version" in info else "Redis"
    # Valkey keeps saying redis_version 7.2.4 for old clients.
    version = str(info.get("valkey_version") or info.get("redis_version", "0.0"))
    findings = []
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST_VERSION:
        findings.append(Finding.problem(SUBJECT, f"{name} {version} is too old.", "Use Redis or Valkey 7.0 or newer."))
    else:
        findings.append(Finding.ok(SUBJECT, f"{name} {version}"))
    if info.get("role") not in (None, "master"):
        findings.append(
            Finding.problem(SUBJECT, "The server is a replica: it takes no writes.", "Name the primary, or Sentinel.")
        )
    policy = str(info.get("maxmemory_policy", "noeviction"))
    advice = "Set maxmemory-policy to noeviction."
    if policy.startswith("allkeys"):
        findings.append(
            Finding.problem(SUBJECT, f"With maxmemory-policy {policy} it may drop the tenant registry.", advice)
        )
    elif policy != "noeviction":
        findings.append(
            Finding.warning(SUBJECT, f"With maxmemory-policy {policy} it may drop readers' presence.", advice)
        )
    if not info.get("aof_enabled") and not info.get("rdb_last_save_time"):
        findings.append(_forgets())
    elif not info.get("aof_enabled"):
        findings.append(
            Finding.warning(
                SUBJECT,
                "Only snapshots are kept: after a crash tenants and usage of the last minutes are sent again.",
                "Set `appendonly yes` to recover sooner.",
            )
        )
    return findings


def _forgets() -> Finding:
    return Finding.warning(
        SUBJECT,
        "Nothing is kept on disk: a restart empties the tenant registry until it is put back.",
        "Set `appendonly yes`. Comments are safe either way: they are in Postgres.",
    )
