"""What the protocol's tests share: two gateways, two tenants, and ways to connect to them."""

import asyncio
import itertools
from dataclasses import dataclass
from typing import Any, Protocol

from kit.gateway import GatewayProcess
from kit.tenants import ORIGIN, KitTenant, add_tenant
from kit.wire_client import PATIENCE, Closed, WireClient
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

    async def new_tenant(self, **members: Any) -> KitTenant:
        """A tenant of the test's own, known to both gateways."""
        name = f"tenant-{next(_numbers)}"
        tenant = await asyncio.to_thread(add_tenant, self.redis_url, name, **members)
        async with asyncio.timeout(PATIENCE):
            for gateway in self.gateways:
                while not await _is_welcome(gateway.live_url, tenant):
                    await asyncio.sleep(0.02)
        return tenant


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
