"""Speaking with Redis past the client library: in turn, and never leaving an answer to whoever comes next."""

import asyncio
from typing import Any

import pytest
import uvloop
from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from parley_gateway.shell.redis_conversation import Next, converse

pytestmark = pytest.mark.servers


async def _open(url: str, protocol: int) -> tuple[Redis, Any]:
    client = Redis.from_url(url, protocol=protocol)
    return client, await client.connection_pool.get_connection()  # type: ignore[no-untyped-call]


async def _works(client: Redis, connection: Any) -> bool:
    """The pool takes it back, and what it answers is what it was asked."""
    await client.connection_pool.release(connection)
    return await client.echo("mine") == b"mine"


@pytest.mark.parametrize("protocol", [2, 3])
def test_each_answer_brings_the_next_command(redis_url: str, protocol: int) -> None:
    async def run() -> None:
        client, connection = await _open(redis_url, protocol)
        left, taken = [b"ECHO b\r\n", b"ECHO c\r\n"], []

        def take(answer: Any) -> Next:
            taken.append(answer)
            return left.pop(0) if left else None

        await converse(connection, b"ECHO a\r\n", take)
        assert taken == [b"a", b"b", b"c"]
        assert connection.is_connected
        assert await _works(client, connection)
        await client.aclose()

    uvloop.run(run())


def _bad(answer: Any) -> Next:
    raise LookupError(answer)


@pytest.mark.parametrize(("command", "problem"), [(b"NOSUCH\r\n", ResponseError), (b"ECHO a\r\n", LookupError)])
def test_what_goes_wrong_ends_it_and_the_connection(redis_url: str, command: bytes, problem: type[Exception]) -> None:
    async def run() -> None:
        client, connection = await _open(redis_url, 3)
        with pytest.raises(problem):
            await converse(connection, command, _bad)
        assert not connection.is_connected
        assert await _works(client, connection)
        await client.aclose()

    uvloop.run(run())


def test_a_wait_that_is_given_up_closes_the_connection(redis_url: str) -> None:
    async def run() -> None:
        client, connection = await _open(redis_url, 3)
        talk = asyncio.create_task(converse(connection, b"BLPOP nothing 0\r\n", _bad))
        await asyncio.sleep(0)  # it has asked
        talk.cancel()
        with pytest.raises(asyncio.CancelledError):
            await talk
        assert not connection.is_connected
        assert await _works(client, connection)
        await client.aclose()

    uvloop.run(run())


def test_a_connection_that_redis_closes_is_told_at_once(redis_url: str) -> None:
    async def run() -> None:
        client, connection = await _open(redis_url, 3)
        talk = asyncio.create_task(converse(connection, b"QUIT\r\n", lambda answer: b"ECHO late\r\n"))
        assert (await asyncio.wait([talk], timeout=10))[0]
        with pytest.raises((RedisError, OSError)):
            talk.result()
        assert not connection.is_connected
        assert await _works(client, connection)
        await client.aclose()

    uvloop.run(run())
