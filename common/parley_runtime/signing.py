"""Signing tokens for trying things out, the way a tenant's own server does it."""

import base64
import binascii
import secrets
import time
from dataclasses import dataclass, field
from typing import Any

import jwt
import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from parley.claims import Role
from parley.tenants import ALGORITHMS, Algorithm, Key

AUDIENCE = "parley"

# What gateways accept at most. Seconds.
LONGEST_TTL = 24 * 3600

# RFC 7518 §3.2: at least as long as the hash. Bytes.
SHORTEST_SECRET = 32


class KeyProblem(Exception):
    """A signing key that cannot be used. The text never quotes it."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """What signs: the secret's bytes for HS256, else the private key as PEM. `kid` None: leave it out."""

    algorithm: Algorithm
    material: bytes = field(repr=False)
    kid: str | None = None


@dataclass(frozen=True, slots=True)
class Wish:
    """What a token is to say. `ttl` in seconds; empty and None members are left out, so gateways' defaults hold."""

    tenant: str
    reader: str
    role: Role | None = None
    name: str | None = None
    pages: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    ttl: int = 3600


def sign(key: SigningKey, wish: Wish, *, now: float | None = None) -> str:
    """The JWT (compact form)."""
    issued = int(time.time() if now is None else now)
    claims: dict[str, Any] = {
        "aud": AUDIENCE,
        "sub": wish.reader,
        "tenant": wish.tenant,
        "iat": issued,
        "exp": issued + wish.ttl,
    }
    if wish.name:
        claims["name"] = wish.name
    if wish.role:
        claims["role"] = str(wish.role)
    if wish.pages:
        claims["pages"] = list(wish.pages)
    if wish.scopes:
        claims["scope"] = " ".join(wish.scopes)
    headers = {"kid": key.kid} if key.kid else None
    return jwt.encode(claims, key.material, algorithm=key.algorithm, headers=headers)


def read_key(text: bytes, *, kid: str | None = None, algorithm: str | None = None) -> SigningKey:
    """A key as people keep them: PEM private key, JSON ``{"kid","algorithm","material"}``, or a secret in base64url.

    The algorithm follows from the key where it is not named. Raises KeyProblem.
    """
    text = text.strip()
    if text.startswith(b"{"):
        try:
            record = msgspec.json.decode(text, type=dict[str, Any])
        except msgspec.DecodeError as error:
            raise KeyProblem("The key looks like JSON and is none.") from error
        material = str(record.get("material", "")).encode()
        return read_key(material, kid=kid or record.get("kid"), algorithm=algorithm or record.get("algorithm"))
    inferred = _algorithm_of_pem(text) if text.startswith(b"-----BEGIN") else "HS256"
    if algorithm is not None and algorithm not in ALGORITHMS:
        raise KeyProblem(f"The algorithm has to be one of {', '.join(ALGORITHMS)}.")
    if algorithm is not None and algorithm != inferred:
        raise KeyProblem(f"This key is one for {inferred}, not for {algorithm}.")
    material = text if inferred != "HS256" else decode_secret(text)
    return SigningKey(inferred, material, kid)


def decode_secret(text: bytes) -> bytes:
    """The bytes of an HS256 secret in base64url, with or without padding. Raises KeyProblem."""
    try:
        secret = base64.b64decode(text + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise KeyProblem("The key is neither a PEM private key nor a secret in base64url.") from error
    if len(secret) < SHORTEST_SECRET:
        raise KeyProblem(f"The secret has {len(secret)} bytes; at least {SHORTEST_SECRET} are needed.")
    return secret


def _algorithm_of_pem(text: bytes) -> Algorithm:
    try:
        key = load_pem_private_key(text, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise KeyProblem("The PEM holds no private key that can be read without a passphrase.") from error
    if isinstance(key, rsa.RSAPrivateKey):
        return "RS256"
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
        return "ES256"
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return "EdDSA"
    raise KeyProblem("The key is neither RSA, nor P-256, nor Ed25519.")


def generate_key(algorithm: Algorithm, kid: str) -> tuple[Key, str]:
    """A new key: (what the registry gets, what the tenant's server signs with: private PEM, or the secret itself)."""
    if algorithm == "HS256":
        secret = secrets.token_urlsafe(SHORTEST_SECRET)
        return Key(kid, algorithm, secret), secret
    private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
    if algorithm == "RS256":
        private = rsa.generate_private_key(public_exponent=65537, key_size=3072)
    elif algorithm == "ES256":
        private = ec.generate_private_key(ec.SECP256R1())
    else:
        private = ed25519.Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Key(kid, algorithm, public.decode()), pem.decode()
