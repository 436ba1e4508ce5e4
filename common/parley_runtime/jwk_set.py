"""A JWK set (RFC 7517) as keys: public ones for the algorithms that Parley knows, each held to what own keys are."""

from typing import Any

import msgspec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import get_default_algorithms
from jwt.exceptions import InvalidKeyError

from parley.tenants import Algorithm, Key
from parley_runtime.keys import verifying
from parley_runtime.signing import KeyProblem

#: Keys of one set that are looked at; a set with more is refused.
MOST_KEYS = 20
_LONGEST_KID = 200
#: (`kty`, `crv`) → the one algorithm that such a key is for. No `oct`: a secret at a URL is none.
_ALGORITHMS: dict[tuple[object, object], Algorithm] = {
    ("RSA", None): "RS256",
    ("EC", "P-256"): "ES256",
    ("OKP", "Ed25519"): "EdDSA",
}
#: Members of a private key (RFC 7518 §6). Who publishes one has no secret any more.
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


class BadKeySet(ValueError):
    """The document is no JWK set that can be used. The text never quotes it."""


def read_key_set(data: bytes) -> tuple[Key, ...]:
    """The usable keys, by `kid`. Others (for encryption, of other algorithms) are passed over. Raises `BadKeySet`."""
    try:
        document = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadKeySet("it is no JSON") from None
    listed = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        raise BadKeySet("it has no list `keys`")
    if len(listed) > MOST_KEYS:
        raise BadKeySet(f"it has more than {MOST_KEYS} keys")
    keys = [key for one in listed if (key := _key(one)) is not None]
    if len({key.kid for key in keys}) < len(keys):
        raise BadKeySet("two keys have the same `kid`")
    return tuple(sorted(keys, key=lambda key: key.kid))


def _key(jwk: Any) -> Key | None:
    """None: not one for us."""
    if not isinstance(jwk, dict) or jwk.get("use", "sig") != "sig":
        return None
    operations = jwk.get("key_ops", ["verify"])
    if not isinstance(operations, list) or "verify" not in operations or _PRIVATE & jwk.keys():
        return None
    kid, kind, curve = jwk.get("kid"), jwk.get("kty"), jwk.get("crv")
    if not isinstance(kid, str) or not 0 < len(kid) <= _LONGEST_KID:
        return None
    if not isinstance(kind, str) or not isinstance(curve, str | None):
        return None
    algorithm = _ALGORITHMS.get((kind, curve))
    if algorithm is None or jwk.get("alg", algorithm) != algorithm:
        return None
    try:
        public: Any = get_default_algorithms()[algorithm].from_jwk(jwk)
        pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        key = Key(kid=kid, algorithm=algorithm, material=pem)
        verifying(key)
    except (InvalidKeyError, KeyProblem, ValueError, TypeError, AttributeError, KeyError):
        return None
    return key
