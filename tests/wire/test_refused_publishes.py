"""A tenant that may not write, by the operator's command: refused with the code that says why; nothing is held back."""

import asyncio
import time

import pytest
from click.testing import CliRunner

from kit.tenants import KitTenant
from kit.wire_client import Refused, WireClient
from kit.wire_samples import anchor
from kit.wire_world import Enter, World
from parley_runtime.cli import main

#: Seconds from the command to the last gateway that follows it.
EFFECTIVE = 3.0

#: code → (the command that refuses, the one that takes it back)
WAYS = {
    "suspended": (("suspend",), ("resume",)),
    "over-quota": (("over-quota",), ("over-quota", "--undo")),
}


async def command(world: World, tenant: KitTenant, action: str, *options: str) -> float:
    """Run `parley tenant ACTION`; the seconds since it was done."""

    def run() -> float:
        environment = {"PARLEY_REDIS_URL": world.redis_url, "PARLEY_DATABASE_URL": world.database_url}
        done = CliRunner().invoke(main, ["tenant", action, tenant.name, *options], env=environment)
        assert done.exit_code == 0, done.output
        return time.monotonic()

    return await asyncio.to_thread(run)


async def refused(client: WireClient, page: str, chat: str) -> str:
    """Write until it is refused; the code."""
    while True:
        try:
            await client.do(page, "reply", chat=chat, text="x")
        except Refused as refusal:
            assert refusal.frame["message"] and refusal.frame["help"] and refusal.frame["page"] == page
            return refusal.code


async def accepted(client: WireClient, page: str, chat: str) -> int:
    """Write until it is accepted; the seq."""
    while True:
        try:
            return int((await client.do(page, "reply", chat=chat, text="again"))["seq"])
        except Refused as refusal:
            assert refusal.code in WAYS


@pytest.mark.parametrize("code", WAYS)
async def test_writing_is_refused_and_everything_else_goes_on(world: World, enter: Enter, page: str, code: str) -> None:
    tenant, (begin, over) = await world.new_tenant(), WAYS[code]
    ann, bo = (
        await enter("ann", tenant=tenant, joined=page),
        await enter("bo", tenant=tenant, gateway=1, joined=page),
    )
    chat = (await ann.do(page, "new-chat", anchor=anchor(), text="x"))["broadcastId"]
    done = await command(world, tenant, *begin)
    for client in (ann, bo):
        assert await refused(client, page, chat) == code
        assert time.monotonic() - done < EFFECTIVE
    # What was accepted before comes to everybody; newcomers, presence and typing as ever.
    await ann.ping()
    late = await enter("late", tenant=tenant, gateway=1, joined=page)
    seq = late.pages[page].seq
    for client in (ann, bo):
        await client.reach(page, seq)
        assert client.pages[page].chats == late.pages[page].chats
        await client.counts(page, 3)
    await late.typing(page, chat)
    await ann.until(lambda: ann.of("typing"))
    assert ann.of("typing")[-1]["reader"] == "late"
    # And back.
    done = await command(world, tenant, *over)
    for client in (ann, bo):
        seq = await accepted(client, page, chat)
        assert time.monotonic() - done < EFFECTIVE
    await late.reach(page, seq)


async def test_another_tenant_is_not_touched(world: World, enter: Enter, page: str) -> None:
    tenant = await world.new_tenant()
    ann, other = await enter("ann", tenant=tenant), await enter("ann")
    chat = (await ann.do(page, "new-chat", anchor=anchor(), text="x"))["broadcastId"]
    await command(world, tenant, "suspend")
    assert await refused(ann, page, chat) == "suspended"
    await other.do(page, "new-chat", anchor=anchor(), text="x")
