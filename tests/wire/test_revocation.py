"""What is revoked ends at once what it opened: on every transport of every gateway, and nothing else ends."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

import aiohttp
import pytest

from kit.gateway import GatewayProcess
from kit.http_world import Answer, Reader, Stream
from kit.tenants import ORIGIN, KitTenant
from kit.waiting import until
from kit.wire_client import PATIENCE, WireClient
from kit.wire_samples import anchor
from kit.wire_world import Enter, World
from parley import metrics as names
from parley.revocation import restore_reader, revoke_issued_before, revoke_reader
from parley.tenants import Tenant
from parley_runtime.tokens import LAST_TOKEN_DIES

#: Seconds from the change of the record to the end of the last connection, over all gateways.
EFFECTIVE = 3.0
#: Longer than the whole test may take. Milliseconds.
WAIT_MS = 30_000


@dataclass
class Party:
    """One reader on one gateway, over all three transports."""

    socket: WireClient
    stream: Stream
    poll: "asyncio.Task[Answer]"


def by_reader(record: Tenant) -> dict[str, Any]:
    now = time.time()
    return {"revoked": revoke_reader(record, "ann", now, int(now) + LAST_TOKEN_DIES).revoked}


def by_key(record: Tenant) -> dict[str, Any]:
    return {"keys": record.keys[1:]}


def by_moment(record: Tenant) -> dict[str, Any]:
    return {"not_before": revoke_issued_before(record, int(time.time()) - 1_000).not_before}


#: how → (the change, what the tokens of those who end say, and of those who stay)
WAYS: dict[str, tuple[Any, dict[str, Any], dict[str, Any]]] = {
    "reader": (by_reader, {}, {}),
    "key": (by_key, {"key": 0}, {"key": 1}),
    "not before": (by_moment, {"iat": int(time.time()) - 2_000}, {}),
    "not before, tokens that do not say when": (by_moment, {"iat": None}, {}),
}


@pytest.fixture
async def everywhere(world: World, enter: Enter, page: str) -> AsyncIterator[Any]:
    """A factory of parties, one on each gateway, all of them waiting."""
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())

        async def come(tenant: KitTenant, name: str, claims: dict[str, Any]) -> list[Party]:
            parties = []
            for number, gateway in enumerate(world.gateways):
                socket = await enter(name, gateway=number, tenant=tenant, joined=page, **claims)
                reader = Reader(session, gateway.url, tenant.token(name, **claims), page, ORIGIN)
                stream = await stack.enter_async_context(reader.stream())
                await stream.until("page")
                cursor = socket.pages[page].cursor
                assert cursor is not None
                waiting = await asyncio.to_thread(polls, gateway)
                poll = asyncio.create_task(reader.changes(cursor["epoch"], cursor["seq"], WAIT_MS))
                stack.callback(poll.cancel)
                await until(partial(more_polls, gateway, waiting))
                parties.append(Party(socket, stream, poll))
            return parties

        yield come


def polls(gateway: GatewayProcess) -> float:
    """Long polls that wait there."""
    return gateway.metric(names.CONNECTIONS.name, transport="long-poll")


async def more_polls(gateway: GatewayProcess, before: float) -> bool:
    return await asyncio.to_thread(polls, gateway) > before


async def welcome(reader: Reader) -> bool:
    return (await reader.chats()).status == 200


async def turned_away(reader: Reader) -> Answer | None:
    answer = await reader.chats()
    return None if answer.status == 200 else answer


async def ended(party: Party) -> None:
    """Wait until all three have ended, each in its own words."""
    assert await party.socket.ended() == 4401
    assert party.socket.close_reason["code"] == "token-invalid"
    assert (await party.stream.until("error")).data["code"] == "token-invalid"
    while (event := await party.stream.next()) is not None:
        assert event.event == "presence"
    answer = await party.poll
    assert (answer.status, answer.json["code"]) == (401, "token-invalid")


@pytest.mark.parametrize("way", WAYS)
async def test_it_ends_on_every_gateway_and_others_stay(world: World, everywhere: Any, page: str, way: str) -> None:
    change, of_the_ended, of_the_others = WAYS[way]
    tenant = await world.new_tenant()
    going = await everywhere(tenant, "ann", of_the_ended)
    staying = await everywhere(tenant, "bo", of_the_others)
    started = time.monotonic()
    await asyncio.to_thread(tenant.change, **change(tenant.record))
    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(*(ended(party) for party in going))
    took = time.monotonic() - started
    print(f"{way}: {took * 1000:.0f} ms")
    assert took < EFFECTIVE
    # The others hear what happens next, over each transport.
    assert not any(party.poll.done() for party in staying)
    ack = await staying[0].socket.do(page, "new-chat", anchor=anchor(), text="still here")
    for party in staying:
        await party.socket.reach(page, ack["seq"])
        assert (await party.stream.until("live")).data["seq"] == ack["seq"]
        answer = await party.poll
        assert (answer.status, answer.json["seq"]) == (200, ack["seq"])


async def test_who_was_revoked_does_not_come_back(world: World, enter: Enter) -> None:
    tenant = await world.new_tenant()
    ann, bo = await enter("ann", tenant=tenant), await enter("bo", tenant=tenant)
    await asyncio.to_thread(tenant.change, **by_reader(tenant.record))
    assert await ann.ended() == 4401
    async with aiohttp.ClientSession() as session:
        for gateway in world.gateways:
            again = Reader(session, gateway.url, tenant.token("ann"), "p", ORIGIN)
            answer = await until(partial(turned_away, again), EFFECTIVE)
            assert (answer.status, answer.json["code"]) == (401, "token-invalid")
            assert (await Reader(session, gateway.url, tenant.token("bo"), "p", ORIGIN).chats()).status == 200
    await bo.ping()


async def test_a_reader_that_was_restored_comes_back(world: World, enter: Enter) -> None:
    tenant = await world.new_tenant()
    ann = await enter("ann", tenant=tenant)
    revoked = await asyncio.to_thread(tenant.change, **by_reader(tenant.record))
    assert await ann.ended() == 4401
    await asyncio.to_thread(revoked.change, revoked=restore_reader(revoked.record, "ann").revoked)
    async with aiohttp.ClientSession() as session:
        for gateway in world.gateways:
            again = Reader(session, gateway.url, tenant.token("ann"), "p", ORIGIN)
            await until(partial(welcome, again), EFFECTIVE)


async def test_a_renewed_connection_stands_on_its_latest_token(world: World, enter: Enter) -> None:
    tenant = await world.new_tenant()
    ann, bo = await enter("ann", tenant=tenant, key=0), await enter("bo", tenant=tenant, key=0)
    assert (await ann.renew(tenant.token("ann", key=1)))["t"] == "welcome"
    await asyncio.to_thread(tenant.change, **by_key(tenant.record))
    assert await bo.ended() == 4401
    await ann.ping()
