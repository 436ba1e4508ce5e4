"""No attack on tokens gets in; every valid token does; what a token says is what the claims are."""

from collections.abc import Callable
from typing import Any

import jwt
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.clock import FrozenClock
from kit.token_attacks import ATTACKS, Make, with_header, with_payload
from kit.tokens import MISSING, NOW, World, key_pair, segment, token
from parley.claims import Role
from parley.errors import Refusal
from parley.revocation import revoke_reader
from parley.tenants import ALGORITHMS, Algorithm, Key, Revocation, Tenant
from parley_runtime.keys import verifying
from parley_runtime.signing import KeyProblem, SigningKey, Wish, generate_key, read_key, sign
from parley_runtime.tokens import LAST_TOKEN_DIES, LEEWAY, TokenVerifier


def verifier(world: World | None = None, clock: FrozenClock | None = None) -> TokenVerifier:
    return TokenVerifier(world or World(), clock or FrozenClock())


@pytest.mark.parametrize("name", ATTACKS)
def test_attack_is_refused(name: str) -> None:
    attack = ATTACKS[name]()
    with pytest.raises(Refusal) as refused:
        verifier().verify(attack)
    assert refused.value.code == ("token-expired" if name.startswith("expired") else "token-invalid")
    text = f"{refused.value} {refused.value.help}"
    assert not any(part and part in text for part in attack.split(".")), "the error quotes the token"


def test_nothing_is_said_before_the_signature_is_proven() -> None:
    said = set()
    for name in (
        "alg none", "signed with another key", "unknown kid", "kid of another tenant", "inactive key",
        "unknown tenant", "deleted tenant", "HS/RS confusion, kid of the RSA key", "jwk brings the key",
        "no kid, several active keys", "loose bits in the last character", "header with a duplicate alg",
    ):  # fmt: skip
        with pytest.raises(Refusal) as refused:
            verifier().verify(ATTACKS[name]())
        said.add((str(refused.value), refused.value.help))
    assert len(said) == 1


def test_an_expired_token_of_somebody_else_is_not_called_expired() -> None:
    forged = token(payload={"exp": NOW - 100}, signed_with=("HS256", key_pair("HS256", "attacker")[1]))
    with pytest.raises(Refusal) as refused:
        verifier().verify(forged)
    assert refused.value.code == "token-invalid"


VALID: dict[str, tuple[Make, dict[str, Any]]] = {
    "least": (with_payload(iat=MISSING), {"reader": "u1", "name": "u1", "role": Role.COMMENTER, "pages": ("*",)}),
    "everything": (
        with_payload(name="Ann", avatar="https://acme.test/a.png", role="moderator", pages=["https://acme.test/*"],
                     scope="usage:read openid", jti="1", nbf=NOW),
        {"name": "Ann", "avatar": "https://acme.test/a.png", "role": Role.MODERATOR,
         "pages": ("https://acme.test/*",), "scopes": frozenset({"usage:read"})},
    ),
    "reader": (with_payload(role="reader"), {"role": Role.READER}),
    "scope list": (with_payload(scope=["usage:read", "admin"]), {"scopes": frozenset({"usage:read", "admin"})}),
    "no page at all": (with_payload(pages=[]), {"pages": ()}),
    "name empty": (with_payload(name=""), {"name": "u1"}),
    "typ in lower case": (with_header(typ="jwt"), {}),
    "typ missing": (with_header(typ=MISSING), {}),
    "unknown header member": (with_header(x5t="AAAA", iss="acme"), {}),
    "unknown claims": (with_payload(iss="acme", email="a@acme.test", x={"deep": [1, 2.5, None]}), {}),
    "just expired, within the leeway": (with_payload(exp=NOW - 9), {"expires_at": NOW - 9}),
    "a day ahead": (with_payload(exp=NOW + 86_400), {"expires_at": NOW + 86_400}),
    "with a fraction of a second": (with_payload(exp=NOW + 600.5, iat=NOW - 0.25), {"expires_at": NOW + 600}),
    "clock ahead, within the leeway": (with_payload(iat=NOW + 10, nbf=NOW + 10), {}),
    "longest reader, in two scripts": (with_payload(sub="ж" * 100), {"reader": "ж" * 100}),
    "fifty patterns": (with_payload(pages=["p" * 512 if not n else str(n) for n in range(50)]), {}),
}  # fmt: skip


@pytest.mark.parametrize("name", VALID)
def test_valid_token_is_accepted(name: str) -> None:
    make, expected = VALID[name]
    claims = verifier().verify(make())
    assert claims.tenant == "acme"
    assert {member: getattr(claims, member) for member in expected} == expected


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_algorithm_is_accepted_with_its_own_key(algorithm: Algorithm) -> None:
    assert verifier().verify(token(algorithm)).reader == "u1"


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_pyjwt_and_our_own_helper_sign_what_is_accepted(algorithm: Algorithm) -> None:
    key, private = key_pair(algorithm, f"{algorithm}-1")
    made = read_key(private.encode(), kid=key.kid, algorithm=algorithm)
    ours = sign(made, Wish("acme", "u2", Role.READER, "Bo", ("a*",), ("usage:read",)), now=NOW)
    theirs = jwt.encode(
        {"aud": "parley", "tenant": "acme", "sub": "u2", "exp": NOW + 60},
        made.material,
        algorithm,
        headers={"kid": key.kid},
    )
    claims = verifier().verify(ours)
    assert (claims.reader, claims.role, claims.name, claims.pages) == ("u2", Role.READER, "Bo", ("a*",))
    assert verifier().verify(theirs).reader == "u2"


def test_without_kid_the_only_active_key_is_used() -> None:
    key, private = key_pair("EdDSA", "only")
    made = sign(SigningKey(key.algorithm, private.encode()), Wish("single", "u1"), now=NOW)
    assert verifier().verify(made).tenant == "single"


def test_a_suspended_tenants_readers_may_still_read() -> None:
    made = sign(SigningKey("EdDSA", key_pair("EdDSA", "only")[1].encode()), Wish("paused", "u1"), now=NOW)
    assert verifier().verify(made).tenant == "paused"


LATER = NOW + 3_600

#: what the record says → (its members, the token's, whether it is refused)
REVOKED: dict[str, tuple[dict[str, Any], dict[str, Any], bool]] = {
    "reader": ({"revoked": [Revocation("u1", LATER)]}, {}, True),
    "reader, though its token is new": ({"revoked": [Revocation("u1", NOW + 1)]}, {"iat": NOW + 10}, True),
    "reader, over": ({"revoked": [Revocation("u1", NOW)]}, {}, False),
    "another reader": ({"revoked": [Revocation("u", LATER), Revocation("u11", LATER)]}, {}, False),
    "issued before": ({"not_before": NOW}, {"iat": NOW - 1}, True),
    "issued in the last second before": ({"not_before": NOW}, {"iat": NOW - 0.5}, True),
    "issued then": ({"not_before": NOW}, {"iat": NOW}, False),
    "may have been issued before": ({"not_before": NOW - 86_000}, {"iat": MISSING, "exp": NOW + 399}, True),
    "cannot have been issued before": ({"not_before": NOW - 86_000}, {"iat": MISSING, "exp": NOW + 400}, False),
}


@pytest.mark.parametrize("name", REVOKED)
@pytest.mark.parametrize("known", [False, True])
def test_a_revoked_token_is_refused(name: str, known: bool) -> None:
    members, payload, is_refused = REVOKED[name]
    world = World()
    checked, made = verifier(world), token(payload=payload)
    if known:
        checked.verify(made)
    world["acme"] = msgspec.structs.replace(world["acme"], version=2, **members)
    if not is_refused:
        assert checked.verify(made).reader == "u1"
        return
    for _ in range(2):
        with pytest.raises(Refusal, match="revoked") as refused:
            checked.verify(made)
        assert refused.value.code == "token-invalid"


def test_no_token_from_before_outlives_the_revocation_of_its_reader() -> None:
    world, clock = World(), FrozenClock()
    checked, made = verifier(world, clock), token(payload={"exp": NOW + 86_400 + LEEWAY})
    assert checked.verify(made).reader == "u1", "the longest-lived one there can be"
    world["acme"] = revoke_reader(world["acme"], "u1", NOW, NOW + LAST_TOKEN_DIES)
    world["acme"] = msgspec.structs.replace(world["acme"], version=2)
    clock.advance(LAST_TOKEN_DIES - 1)
    with pytest.raises(Refusal, match="token-invalid"):
        checked.verify(made)
    clock.advance(1)
    with pytest.raises(Refusal, match="token-expired"):
        checked.verify(made)


def test_claims_say_which_key_proved_them_and_when_they_were_issued() -> None:
    said = verifier().verify(token(payload={"iat": NOW - 5}))
    assert (said.kid, said.issued_at) == ("HS256-1", NOW - 5)
    without = sign(SigningKey("EdDSA", key_pair("EdDSA", "only")[1].encode()), Wish("single", "u1"), now=NOW)
    assert verifier().verify(without).kid == "only"


class TestMemory:
    """Remembered tokens are forgotten when they must be."""

    def test_expiry(self) -> None:
        clock = FrozenClock()
        checked, made = verifier(clock=clock), token(payload={"exp": NOW + 60})
        checked.verify(made)
        clock.advance(69)
        assert checked.verify(made).expires_at == NOW + 60
        clock.advance(1)
        for _ in range(2):
            with pytest.raises(Refusal, match="token-expired"):
                checked.verify(made)

    @pytest.mark.parametrize("change", ["retired", "removed", "replaced", "deleted", "forgotten"])
    def test_the_tenants_record(self, change: str) -> None:
        world = World()
        checked, made, acme = verifier(world), token(), world["acme"]
        checked.verify(made)
        keys = {
            "retired": [msgspec.structs.replace(key, active=False) for key in acme.keys],
            "removed": [key for key in acme.keys if key.kid != "HS256-1"],
            "replaced": [msgspec.structs.replace(key_pair("HS256", "new")[0], kid="HS256-1"), *acme.keys[1:]],
        }.get(change, acme.keys)
        state: Any = "deleted" if change == "deleted" else "active"
        if change == "forgotten":
            del world["acme"]
        else:
            world["acme"] = Tenant("acme", 2, keys, state=state)
        with pytest.raises(Refusal, match="token-invalid"):
            checked.verify(made)

    def test_another_tenants_change_matters_not_and_one_that_keeps_the_key_keeps_the_token(self) -> None:
        world = World()
        checked, made = verifier(world), token()
        first = checked.verify(made)
        del world["globex"]
        assert checked.verify(made) is first
        world["acme"] = msgspec.structs.replace(world["acme"], version=2)
        again = checked.verify(made)
        assert again == first and again is not first

    def test_its_size_is_bounded(self) -> None:
        checked = TokenVerifier(World(), FrozenClock(), cache_size=3)
        first = token(payload={"sub": "first"})
        kept = checked.verify(first)
        for number in range(10):
            checked.verify(token(payload={"sub": f"u{number}"}))
            assert checked.verify(first) is kept, "what is in use stays"
        assert len(checked._verified) == 3


def _pem(private: Any) -> str:
    pem: bytes = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return pem.decode()


UNUSABLE: dict[str, Callable[[], Key]] = {
    "HS256 secret too short": lambda: Key("k", "HS256", segment(b"x" * 31)),
    "HS256 secret empty": lambda: Key("k", "HS256", ""),
    "HS256 secret no base64url": lambda: Key("k", "HS256", "correct horse battery staple, forty characters"),
    "HS256 with a PEM": lambda: Key("k", "HS256", key_pair("RS256", "RS256-1")[0].material),
    "HS256 with an encoded PEM": lambda: Key("k", "HS256", segment(key_pair("RS256", "RS256-1")[0].material)),
    "HS256 with an SSH key": lambda: Key("k", "HS256", segment(b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJtX me@x")),
    "RS256 with 1024 bits": lambda: Key("k", "RS256", _pem(rsa.generate_private_key(65537, 1024))),
    "RS256 with a P-256 key": lambda: Key("k", "RS256", key_pair("ES256", "ES256-1")[0].material),
    "RS256 with garbage": lambda: Key("k", "RS256", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"),
    "RS256 with the private key": lambda: Key("k", "RS256", key_pair("RS256", "RS256-1")[1]),
    "ES256 with P-384": lambda: Key("k", "ES256", _pem(ec.generate_private_key(ec.SECP384R1()))),
    "ES256 with secp256k1": lambda: Key("k", "ES256", _pem(ec.generate_private_key(ec.SECP256K1()))),
    "ES256 with an RSA key": lambda: Key("k", "ES256", key_pair("RS256", "RS256-1")[0].material),
    "EdDSA with Ed448": lambda: Key("k", "EdDSA", _pem(ed448.Ed448PrivateKey.generate())),
    "EdDSA with a P-256 key": lambda: Key("k", "EdDSA", key_pair("ES256", "ES256-1")[0].material),
    "an unknown algorithm": lambda: Key("k", "none", "AAAA"),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_unusable_key_is_refused_and_not_quoted(name: str) -> None:
    key = UNUSABLE[name]()
    with pytest.raises(KeyProblem) as problem:
        verifying(key)
    assert not key.material or key.material not in str(problem.value)


def test_a_tenant_with_an_unusable_key_lets_nobody_in(capsys: pytest.CaptureFixture[str]) -> None:
    short = segment(b"x" * 16)
    world = World()
    world["acme"] = Tenant("acme", 2, [Key("HS256-1", "HS256", short)])
    checked = verifier(world)
    with pytest.raises(Refusal, match="token-invalid"):
        checked.verify(token(signed_with=("HS256", short)))
    printed = capsys.readouterr()
    assert short not in printed.out + printed.err


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_generated_key_is_usable_and_its_record_is_public(algorithm: Algorithm) -> None:
    key, private = generate_key(algorithm, "new")
    assert (key.kid, key.algorithm, key.active) == ("new", algorithm, True)
    assert not verifying(key)(b"signed", b"not by it")
    assert (key.material == private) == (algorithm == "HS256")
    assert key.material not in repr(key)


def test_a_private_key_stays_out_of_the_test_world() -> None:
    for algorithm in ("RS256", "ES256", "EdDSA"):
        assert "PRIVATE" not in key_pair(algorithm, f"{algorithm}-1")[0].material


MUTATED = {algorithm: token(algorithm) for algorithm in ALGORITHMS}


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(ALGORITHMS), st.data())
def test_no_mutation_of_a_token_is_accepted(algorithm: Algorithm, data: st.DataObject) -> None:
    whole = MUTATED[algorithm]
    characters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=+/. \n\0é"
    mutated = whole
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(mutated) - 1))
        kind = data.draw(st.sampled_from(["replace", "insert", "delete", "double", "cut"]))
        new = data.draw(st.sampled_from(characters))
        head, old, tail = mutated[:place], mutated[place], mutated[place + 1 :]
        mutated = {
            "replace": head + new + tail,
            "insert": head + new + old + tail,
            "delete": head + tail or new,
            "double": head + old + old + tail,
            "cut": head or new,
        }[kind]
    if mutated != whole:
        with pytest.raises(Refusal):
            verifier().verify(mutated)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_no_single_character_can_be_another(algorithm: Algorithm) -> None:
    whole, checked = MUTATED[algorithm], verifier()
    accepted = []
    for place, old in enumerate(whole):
        for new in ("A", "B", "Q", "_", "8"):
            if new != old:
                try:
                    checked.verify(whole[:place] + new + whole[place + 1 :])
                    accepted.append((place, new))
                except Refusal:
                    pass
    assert accepted == []


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=300))
def test_any_text_is_refused_and_nothing_else_happens(text: str) -> None:
    with pytest.raises(Refusal):
        verifier().verify(text)
