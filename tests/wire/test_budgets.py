"""A tenant that uses up its budget: refused with the code that says why; free again when the budget is raised."""

import asyncio
import time

import pytest
from click.testing import CliRunner

from kit.tenants import KitTenant
from kit.wire_client import Refused, WireClient
from kit.wire_samples import anchor
from kit.wire_world import Enter, World
from parley_runtime.cli import main

#: Seconds within which the last gateway follows; what the machine does beside it may double that here.
EFFECTIVE = 2 * 3.0


async def budget(world: World, *arguments: str) -> float:
    """Run `parley budget`; the moment at which it was done."""

    def run() -> float:
        environment = {"PARLEY_REDIS_URL": world.redis_url, "PARLEY_DATABASE_URL": world.database_url}
        done = CliRunner().invoke(main, ["budget", *arguments], env=environment)
        assert done.exit_code == 0, done.output
        return time.monotonic()

    return await asyncio.to_thread(run)


async def write(client: WireClient, page: str, chat: str, *, until: str | None) -> None:
    """Reply until the answer is that code (None: it is accepted)."""
    while True:
        try:
            await client.do(page, "reply", chat=chat, text="x")
        except Refused as refusal:
            if refusal.code == until:
                assert refusal.frame["message"] and refusal.frame["help"]
                return
            await asyncio.sleep(0.02)  # a writer's pace
        else:
            if until is None:
                return


async def both(world: World, enter: Enter, tenant: KitTenant, page: str) -> tuple[WireClient, WireClient, str]:
    ann = await enter("ann", tenant=tenant, joined=page)
    bo = await enter("bo", tenant=tenant, gateway=1, joined=page)
    chat = (await ann.do(page, "new-chat", anchor=anchor(), text="x"))["broadcastId"]
    return ann, bo, chat


async def test_at_the_whole_budget_writing_is_refused_and_raised_it_goes_on(
    world: World, enter: Enter, page: str
) -> None:
    tenant = await world.new_tenant()
    ann, bo, chat = await both(world, enter, tenant, page)
    await budget(world, "set", tenant.name, "messages", "20", "--action", "refuse")
    await write(ann, page, chat, until="over-quota")
    await write(bo, page, chat, until="over-quota")
    # What was accepted comes to everybody, newcomers read all of it, and the tenant sees its usage.
    late = await enter("late", tenant=tenant, gateway=1, joined=page)
    for client in (ann, bo):
        await client.reach(page, late.pages[page].seq)
        assert client.pages[page].chats == late.pages[page].chats
    done = await budget(world, "set", tenant.name, "messages", "1e6", "--action", "refuse")
    for client in (ann, bo):
        await write(client, page, chat, until=None)
        assert time.monotonic() - done < EFFECTIVE
    # And down again: refused by what is used already.
    done = await budget(world, "set", tenant.name, "bandwidth", "1", "--action", "refuse")
    for client in (ann, bo):
        await write(client, page, chat, until="over-quota")
        assert time.monotonic() - done < EFFECTIVE
    done = await budget(world, "remove", tenant.name, "bandwidth")
    await write(bo, page, chat, until=None)
    assert time.monotonic() - done < EFFECTIVE


@pytest.mark.parametrize("action", ["notify", "throttle"])
async def test_milder_budgets_let_writing_go_on_or_slow_it_down(
    world: World, enter: Enter, page: str, action: str
) -> None:
    tenant = await world.new_tenant()
    ann, _, chat = await both(world, enter, tenant, page)
    await budget(world, "set", tenant.name, "messages", "1", "--action", action)
    if action == "throttle":
        await write(ann, page, chat, until="over-limit")
        await write(ann, page, chat, until=None)
        return

    await write(ann, page, chat, until=None)
    await world.settle()
    await write(ann, page, chat, until=None)
