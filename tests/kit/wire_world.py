"""What the protocol's tests share: two gateways, two tenants, and ways to connect to them."""

import asyncio
import itertools
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from kit.billing_process import BillingProcess
from kit.gateway import GatewayProcess
from kit.tenants import ORIGIN, KitTenant, add_tenant
from kit.usage_sums import Sums, booked, sums_of_bodies, told_to
from kit.waiting import until
from kit.wire_client import Closed, WireClient
from kit.wire_samples import anchor
from kit.wire_tap import Tally

_numbers = itertools.count(1)


@dataclass
class World:
    """`gateways`: two of them; clients of a test go to either."""

    redis_url: str
    database_url: str
    gateways: list[GatewayProcess]
    acme: KitTenant
    globex: KitTenant
    billing: BillingProcess
    sentinel: KitTenant

    async def new_tenant(self, **members: Any) -> KitTenant:
        """A tenant of the test's own, known to both gateways."""
        name = f"tenant-{next(_numbers)}"
        tenant = await asyncio.to_thread(add_tenant, self.redis_url, name, **members)
        for gateway in self.gateways:
            await until(partial(_is_welcome, gateway.live_url, tenant))
        return tenant

    async def settle(self) -> None:
        """Wait until everything that was counted before this is in the ledger.

        A gateway's records reach it in order, so what a tenant of its own does now comes in after all of that.
        """
        for gateway in self.gateways:
            before = await asyncio.to_thread(told_to, self.sentinel, self.billing)
            async with await WireClient.open(gateway.live_url, self.sentinel.token()) as client:
                await client.do("sentinel", "new-chat", anchor=anchor(), text="x")
            await until(partial(self._told_more, before))

    async def _told_more(self, before: Sums) -> bool:
        return await asyncio.to_thread(told_to, self.sentinel, self.billing) != before

    async def used(self, tenant: KitTenant) -> tuple[Sums, Sums]:
        """(what `GET /v1/usage` says, the sum over the sealed records) of one tenant, when all is settled."""
        await self.settle()
        bodies, _ = await booked(self.database_url, tenant.name)
        return await asyncio.to_thread(told_to, tenant, self.billing), sums_of_bodies(bodies.values(), tenant.name)


async def _is_welcome(url: str, tenant: KitTenant) -> bool:
    try:
        client = await WireClient.open(url, tenant.token())
    except Closed:
        return False
    await client.close()
    return True


class Clients(list[WireClient]):
    """All clients of one test."""

    async def end(self) -> None:
        """Close them, then fail if one of them saw a rule broken."""
        for client in self:
            await client.close()
        for client in self:
            client.check()


class Dial(Protocol):
    """``await dial(gateway=1)`` → a client that said nothing yet."""

    async def __call__(self, *, gateway: int = 0, **options: Any) -> WireClient: ...


class Enter(Protocol):
    """``await enter("ann", gateway=1, role="moderator")`` → a welcomed client of acme on the second gateway.

    With `joined`, it has joined that page too. Other names are claims of its token; `name` is the reader's by default.
    """

    async def __call__(
        self,
        reader: str = "ann",
        *,
        gateway: int = 0,
        tenant: KitTenant | None = None,
        joined: str | None = None,
        tally: Tally | None = None,
        origin: str | None = ORIGIN,
        **claims: Any,
    ) -> WireClient: ...
