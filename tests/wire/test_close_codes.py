"""Close codes and their reasons, each as a client meets it. (4400 is in rule 11, expiry in rule 12.)"""

import asyncio
import time
from pathlib import Path

import pytest

from kit.gateway import GatewayProcess
from kit.wire_client import Refused, WireClient, new_id
from kit.wire_samples import anchor
from kit.wire_world import Dial, Enter, World


async def test_no_hello_within_ten_seconds_is_4408(dial: Dial) -> None:
    started = time.monotonic()
    client = await dial()
    # A ping of the transport is no hello.
    await (await client.socket.ping())
    assert await client.ended(20) == 4408
    assert 9.5 < time.monotonic() - started < 14
    assert client.close_reason["code"] in ("hello-timeout", "bad-frame")


@pytest.mark.parametrize("token", [None, "", "nonsense", "a.b.c"])
async def test_a_missing_or_invalid_token_is_4401(dial: Dial, token: str | None) -> None:
    client = await dial()
    frame = {"t": "hello", "v": 1, "client": client.client}
    await client.send(frame if token is None else {**frame, "token": token})
    assert await client.ended() == 4401
    assert client.close_reason["code"] == "token-invalid"
    assert [frame["code"] for frame in client.of("error")] == ["token-invalid"], "an error says what to do"
    assert not client.of("welcome")


async def test_an_expired_token_is_4401(world: World, dial: Dial) -> None:
    client = await dial()
    await client.send({"t": "hello", "v": 1, "client": new_id(), "token": world.acme.token(ttl=-30)})
    assert await client.ended() == 4401
    assert client.close_reason["code"] == "token-expired"


async def test_an_origin_that_is_not_allowed_is_4403(world: World, dial: Dial) -> None:
    for origin in (
        "https://evil.test",
        "https://acme.test.evil.test",
        "http://acme.test",
        "null",
        "https://ACME.test:8",
    ):
        client = await dial(origin=origin)
        await client.send({"t": "hello", "v": 1, "client": new_id(), "token": world.acme.token()})
        assert await client.ended() == 4403, origin
        assert client.close_reason["code"] == "origin-refused"


async def test_allowed_origins_come_in(world: World, dial: Dial) -> None:
    # The list is the tenant's own; patterns are of one leading label or of the port.
    tenant = await world.new_tenant(origins=["https://*.shop.test", "http://localhost:*", "https://exact.test"])
    for origin in ("https://www.shop.test", "http://localhost:3000", "https://exact.test", None):
        client = await dial(origin=origin)
        await client.hello(tenant.token())
    for origin in ("https://acme.test", "https://shop.test.evil", "http://www.shop.test", "http://localhost:x"):
        client = await dial(origin=origin)
        await client.send({"t": "hello", "v": 1, "client": new_id(), "token": tenant.token()})
        assert await client.ended() == 4403, origin


@pytest.mark.parametrize("size", [65_537, 200_000])
async def test_a_frame_over_64_kib_is_4413(enter: Enter, size: int) -> None:
    ann = await enter("ann")
    frame = b'{"t":"ping","x":"' + b"x" * (size - 19) + b'"}'
    assert len(frame) == size
    await ann.send_text(frame)
    assert await ann.ended() == 4413
    assert ann.close_reason["code"] == "too-big"


async def test_a_frame_of_64_kib_is_fine(enter: Enter) -> None:
    ann = await enter("ann")
    frame = b'{"t":"ping","x":"' + b"x" * (65_536 - 19) + b'"}'
    assert len(frame) == 65_536
    await ann.send_text(frame)
    await ann.next("pong", after=0)


async def test_a_flood_of_frames_is_4429(enter: Enter) -> None:
    ann = await enter("ann")
    per_second = ann.frames[0]["limits"]["framesPerConnection"]
    for _ in range(5 * per_second):
        await ann.send({"t": "ping"})
    assert await ann.ended() == 4429
    assert ann.close_reason["code"] == "over-limit"


async def test_a_client_that_does_not_read_gets_one_resync_when_it_has_drained(
    enter: Enter, dial: Dial, world: World, page: str
) -> None:
    """Its memory at the gateway is bounded; nobody else waits for it; nothing is lost."""
    slow = await dial(gateway=1, receive_buffer=16_384)
    await slow.hello(world.acme.token("slow"))
    view = await slow.join(page)
    ann = await enter("ann", gateway=1, joined=page)
    slow.socket.transport.pause_reading()
    total = await _write_much(enter, page, 7_000_000)
    await ann.reach(page, total)
    slow.socket.transport.resume_reading()
    await slow.until(lambda: slow.of("resync"))
    assert view.seq < total, "it was told no more while it did not read"
    assert slow.of("resync") == [{"t": "resync", "page": page, "why": "slow"}]
    await slow.join(page, again=True)
    await slow.reach(page, total)
    assert view.answers[-1][0]["kind"] == "changes"
    assert view.chats == ann.pages[page].chats
    await ann.do(page, "new-chat", anchor=anchor(), text="on")
    await slow.reach(page, total + 1)


async def test_a_client_that_never_reads_is_cut_off(enter: Enter, dial: Dial, world: World, page: str) -> None:
    """After its grace it is closed with 4409, or cut when not even that can be sent."""
    slow = await dial(gateway=1, receive_buffer=16_384)
    await slow.hello(world.acme.token("slow"))
    await slow.join(page)
    ann = await enter("ann", gateway=1, joined=page)
    slow.socket.transport.pause_reading()
    await _write_much(enter, page, 7_000_000)
    # It leaves presence when its connection has ended.
    await ann.counts(page, 2)
    view = ann.pages[page]
    await ann.until(lambda: view.readers == 1, 40)
    slow.socket.transport.resume_reading()
    await asyncio.wait([asyncio.ensure_future(slow.socket.wait_closed())], timeout=15)
    assert slow.socket.close_code in (4409, 1006)


async def _write_much(enter: Enter, page: str, size: int) -> int:
    """Write about this many bytes as chats; the seq that the page then has."""
    text = "x" * 16_000
    seq = 0
    for number in range(size // (16_000 * 70) + 1):
        writer = await enter("writer", gateway=number % 2)
        ids = [await writer.submit(page, "new-chat", anchor=anchor(), text=text) for _ in range(70)]
        seq = max([(await writer.outcome(identity))["seq"] for identity in ids])
        await writer.close()
    return seq


async def test_a_stopping_gateway_asks_to_move_and_then_says_1012(world: World, tmp_path: Path, page: str) -> None:
    settings = {"DRAIN_SECONDS": "1"}
    gateway = GatewayProcess(tmp_path / "gateway", world.redis_url, world.database_url, settings)
    try:
        stays = await WireClient.open(gateway.live_url, world.acme.token("stays"))
        moves = await WireClient.open(gateway.live_url, world.acme.token("moves"))
        await stays.join(page)
        gateway.ask_to_stop()
        for client in (stays, moves):
            frame = await client.next("move", after=0)
            assert 0 < frame["withinMs"] <= 1_000
        # Until it is closed, a connection works.
        await stays.do(page, "new-chat", anchor=anchor(), text="last words")
        await moves.close()
        assert await stays.ended() == 1012
        assert stays.close_reason["code"] == "unavailable"
        assert 0 <= stays.close_reason["retryInMs"] <= 2_000
        await stays.close()
        assert gateway.terminate() == 0
    finally:
        gateway.end()
    assert stays.pages[page].seq == 1


async def test_a_deleted_tenants_connections_end_with_4403(world: World, enter: Enter, dial: Dial, page: str) -> None:
    tenant = await world.new_tenant(origins=["*"])
    open_ones = [await enter("ann", tenant=tenant, gateway=number, joined=page) for number in (0, 1)]
    other = await enter("ann", joined=page)
    await asyncio.to_thread(tenant.change, state="deleted")
    for client in open_ones:
        assert await client.ended() == 4403
    late = await dial()
    await late.send({"t": "hello", "v": 1, "client": new_id(), "token": tenant.token()})
    assert await late.ended() == 4401
    await other.ping()


async def test_refusals_of_a_do_never_close(enter: Enter, page: str) -> None:
    ann = await enter("ann", role="reader")
    with pytest.raises(Refused):
        await ann.do(page, "new-chat", anchor=anchor(), text="x")
    await ann.ping()
    assert ann.close_code is None
