"""What the fixtures promise to every other test."""

import asyncpg
import pytest
import redis

pytestmark = pytest.mark.servers


@pytest.mark.parametrize("turn", ["first", "second"])
def test_redis_url_is_an_empty_server(redis_url: str, turn: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0
        client.set("left behind", turn)


@pytest.mark.parametrize("turn", ["first", "second"])
async def test_database_url_is_a_fresh_migrated_database(database_url: str, turn: str) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        assert await connection.fetchval("SELECT count(*) FROM parley_schema_version") == 1
        assert await connection.fetchval("SELECT count(*) FROM parley.pages") == 0
        await connection.execute("CREATE TABLE left_behind ()")
    finally:
        await connection.close()
