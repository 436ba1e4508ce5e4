"""What no browser sends, below the protocol: broken frames, floods of pings and fragments, half a handshake's worth."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest
from websockets.frames import Close, Frame, Opcode

from kit.wire_world import Enter, World

UPGRADE = (
    b"GET /v1/live HTTP/1.1\r\nHost: parley\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
PATIENCE = 20.0


def frame(opcode: Opcode, payload: bytes = b"", fin: bool = True) -> bytes:
    return Frame(opcode, payload, fin=fin).serialize(mask=True)


class Stranger:
    """A raw connection behind its handshake."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def next(self) -> tuple[Opcode, bytes]:
        """A frame of at most 65,535 bytes; servers do not mask."""
        first, length = await self.reader.readexactly(2)
        if length == 126:
            length = int.from_bytes(await self.reader.readexactly(2), "big")
        return Opcode(first & 0xF), await self.reader.readexactly(length)

    async def ended(self) -> int:
        """The close code; then the gateway ends the connection too, without being asked."""
        async with asyncio.timeout(PATIENCE):
            while (found := await self.next())[0] is not Opcode.CLOSE:
                pass
            assert not await self.reader.read(), "nothing follows a close frame"
        return Close.parse(found[1]).code


@asynccontextmanager
async def stranger(world: World, behind: bytes = b"") -> AsyncIterator[Stranger]:
    """`behind`: what is sent with the handshake, in the same write."""
    address = urlsplit(world.gateways[0].live_url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        writer.write(UPGRADE + behind)
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)
        assert head.startswith(b"HTTP/1.1 101 ")
        yield Stranger(reader, writer)
    finally:
        writer.transport.abort()


BROKEN = {
    "no mask": Frame(Opcode.TEXT, b"{}").serialize(mask=False),
    "a reserved bit": b"\xc1\x80\0\0\0\0",
    "an unknown opcode": b"\x83\x80\0\0\0\0",
    "a ping in fragments": b"\x09\x80\0\0\0\0",
    "a continuation of nothing": frame(Opcode.CONT, b"x"),
    "a close code that stands for none": frame(Opcode.CLOSE, (1006).to_bytes(2, "big")),
    "a close code of one byte": frame(Opcode.CLOSE, b"\x03"),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_broken_frames_are_1002(world: World, name: str) -> None:
    async with stranger(world) as broken:
        await broken.send(BROKEN[name])
        assert await broken.ended() == 1002


async def test_what_comes_with_the_handshake_is_read(world: World) -> None:
    async with stranger(world, frame(Opcode.PING, b"at once")) as hasty:
        assert await asyncio.wait_for(hasty.next(), PATIENCE) == (Opcode.PONG, b"at once")


async def test_a_message_in_pieces_of_one_byte_is_one_message(world: World) -> None:
    async with stranger(world) as slow:
        hello = frame(Opcode.TEXT, b'{"t":"hello"', fin=False) + frame(Opcode.CONT, b',"v":2,"client":"x"}')
        for byte in hello:
            await slow.send(bytes((byte,)))
        opcode, payload = await asyncio.wait_for(slow.next(), PATIENCE)
        assert opcode is Opcode.TEXT and b"speaks version 1" in payload
        assert await slow.ended() == 4400


async def test_a_close_is_answered_with_its_own_code(world: World) -> None:
    for payload, said in ((Close(4_999, "bye").serialize(), 4_999), (b"", 1005)):
        async with stranger(world) as polite:
            await polite.send(frame(Opcode.CLOSE, payload))
            assert await polite.ended() == said


FLOODS = {
    "pings": frame(Opcode.PING, b"x" * 100),
    "pongs": frame(Opcode.PONG),
    "empty fragments": frame(Opcode.TEXT, fin=False) + frame(Opcode.CONT, fin=False) * 100,
}


@pytest.mark.parametrize("name", FLOODS)
async def test_floods_below_the_protocol_are_4429(world: World, enter: Enter, page: str, name: str) -> None:
    ann = await enter("ann", joined=page)
    async with stranger(world) as flood:
        # All of it at once: more than a connection may send in any second.
        first, rest = FLOODS[name], FLOODS[name][len(frame(Opcode.TEXT, fin=False)) :]
        await flood.send(first + (rest * 20 if name == "empty fragments" else first * 1_500))
        assert await flood.ended() == 4429
    await ann.ping()


async def test_a_frame_of_a_terabyte_is_refused_by_its_header(world: World) -> None:
    async with stranger(world) as boaster:
        await boaster.send(b"\x81\xff" + (1 << 40).to_bytes(8, "big") + b"mask")
        assert await boaster.ended() == 4413


async def test_fragments_are_together_no_longer_than_a_frame_may_be(world: World) -> None:
    async with stranger(world) as boaster:
        piece = b"x" * 16_000
        await boaster.send(frame(Opcode.TEXT, piece, fin=False) + frame(Opcode.CONT, piece, fin=False) * 4)
        assert await boaster.ended() == 4413


@pytest.mark.parametrize("header", [b"Sec-WebSocket-Version: 12", b"Sec-WebSocket-Key: short", b"Connection: close"])
async def test_half_a_handshake_is_refused_and_says_why(world: World, header: bytes) -> None:
    address = urlsplit(world.gateways[0].live_url)
    name = header.partition(b":")[0]
    lines = [header if line.startswith(name) else line for line in UPGRADE.split(b"\r\n")]
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        writer.write(b"\r\n".join(lines))
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)
        assert head.startswith(b"HTTP/1.1 400 ") and b"application/problem+json" in head
    finally:
        writer.transport.abort()
