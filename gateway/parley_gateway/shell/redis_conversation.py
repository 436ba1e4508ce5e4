"""Commands and answers in turn over one connection to Redis, past the client library's streams.

The library opens the connection and logs in, in whichever shape Redis comes. From then on an answer is taken in the
very call that received it: no task is woken, no stream buffers, and the next command leaves in the same turn.
"""

import asyncio
from collections.abc import Callable
from typing import Any, TypeAlias

from hiredis import PushNotification, Reader
from redis.asyncio import Connection
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import InvalidResponse, ResponseError

#: What to send after an answer; None ends the conversation.
Next: TypeAlias = bytes | None

_NOT_ENOUGH = object()


class _Conversation(asyncio.Protocol):
    """Speaks in the place of `usual`, the library's own protocol, and tells it what concerns the transport itself."""

    def __init__(self, transport: asyncio.WriteTransport, usual: asyncio.Protocol, take: Callable[[Any], Next]) -> None:
        self._transport = transport
        self._usual = usual
        self._take = take
        self._reader = Reader(protocolError=InvalidResponse, replyError=ResponseError, notEnoughData=_NOT_ENOUGH)
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        try:
            self._reader.feed(data)
            while (answer := self._reader.gets()) is not _NOT_ENOUGH:
                if isinstance(answer, PushNotification) or self.over.done():
                    continue
                if isinstance(answer, Exception):
                    raise answer
                command = self._take(answer)
                if command is None:
                    self.over.set_result(None)
                else:
                    self._transport.write(command)
        except Exception as problem:  # whoever waits for the end decides what to do about it
            self._fail(problem)

    def eof_received(self) -> bool | None:
        self._fail(ConnectionLost("Redis has closed the connection"))
        return self._usual.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(exc or ConnectionLost("the connection to Redis has ended"))
        self._usual.connection_lost(exc)

    def pause_writing(self) -> None:
        self._usual.pause_writing()

    def resume_writing(self) -> None:
        self._usual.resume_writing()

    def _fail(self, problem: Exception) -> None:
        if not self.over.done():
            self.over.set_exception(problem)


async def converse(connection: Connection, command: bytes, take: Callable[[Any], Next]) -> None:
    """Send the command; `take` gets its answer and says what to send next, until it says None.

    `connection`: open, and nobody else's. It is closed when this ends early: an answer may still be on its way.
    Raises what `take` raises, `redis.exceptions.ResponseError` for an error that Redis answers, and what says that the
    connection has ended.
    """
    assert connection._writer is not None, "it is open"
    transport = connection._writer.transport
    usual = transport.get_protocol()
    assert isinstance(usual, asyncio.Protocol), "a stream's"
    conversation = _Conversation(transport, usual, take)
    transport.set_protocol(conversation)
    try:
        transport.write(command)
        await conversation.over
    except BaseException:
        await connection.disconnect(nowait=True)
        raise
    finally:
        transport.set_protocol(usual)
