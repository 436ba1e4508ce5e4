"""The counting table: what clients sent and got, by their own arithmetic frame by frame, is what is sealed and told.

Clients leave their pages before they are compared, so that nothing is on its way.
"""

import asyncio
import random
from typing import Any

import pytest

from kit.tenants import ORIGIN, KitTenant
from kit.wire_client import Refused, WireClient, dumps, new_id
from kit.wire_samples import anchor
from kit.wire_tap import Tally, sent_size
from kit.wire_world import Dial, Enter, World


@pytest.fixture
async def tenant(world: World) -> KitTenant:
    """A tenant for which nothing is counted but what the test does."""
    return await world.new_tenant()


async def leave_all(*clients: WireClient) -> None:
    for client in clients:
        for page in list(client.pages):
            await client.leave(page)


async def test_each_class_with_frames_that_can_be_named(
    world: World, enter: Enter, tenant: KitTenant, page: str
) -> None:
    tally = Tally()
    ann = await enter("ann", tenant=tenant, joined=page, tally=tally)
    bo = await enter("bo", tenant=tenant, gateway=1, joined=page, tally=tally)
    await ann.counts(page, 2)
    chat = (await ann.do(page, "new-chat", anchor=anchor(), text="Что? Was? 什么?"))["broadcastId"]
    await bo.reach(page, 1)
    await ann.reach(page, 1)
    await ann.typing(page, chat)
    await bo.next("typing", after=0)
    await ann.ping()
    await ann.renew(tenant.token("ann"))
    await ann.error_after(b"nonsense")
    await leave_all(ann, bo)
    lives = [client.size_of(client.of("live")[0]) for client in (ann, bo)]
    told, sealed = await world.used(tenant)
    assert told == sealed == tally.sums
    assert told["publish", "messages"] == 1
    assert told["delivery", "messages"] == 2 and told["delivery", "bytes"] == sum(lives)
    assert told["replay", "messages"] == 2
    heard = [frame for client in (ann, bo) for kind in ("presence", "typing") for frame in client.of(kind)]
    assert told["presence", "messages"] == len(heard) >= 2


async def test_a_repeat_a_refusal_and_what_changes_nothing(
    world: World, enter: Enter, tenant: KitTenant, page: str
) -> None:
    """A repeat and a refusal: 0. An operation that changes nothing is accepted: 1, and nobody is told."""
    tally = Tally()
    ann = await enter("ann", tenant=tenant, tally=tally)
    chat, size = new_id(), []
    for _ in range(3):
        await ann.do(page, "new-chat", id=chat, anchor=anchor(), text="x")
    size.append(_do_size(page, chat, "new-chat", anchor=anchor(), text="x"))
    refusals: list[tuple[str, str, dict[str, Any]]] = [
        ("unknown-chat", "reply", {"chat": new_id(), "text": "x"}),
        ("bad-field", "reply", {"chat": chat, "text": ""}),
        ("unknown-op", "explode", {}),
        ("id-reused", "resolve", {"chat": chat, "id": chat}),
    ]
    for code, op, members in refusals:
        with pytest.raises(Refused, match=code):
            await ann.do(page, op, **members)
    for _ in range(2):
        identity = (await ann.do(page, "reopen", chat=chat))["broadcastId"]
        size.append(_do_size(page, identity, "reopen", chat=chat))
    told, sealed = await world.used(tenant)
    assert told == sealed == tally.sums
    assert (told["publish", "messages"], told["publish", "bytes"]) == (3, sum(size))
    assert told["delivery", "messages"] == 0


def _do_size(page: str, identity: str, op: str, **members: object) -> int:
    return sent_size(dumps({"t": "do", "page": page, "broadcastId": identity, "op": op, **members}))


@pytest.mark.parametrize(("length", "header"), [(200, 4), (65_535, 4), (65_536, 10)])
async def test_headers_at_their_edges(world: World, dial: Dial, tenant: KitTenant, length: int, header: int) -> None:
    """A `do` of just that many bytes of payload: 4 or 10 bytes of header and 4 of mask are counted with it."""
    client = await dial()
    await client.hello(tenant.token())
    chat = (await client.do("p", "new-chat", anchor=anchor(), text="x"))["broadcastId"]
    before = await _publish_bytes(world, tenant)
    body = dumps({"t": "do", "page": "p", "broadcastId": new_id(), "op": "resolve", "chat": chat})
    assert 126 < len(body) <= length, "no valid `do` is short enough for the smallest header"
    await client.send_text(body.ljust(length))
    await client.next("ack", after=len(client.frames) - 1)
    assert await _publish_bytes(world, tenant) - before == header + 4 + length


async def _publish_bytes(world: World, tenant: KitTenant) -> int:
    told, sealed = await world.used(tenant)
    assert told == sealed
    return told["publish", "bytes"]


async def test_control_frames_pings_and_everything_else_are_not_counted(
    world: World, enter: Enter, tenant: KitTenant, page: str
) -> None:
    tally = Tally()
    ann = await enter("ann", tenant=tenant, tally=tally)
    for _ in range(5):
        await ann.ping()
        await ann.error_after(b"nonsense")
        await (await ann.socket.ping())
    await ann.renew(tenant.token("ann"))
    told, sealed = await world.used(tenant)
    assert told == sealed == {} == tally.sums


async def test_what_a_client_leaves_in_the_middle_of_a_long_answer_is_counted_as_far_as_it_was_sent(
    world: World, enter: Enter, dial: Dial, tenant: KitTenant, page: str
) -> None:
    for _ in range(6):
        writer = await enter("ann", tenant=tenant)
        ids = [await writer.submit(page, "new-chat", anchor=anchor(), text="x" * 16_000) for _ in range(60)]
        for identity in ids:
            await writer.outcome(identity)
    before, _ = await world.used(tenant)
    tally = Tally()
    for attempt in range(3):
        client = await dial(gateway=attempt % 2, tally=tally, receive_buffer=16_384)
        await client.hello(tenant.token("slow"))
        view = await client.ask_join(page)
        await client.until(lambda view=view: view.parts)  # type: ignore[misc]
        client.socket.transport.pause_reading()
        leaving = asyncio.create_task(client.leave(page))
        other = await enter(f"other-{attempt}", tenant=tenant, gateway=attempt % 2)
        await other.ping()
        client.socket.transport.resume_reading()
        await leaving
        assert not view.answers, "it left in the middle"
    told, sealed = await world.used(tenant)
    told.subtract(before)
    assert +told == tally.sums
    assert sealed["replay", "bytes"] == tally.sums["replay", "bytes"]


async def test_a_busy_hour_of_many_clients_on_two_gateways(
    world: World, enter: Enter, tenant: KitTenant, page: str
) -> None:
    """Writers, watchers, who come and go; several pages, several sites; all four classes, to the byte."""
    tally = Tally()
    pages = [page, page + "/Ж"]
    writers = [await enter(f"writer-{n}", tenant=tenant, gateway=n % 2, tally=tally) for n in range(8)]
    watchers = [
        await enter(f"watcher-{n}", tenant=tenant, gateway=n % 2, tally=tally, origin=ORIGIN if n % 3 else None)
        for n in range(8)
    ]
    writing = True

    async def write(client: WireClient, rng: random.Random) -> None:
        chats: dict[str, list[str]] = {name: [] for name in pages}
        for _ in range(50):
            name = rng.choice(pages)
            mine = chats[name]
            if not mine or rng.random() < 0.2:
                text = rng.choice(["x", "Ж" * 300, "long " * 3_000, "😀" * 40])
                mine.append((await client.do(name, "new-chat", anchor=anchor(), text=text))["broadcastId"])
                continue
            chat = rng.choice(mine)
            match rng.randrange(5):
                case 0:
                    identity = await client.submit(name, "reply", chat=chat, text="reply " * rng.randrange(1, 900))
                    await client.submit(name, "typing" if rng.random() < 0.1 else "resolve", chat=chat)
                    await client.outcome(identity)
                case 1:
                    await client.do(name, "edit", chat=chat, comment=chat, text=f"edit {rng.random()}")
                case 2:
                    await client.typing(name, chat)
                case 3:
                    await client.do(
                        name, "react", chat=chat, comment=chat, emoji=rng.choice("👍👎"), on=rng.random() < 0.7
                    )
                case _:
                    await client.do(name, "resolve", id=(identity := new_id()), chat=chat)
                    await client.do(name, "resolve", id=identity, chat=chat)

    async def come_and_go(client: WireClient, rng: random.Random) -> None:
        while writing:
            name = rng.choice(pages)
            await client.join(name, again=rng.random() < 0.5)
            if rng.random() < 0.4:
                await client.leave(name)

    going = [asyncio.create_task(come_and_go(client, random.Random(n))) for n, client in enumerate(watchers[:4])]
    for client in watchers[4:]:
        for name in pages:
            await client.join(name)
    await asyncio.gather(*(write(client, random.Random(n)) for n, client in enumerate(writers)))
    writing = False
    await asyncio.gather(*going)
    await leave_all(*writers, *watchers)
    for client in writers:
        await client.until(lambda client=client: all(client.outcomes.values()))  # type: ignore[misc]
    told, sealed = await world.used(tenant)
    assert told == sealed == tally.sums
    for usage_class in ("publish", "delivery", "presence", "replay"):
        assert told[usage_class, "messages"] > 0 and told[usage_class, "bytes"] > 0
        print(usage_class, told[usage_class, "messages"], "messages", told[usage_class, "bytes"], "bytes")


@pytest.mark.parametrize("compression", [None, "deflate"])
async def test_the_server_leaves_compression_out(
    world: World, dial: Dial, tenant: KitTenant, page: str, compression: str | None
) -> None:
    tally = Tally()
    client = await dial(compression=compression, tally=tally)
    await client.hello(tenant.token())
    assert client.socket.protocol.extensions == []
    await client.join(page)
    await client.do(page, "new-chat", anchor=anchor(), text="x" * 2_000)
    await client.reach(page, 1)
    assert client.size_of(client.of("live")[0]) > 2_000
    await client.leave(page)
    told, sealed = await world.used(tenant)
    assert told == sealed == tally.sums
