"""Signing keys as a tenant's registry record holds them, made ready to verify with. PyJWT does the cryptography."""

import base64
import binascii
from collections.abc import Callable
from typing import Any, TypeAlias

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from jwt.algorithms import Algorithm as JwtAlgorithm
from jwt.algorithms import get_default_algorithms
from jwt.exceptions import InvalidKeyError

from parley.tenants import ALGORITHMS, Key
from parley_runtime.signing import SHORTEST_SECRET, KeyProblem

#: (what was signed, signature) → whether this key made it.
Verify: TypeAlias = Callable[[bytes, bytes], bool]

#: Bits. Below this RSA is within reach of an attacker with money.
SHORTEST_RSA = 2048

_JWT: dict[str, JwtAlgorithm] = {name: get_default_algorithms()[name] for name in ALGORITHMS}


def verifying(key: Key) -> Verify:
    """The check that this key makes. Raises `KeyProblem`, which never quotes the key, when it must not be used."""
    algorithm = _JWT.get(key.algorithm)
    if algorithm is None:
        raise KeyProblem(f"The algorithm has to be one of {', '.join(ALGORITHMS)}.")
    try:
        prepared: Any = algorithm.prepare_key(_secret(key) if key.algorithm == "HS256" else _public(key))
    except (InvalidKeyError, ValueError, TypeError, UnsupportedAlgorithm):
        raise KeyProblem(f"This key cannot be used for {key.algorithm}.") from None
    return lambda signed, signature: algorithm.verify(signed, prepared, signature)


def _secret(key: Key) -> bytes:
    try:
        secret = base64.b64decode(key.material + "=" * (-len(key.material) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise KeyProblem("An HS256 secret must be base64url without padding.") from None
    if len(secret) < SHORTEST_SECRET:
        raise KeyProblem(f"An HS256 secret needs at least {SHORTEST_SECRET} bytes.")
    # A public key is known to everybody. As a secret it would let everybody sign; PyJWT refuses the other encodings.
    if b"-----BEGIN" in secret or b"ssh-" in secret[:4]:
        raise KeyProblem("A public key must not be used as a secret.")
    return secret


def _public(key: Key) -> Any:
    try:
        public = load_pem_public_key(key.material.encode())
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise KeyProblem(f"A key for {key.algorithm} must be a public key as PEM.") from None
    match key.algorithm:
        case "RS256":
            if not isinstance(public, rsa.RSAPublicKey) or public.key_size < SHORTEST_RSA:
                raise KeyProblem(f"A key for RS256 must be an RSA key of at least {SHORTEST_RSA} bits.")
        case "ES256":
            if not (isinstance(public, ec.EllipticCurvePublicKey) and isinstance(public.curve, ec.SECP256R1)):
                raise KeyProblem("A key for ES256 must be on the curve P-256.")
        case "EdDSA":
            if not isinstance(public, ed25519.Ed25519PublicKey):
                raise KeyProblem("A key for EdDSA must be an Ed25519 key.")
    return public
