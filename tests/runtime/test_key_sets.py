"""Keys at a URL, fetched: what a set may hold, what is waited for, who is never asked, and what a change ends."""

import asyncio
import contextlib
import gzip
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import get_default_algorithms
from msgspec.structs import replace

from kit.certificates import certificate
from kit.clock import FrozenClock
from kit.tokens import NOW, dump, key_pair, segment, signature
from kit.waiting import until
from parley.errors import Refusal
from parley.jwks import STALE_MOST, UNKNOWN_EVERY, USUAL_AGE
from parley.tenants import Algorithm, Key, Tenant
from parley_runtime import key_sets
from parley_runtime.jwk_set import MOST_KEYS, BadKeySet, read_key_set
from parley_runtime.key_sets import FETCH_FAULTS, LONGEST_SET, Fetcher, KeySets
from parley_runtime.tokens import TokenVerifier

URL = "https://keys.acme.test/set.json"
PUBLIC: tuple[Algorithm, ...] = ("RS256", "ES256", "EdDSA")


def jwk(algorithm: Algorithm, kid: str, /, **members: Any) -> dict[str, Any]:
    """The public key as its tenant would publish it."""
    key, _ = key_pair(algorithm, kid)
    tool: Any = get_default_algorithms()[algorithm]
    made = tool.to_jwk(load_pem_public_key(key.material.encode()), as_dict=True)
    return {**made, "kid": kid, "use": "sig", "alg": algorithm, **members}


def document(*keys: Any) -> bytes:
    return json.dumps({"keys": list(keys)}).encode()


def token(algorithm: Algorithm, kid: str, tenant: str = "acme") -> str:
    header = dump({"alg": algorithm, "typ": "JWT", "kid": kid})
    payload = dump({"aud": "parley", "tenant": tenant, "sub": "u1", "iat": NOW, "exp": NOW + 86_400})
    signed = f"{segment(header)}.{segment(payload)}"
    return f"{signed}.{segment(signature(signed, algorithm, key_pair(algorithm, kid)[1]))}"


class TestSet:
    @pytest.mark.parametrize("algorithm", PUBLIC)
    def test_a_public_key_is_the_one_that_signs(self, algorithm: Algorithm) -> None:
        (read,) = read_key_set(document(jwk(algorithm, "k")))
        assert read == key_pair(algorithm, "k")[0]
        without = jwk(algorithm, "k")
        del without["alg"], without["use"]
        assert read_key_set(document(without)) == (read,)

    @pytest.mark.parametrize(
        "members",
        [
            {"alg": "RS256"}, {"alg": "none"}, {"alg": "ES512"}, {"alg": 5}, {"kty": "oct", "k": "c2VjcmV0"},
            {"kty": "RSA"}, {"kty": ["EC"]}, {"crv": "P-384"}, {"crv": {}}, {"use": "enc"}, {"key_ops": ["sign"]},
            {"key_ops": "verify"}, {"d": "AAAA"}, {"kid": ""}, {"kid": None}, {"kid": "x" * 201}, {"x": "AAAA"},
            {"x": None}, {"y": "!"}, {"x": 5},
        ],
    )  # fmt: skip
    def test_a_key_that_is_none_for_us_is_passed_over(self, members: dict[str, Any]) -> None:
        good = jwk("EdDSA", "good")
        assert [key.kid for key in read_key_set(document(jwk("ES256", "k", **members), good))] == ["good"]

    def test_a_short_rsa_key_is_passed_over(self) -> None:
        assert read_key_set(document(jwk("RS256", "k", n=segment(b"\xff" * 128)))) == ()

    @pytest.mark.parametrize(
        "data",
        [b"", b"nonsense", b"[]", b"{}", b'{"keys":{}}', b"\xff", b"[" * 100_000, document(*[{}] * (MOST_KEYS + 1))],
    )
    def test_what_is_no_set_is_refused(self, data: bytes) -> None:
        with pytest.raises(BadKeySet):
            read_key_set(data)

    def test_two_keys_of_one_kid_are_refused(self) -> None:
        with pytest.raises(BadKeySet):
            read_key_set(document(jwk("ES256", "k"), jwk("EdDSA", "k")))

    @given(
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers()
            | st.text()
            | st.sampled_from(["RSA", "EC", "OKP", "P-256", "sig"]),
            lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["kty", "crv", "x", "n", "kid"]), inner),
        )
    )
    def test_no_document_breaks_the_reader(self, keys: Any) -> None:
        with contextlib.suppress(BadKeySet):
            read_key_set(json.dumps({"keys": keys}).encode())


class Tenants:
    """A `TenantView` of one tenant."""

    def __init__(self, record: Tenant) -> None:
        self.record = record
        self._tell: Callable[[Tenant | None, Tenant | None], None] = lambda _old, _new: None

    def on_change(self, callback: Callable[[Tenant | None, Tenant | None], None]) -> None:
        self._tell = callback

    def get(self, name: str) -> Tenant | None:
        return self.record if name == self.record.name else None

    def change(self, **members: Any) -> None:
        old, self.record = self.record, replace(self.record, version=self.record.version + 1, **members)
        self._tell(old, self.record)


class Remote:
    """The tenant's server: what it publishes, and how often it was asked."""

    def __init__(self) -> None:
        self.keys: list[dict[str, Any]] = []
        self.fault: Exception | None = None
        self.asked = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, _url: str) -> tuple[tuple[Key, ...], float]:
        self.asked += 1
        await self.gate.wait()
        if self.fault is not None:
            raise self.fault
        return read_key_set(document(*self.keys)), USUAL_AGE


class Kit:
    """Everything of one test."""

    def __init__(self) -> None:
        self.clock = FrozenClock()
        self.tenants = Tenants(Tenant("acme", 1, [key_pair("HS256", "own")[0]]))
        self.remote = Remote()
        self.sets = KeySets(self.tenants, self.clock, self.remote)  # type: ignore[arg-type]
        self.verifier = TokenVerifier(self.sets, self.clock)
        self.changes: list[tuple[set[str], set[str]]] = []
        self.sets.on_change(lambda old, new: self.changes.append((_kids(old), _kids(new))))
        self.tenants.change(jwks_url=URL)

    async def good(self, made: str) -> bool:
        await self.sets.ready_for(made)
        try:
            return self.verifier.verify(made).reader == "u1"
        except Refusal as refusal:
            assert refusal.code == "token-invalid"
            return False

    async def pass_time(self, seconds: float) -> None:
        """Let it pass in steps, with the background's looks, each fetch finished."""
        for _ in range(10):
            self.clock.advance(seconds / 10)
            await self.sets.tick()
            for _ in range(5):
                await asyncio.sleep(0)


def _kids(tenant: Tenant | None) -> set[str]:
    return set() if tenant is None else {key.kid for key in tenant.keys}


@pytest.fixture
async def kit() -> AsyncIterator[Kit]:
    made = Kit()
    yield made
    await made.sets.close()


async def test_the_first_token_waits_for_the_set(kit: Kit) -> None:
    kit.remote.keys = [jwk("ES256", "a")]
    await kit.pass_time(1.0)
    assert kit.remote.asked < 1, "nothing is fetched that nobody needs"
    assert await kit.good(token("ES256", "a")) and await kit.good(token("ES256", "a"))
    assert await kit.good(token("HS256", "own"))
    assert kit.remote.asked == 1
    assert not await kit.good(token("ES256", "b")) and not await kit.good("nonsense")
    assert not await kit.good(token("ES256", "a", tenant="globex"))


async def test_many_first_tokens_share_one_fetch(kit: Kit) -> None:
    kit.remote.keys = [jwk("ES256", "a")]
    kit.remote.gate.clear()
    waiting = [asyncio.create_task(kit.good(token("ES256", "a"))) for _ in range(100)]
    await until(lambda: kit.remote.asked)
    kit.remote.gate.set()
    assert all(await asyncio.gather(*waiting)) and kit.remote.asked == 1


async def test_rotation_with_overlap_needs_no_pause(kit: Kit) -> None:
    kit.remote.keys = [jwk("ES256", "a")]
    assert await kit.good(token("ES256", "a"))
    kit.clock.advance(UNKNOWN_EVERY)
    kit.remote.keys = [jwk("ES256", "a"), jwk("EdDSA", "b")]
    assert await kit.good(token("EdDSA", "b")) and await kit.good(token("ES256", "a"))
    # The old one leaves: with the next fetch its tokens are refused, and whoever holds connections is told.
    kit.remote.keys = [jwk("EdDSA", "b")]
    kit.changes.clear()
    await kit.pass_time(2 * USUAL_AGE)
    assert kit.changes == [({"own", "a", "b"}, {"own", "b"})]
    assert not await kit.good(token("ES256", "a")) and await kit.good(token("EdDSA", "b"))


async def test_unknown_kids_make_no_storm(kit: Kit) -> None:
    kit.remote.keys = [jwk("ES256", "a")]
    assert await kit.good(token("ES256", "a"))
    for _ in range(200):
        assert not await kit.good(token("ES256", "b"))
    assert kit.remote.asked == 1
    await kit.pass_time(UNKNOWN_EVERY)
    assert not await kit.good(token("ES256", "b"))
    assert kit.remote.asked == 1 + 1


async def test_while_the_set_is_out_of_reach_its_keys_are_honoured_for_a_bounded_time(kit: Kit) -> None:
    kit.remote.keys = [jwk("ES256", "a")]
    assert await kit.good(token("ES256", "a"))
    kit.remote.fault = BadKeySet("it is no JSON")
    await kit.pass_time(STALE_MOST / 2)
    assert kit.remote.asked > 5
    assert any(key.kid == "a" for key in kit.sets.get("acme").keys)  # type: ignore[union-attr]
    await kit.pass_time(STALE_MOST / 2)
    assert not any(key.kid == "a" for key in kit.sets.get("acme").keys)  # type: ignore[union-attr]
    assert kit.changes[-1] == ({"own", "a"}, {"own"})
    kit.remote.fault = None
    await kit.sets.ready_for(token("ES256", "a"))
    await kit.pass_time(USUAL_AGE)
    assert any(key.kid == "a" for key in kit.sets.get("acme").keys)  # type: ignore[union-attr]


async def test_a_record_that_names_another_url_or_none_lets_go_of_the_keys(kit: Kit) -> None:
    kit.remote.keys = [jwk("ES256", "a")]
    assert await kit.good(token("ES256", "a"))
    kit.changes.clear()
    kit.tenants.change(jwks_url=None)
    assert kit.changes == [({"own", "a"}, {"own"})] and not await kit.good(token("ES256", "a"))
    kit.tenants.change(jwks_url="https://other.acme.test/")
    assert await kit.good(token("ES256", "a")) and kit.remote.asked == 2
    kit.tenants.change(limits={"connections": 5})
    assert kit.changes[-1] == ({"own", "a"}, {"own", "a"}), "another change of the record keeps them"
    assert await kit.good(token("ES256", "a")) and kit.remote.asked == 2
    kit.tenants.change(state="deleted")
    assert not await kit.good(token("ES256", "a"))


async def test_a_kid_of_the_records_own_is_never_the_sets(kit: Kit) -> None:
    kit.tenants.change(keys=[replace(key_pair("ES256", "a")[0], active=False)])
    kit.remote.keys = [jwk("ES256", "a")]
    assert not await kit.good(token("ES256", "a"))


# A real server


class Server:
    """Answers `/set` over https on localhost with whatever `answer` makes."""

    def __init__(self) -> None:
        self.asked = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.answer: Callable[[], web.StreamResponse] = lambda: web.Response(body=document())

    async def handle(self, _: web.Request) -> web.StreamResponse:
        self.asked += 1
        await self.gate.wait()
        return self.answer()


@pytest.fixture
async def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Server, str]]:
    path, context = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    made = Server()
    app = web.Application()
    app.router.add_get("/{any:.*}", made.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    yield made, f"https://localhost:{runner.addresses[0][1]}/set"
    await runner.cleanup()


@pytest.fixture
async def fetch() -> AsyncIterator[Callable[..., Awaitable[Any]]]:
    """``await fetch(url, "localhost")``: the names may be private."""
    made: list[Fetcher] = []

    async def get(url: str, *private: str) -> tuple[tuple[Key, ...], float]:
        made.append(Fetcher(frozenset(private)))
        return await made[-1](url)

    yield get
    for fetcher in made:
        await fetcher.close()


async def test_a_set_is_fetched_with_its_age(server: tuple[Server, str], fetch: Any) -> None:
    made, url = server
    headers = {"Cache-Control": "public, max-age=600"}
    made.answer = lambda: web.Response(body=document(jwk("ES256", "a")), headers=headers)
    keys, age = await fetch(url, "localhost")
    assert keys == (key_pair("ES256", "a")[0],) and age == 600


async def test_a_name_that_means_a_private_address_is_not_asked(server: tuple[Server, str], fetch: Any) -> None:
    made, url = server
    for private in ((), ("another.test",)):
        with pytest.raises(FETCH_FAULTS):
            await fetch(url, *private)
    with pytest.raises(FETCH_FAULTS):
        await fetch(url.replace("localhost", "127.0.0.1"), "127.0.0.1", "localhost")
    with pytest.raises(FETCH_FAULTS):
        await fetch(url.replace("https", "http"), "localhost")
    assert made.asked == 0


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_redirect_is_followed(server: tuple[Server, str], fetch: Any, status: int) -> None:
    made, url = server
    made.answer = lambda: web.Response(status=status, headers={"Location": url + "/there"})
    with pytest.raises(BadKeySet, match=str(status)):
        await fetch(url, "localhost")
    assert made.asked == 1


@pytest.mark.parametrize("size", [LONGEST_SET, LONGEST_SET + 1, 50 * LONGEST_SET])
async def test_an_answer_is_read_up_to_its_bound(server: tuple[Server, str], fetch: Any, size: int) -> None:
    made, url = server
    made.answer = lambda: web.Response(body=document().ljust(size))
    if size <= LONGEST_SET:
        assert (await fetch(url, "localhost"))[0] == ()
    else:
        with pytest.raises(BadKeySet, match="bytes"):
            await fetch(url, "localhost")


async def test_an_answer_that_unpacks_to_much_is_not_unpacked(server: tuple[Server, str], fetch: Any) -> None:
    made, url = server
    packed = gzip.compress(document().ljust(1_000 * LONGEST_SET))
    made.answer = lambda: web.Response(body=packed, headers={"Content-Encoding": "gzip"})
    with pytest.raises(BadKeySet):
        await fetch(url, "localhost")


async def test_a_server_without_a_good_certificate_is_not_believed(
    server: tuple[Server, str], fetch: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, url = server
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(FETCH_FAULTS):
        await fetch(url, "localhost")
    assert made.asked == 0


async def test_a_server_that_does_not_answer_is_given_up(
    server: tuple[Server, str], fetch: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, url = server
    monkeypatch.setattr(key_sets, "FETCH_SECONDS", 0.2)
    made.gate.clear()
    with pytest.raises(FETCH_FAULTS):
        await fetch(url, "localhost")
    made.gate.set()
