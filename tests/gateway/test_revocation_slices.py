"""A tenant whose every reader is turned out at once does not hold up everybody else."""

import asyncio
from typing import Any
from unittest.mock import Mock

import msgspec

from kit.clock import FrozenClock
from parley.claims import Claims, Role
from parley.errors import CloseCode, Refusal
from parley.tenants import Tenant
from parley_gateway.shell.gateway import ENDED_AT_ONCE, Gateway
from parley_runtime.telemetry import Metrics


class Open:
    def __init__(self, tenant: str, ended: list[str]) -> None:
        self.claims = Claims(tenant, "ann", "Ann", 2_000_000_000, Role.COMMENTER)
        self._ended = ended

    def move(self, within_ms: int) -> None:
        raise AssertionError("nobody leaves here")

    def end(self, code: CloseCode, refusal: Refusal) -> None:
        self._ended.append(self.claims.tenant)


async def test_connections_are_ended_some_at_a_time() -> None:
    parts: Any = {name: Mock() for name in ("meter", "hub", "typing", "joins", "presence", "admission", "operations")}
    gateway = Gateway(clock=FrozenClock(), metrics=Metrics(), **parts)
    ended: list[str] = []
    count = 3 * ENDED_AT_ONCE + 1
    gateway.polls.update(Open(tenant, ended) for tenant in ("acme", "globex") for _ in range(count))
    record = Tenant("acme", 1, [])
    gateway.tenant_changed(record, msgspec.structs.replace(record, version=2, state="deleted"))
    after_each_turn = []
    while len(ended) < count:
        await asyncio.sleep(0)
        after_each_turn.append(len(ended))
    assert set(ended) == {"acme"}
    assert max(b - a for a, b in zip([0, *after_each_turn], after_each_turn, strict=False)) <= ENDED_AT_ONCE
