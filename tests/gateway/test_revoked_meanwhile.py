"""A token that is revoked after it was looked at, and before changes of its tenant reach the connection."""

from typing import Any, cast
from unittest.mock import Mock

import msgspec
import pytest
from aiohttp import HttpVersion11

from kit.clock import FrozenClock
from kit.tokens import NOW, World, token
from parley.errors import Refusal
from parley.tenants import Revocation
from parley_gateway.shell.admission import Admission
from parley_gateway.shell.event_stream import EventStream
from parley_gateway.shell.gateway import Gateway
from parley_gateway.shell.http_access import Caller
from parley_runtime.settings import load
from parley_runtime.telemetry import Metrics
from parley_runtime.tokens import TokenVerifier

CHANGES: dict[str, dict[str, Any]] = {
    "reader": {"revoked": [Revocation("u1", NOW + 1)]},
    "moment": {"not_before": NOW + 1},
    "keys": {"keys": []},
    "deleted": {"state": "deleted"},
}


def change(world: World, name: str) -> None:
    world["acme"] = msgspec.structs.replace(world["acme"], version=2, **CHANGES[name])


def admission_of(world: World) -> Admission:
    clock = FrozenClock()
    return Admission(TokenVerifier(world, clock), cast(Any, world), clock, load(), Metrics())


@pytest.mark.parametrize("name", CHANGES)
def test_it_is_noticed(name: str) -> None:
    world = World()
    admission = admission_of(world)
    claims = admission.verify(token(), None)
    admission.check(claims)
    change(world, name)
    with pytest.raises(Refusal) as refused:
        admission.check(claims)
    assert refused.value.code == "token-invalid"


@pytest.mark.parametrize("name", CHANGES)
async def test_an_event_stream_says_so_and_is_over_before_it_told_anything(name: str) -> None:
    world, transport = World(), Mock()
    transport.is_closing.return_value = False
    admission = admission_of(world)
    claims = admission.verify(token(), None)
    gateway = Mock(spec=Gateway, clock=FrozenClock(), admission=admission, joins=Mock(), hub=Mock(), draining=False)
    caller = Caller(claims, "p", "", Mock(), "")
    stream = EventStream(gateway, caller, None, Mock(), Mock(transport=transport, version=HttpVersion11))
    change(world, name)
    await stream.run()
    (written,) = [call.args[0] for call in transport.write.call_args_list]
    assert b"event: error" in written and b"token-invalid" in written
    gateway.joins.open.assert_not_called()
    gateway.disconnected.assert_called_once_with(stream)


async def test_an_event_stream_of_a_gateway_that_began_to_leave_meanwhile_is_sent_elsewhere() -> None:
    transport = Mock()
    transport.is_closing.return_value = False
    admission = admission_of(World())
    gateway = Mock(spec=Gateway, clock=FrozenClock(), admission=admission, joins=Mock(), hub=Mock(), draining=True)
    caller = Caller(admission.verify(token(), None), "p", "", Mock(), "")
    await EventStream(gateway, caller, None, Mock(), Mock(transport=transport, version=HttpVersion11)).run()
    (written,) = [call.args[0] for call in transport.write.call_args_list]
    assert b"event: error" in written and b"unavailable" in written
    gateway.joins.open.assert_not_called()
