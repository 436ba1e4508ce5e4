"""Tokens as the protocol's text says, on the socket. (Attacks on tokens are tabled in tests/runtime/test_tokens.py.)"""

import time
from typing import Any

import pytest

from kit.wire_client import WireClient, new_id
from kit.wire_samples import anchor
from kit.wire_world import Dial, Enter, World


async def refused(client: WireClient, token: str | None) -> str:
    """The code with which this token's connection was closed."""
    frame = {"t": "hello", "v": 1, "client": new_id()}
    await client.send(frame if token is None else {**frame, "token": token})
    assert await client.ended() == 4401
    code: str = client.close_reason["code"]
    return code


async def test_the_welcome(world: World, dial: Dial) -> None:
    client = await dial()
    claims: dict[str, Any] = {"name": "Ann Lee", "avatar": "https://acme.test/a.png", "role": "moderator"}
    welcome = await client.hello(world.acme.token("u1", **claims))
    assert welcome["v"] == 1 and welcome["tenant"] == "acme"
    assert welcome["reader"].items() >= {"id": "u1", "name": "Ann Lee", "role": "moderator"}.items()
    assert welcome["limits"]["frame"] == 65_536
    assert all(isinstance(value, int) for value in welcome["limits"].values())
    assert 0 < welcome["renewInMs"] < 3_600_000


@pytest.mark.parametrize("key", [0, 1])
async def test_each_of_the_tenants_keys_is_good(world: World, dial: Dial, key: int) -> None:
    client = await dial(gateway=key)
    assert (await client.hello(world.acme.token(key=key)))["tenant"] == "acme"


async def test_a_server_may_send_the_token_as_a_header(world: World, dial: Dial) -> None:
    client = await dial(bearer=world.acme.token("server"))
    assert (await client.hello(None))["reader"]["id"] == "server"


async def test_the_token_of_the_frame_goes_before_the_header(world: World, dial: Dial) -> None:
    client = await dial(bearer=world.acme.token("header"))
    assert (await client.hello(world.acme.token("frame")))["reader"]["id"] == "frame"


async def test_a_token_in_the_url_is_not_looked_at(world: World) -> None:
    client = await WireClient.dial(f"{world.gateways[0].live_url}?token={world.acme.token()}")
    async with client:
        assert await refused(client, None) == "token-invalid"


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"aud": "other"}, "token-invalid"),
        ({"aud": None}, "token-invalid"),
        ({"sub": None}, "token-invalid"),
        ({"sub": ""}, "token-invalid"),
        ({"exp": None}, "token-invalid"),
        ({"ttl": 86_400 + 60}, "token-invalid"),
        ({"ttl": -11}, "token-expired"),
        ({"tenant": "globex"}, "token-invalid"),
        ({"tenant": "nobody"}, "token-invalid"),
        ({"tenant": None}, "token-invalid"),
        ({"role": "king"}, "token-invalid"),
        ({"pages": "not a list"}, "token-invalid"),
        ({"name": 5}, "token-invalid"),
    ],
)
async def test_claims_that_are_refused(world: World, dial: Dial, claims: dict[str, Any], code: str) -> None:
    assert await refused(await dial(), world.acme.token(**claims)) == code


async def test_a_key_that_was_taken_back_is_refused(world: World, dial: Dial, enter: Enter) -> None:
    tenant = await world.new_tenant(origins=["*"])
    client = await dial()
    forged = world.acme.token(tenant=tenant.name)
    assert await refused(client, forged) == "token-invalid", "another tenant's key, of the same kid"


async def test_without_kid_only_with_one_active_key(world: World, dial: Dial) -> None:
    one = await world.new_tenant(algorithms=("ES256",))
    bare = _without_kid(one)
    assert (await (await dial()).hello(bare))["tenant"] == one.name
    assert await refused(await dial(), _without_kid(world.acme)) == "token-invalid"


def _without_kid(tenant: Any) -> str:
    import jwt

    key = tenant.keys[0]
    now = int(time.time())
    claims = {"aud": "parley", "tenant": tenant.name, "sub": "ann", "exp": now + 60}
    return jwt.encode(claims, key.material, algorithm=key.algorithm)


async def test_a_day_ahead_and_ten_seconds_past_are_allowed(world: World, dial: Dial) -> None:
    await (await dial()).hello(world.acme.token(ttl=86_390))
    await (await dial()).hello(world.acme.token(ttl=-5))


async def test_patterns_match_any_run_and_nothing_else_is_special(enter: Enter, page: str) -> None:
    ann = await enter("ann", pages=[f"{page}/a*z", "literal?[x].+"])
    for name in (f"{page}/az", f"{page}/a/b/c/z", "literal?[x].+"):
        await ann.join(name)
        await ann.do(name, "new-chat", anchor=anchor(), text="x")
    for name in (f"{page}/a", f"{page}/az ", "literalx[x].+", "literal?x.x"):
        assert (await ann.error_after({"t": "join", "page": name}))["code"] == "forbidden"


async def test_nobody_finds_a_token_in_the_logs(world: World, dial: Dial) -> None:
    token = world.acme.token("logged")
    client = await dial()
    await client.hello(token)
    await client.error_after(token.encode())
    await client.renew(token + "x")
    broken = await dial()
    await refused(broken, token[:-9] + "AAAAAAAAA")
    for gateway in world.gateways:
        log = gateway.log.read_text()
        assert "eyJ" not in log
        assert token.rpartition(".")[2] not in log
