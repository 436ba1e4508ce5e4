"""Tokens made by hand, so that a test can get any detail of them wrong."""

import base64
import json
from functools import cache
from typing import Any

import msgspec
from jwt.algorithms import get_default_algorithms

from kit.clock import FrozenClock
from parley.tenants import ALGORITHMS, Algorithm, Key, Tenant
from parley_runtime.signing import generate_key

CLOCK = FrozenClock()
NOW = CLOCK.now_ms() // 1000


@cache
def key_pair(algorithm: Algorithm, kid: str) -> tuple[Key, str]:
    """(public record, private material), the same for the whole run."""
    return generate_key(algorithm, kid)


def segment(data: bytes | str) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(data.encode() if isinstance(data, str) else data).rstrip(b"=").decode()


def dump(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def signature(signed: str, algorithm: Algorithm, private: str) -> bytes:
    """What this algorithm and this private material (a secret in base64url, or a PEM) sign."""
    material: Any = private
    if algorithm == "HS256" and not private.startswith("-----"):
        material = base64.urlsafe_b64decode(private + "=" * (-len(private) % 4))
    tool = get_default_algorithms()[algorithm]
    made: bytes = tool.sign(signed.encode(), tool.prepare_key(material))
    return made


class World(dict[str, Tenant]):
    """Tenants by name: the least that a verifier needs. `acme` has one active key of each algorithm, and an old one.

    `globex` has other keys, one of them with the same kid; `single` has one active key; `gone` was deleted.
    """

    def __init__(self) -> None:
        own = [key_pair(algorithm, f"{algorithm}-1")[0] for algorithm in ALGORITHMS]
        old = msgspec.structs.replace(key_pair("HS256", "old")[0], active=False)
        theirs = [key_pair("ES256", "globex-1")[0], msgspec.structs.replace(key_pair("HS256", "x")[0], kid="HS256-1")]
        one = key_pair("EdDSA", "only")[0]
        super().__init__(
            acme=Tenant("acme", 1, [*own, old]),
            globex=Tenant("globex", 1, theirs),
            single=Tenant("single", 1, [one, old]),
            paused=Tenant("paused", 1, [one], state="suspended"),
            gone=Tenant("gone", 1, [one], state="deleted"),
        )


MISSING: Any = object()


def token(
    algorithm: Algorithm = "HS256",
    *,
    signed_with: tuple[Algorithm, str] | None = None,
    header: dict[str, Any] | str | None = None,
    payload: dict[str, Any] | str | None = None,
) -> str:
    """A valid token of `acme`, but for what is given: members that replace (MISSING: leave out), or a whole text."""
    key, private = key_pair(algorithm, f"{algorithm}-1")
    if not isinstance(header, str):
        header = dump(_changed({"alg": algorithm, "typ": "JWT", "kid": key.kid}, header))
    if not isinstance(payload, str):
        usual = {"aud": "parley", "tenant": "acme", "sub": "u1", "iat": NOW, "exp": NOW + 600}
        payload = dump(_changed(usual, payload))
    signed = f"{segment(header)}.{segment(payload)}"
    return f"{signed}.{segment(signature(signed, *(signed_with or (algorithm, private))))}"


def _changed(usual: dict[str, Any], changes: dict[str, Any] | None) -> dict[str, Any]:
    return {name: value for name, value in {**usual, **(changes or {})}.items() if value is not MISSING}
