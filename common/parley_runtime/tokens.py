"""Verifying readers' tokens: who signed, for whom, until when, and what they allow.

Until the signature is proven, every refusal says the same; after it, the text says which claim is wrong, because then
only the tenant's own developer can be reading it. A suspended tenant's tokens stay valid: its readers go on reading,
and publishing is refused with `suspended`, where publishing is decided. A deleted tenant's tokens are not valid.
"""

import hashlib
from collections import OrderedDict
from typing import Any, NamedTuple, NoReturn, Protocol

from parley import limits
from parley.claims import Claims, Role
from parley.clock import Clock
from parley.errors import NotAllowed
from parley.revocation import Revoked
from parley.tenants import NAME, Key, Tenant
from parley_runtime.compact_token import CompactToken, take_apart
from parley_runtime.keys import Verify, verifying
from parley_runtime.signing import AUDIENCE, KeyProblem
from parley_runtime.telemetry import get_logger

#: Seconds by which the clocks of a tenant's server and of ours may differ.
LEEWAY = 10
#: Seconds after which no token lives any more that is valid now: `exp` may be the leeway late, and honoured as long.
LAST_TOKEN_DIES = limits.TOKEN_LIFE.default + 2 * LEEWAY
#: What a `scope` can say. Others are ignored: a token may serve other services' scopes too.
SCOPES = frozenset({"usage:read", "admin"})
#: Verified tokens that are remembered. An entry is about 1 kB; beyond it the longest unused one is verified again.
CACHE_SIZE = 20_000
#: Keys that are kept ready. Reading a PEM costs more than checking a signature.
_KEYS_SIZE = 4_096
_LONGEST_KID = 200


class TenantSource(Protocol):
    """Where tenants' records come from: `TenantView`."""

    def get(self, name: str) -> Tenant | None: ...


class _Verified(NamedTuple):
    claims: Claims
    tenant: Tenant  # the very record it was verified with: any change of it means verifying again


class TokenVerifier:
    """Verifies tokens of every tenant. Pure CPU: 10 to 200 µs for a new token, a few for a known one."""

    def __init__(self, tenants: TenantSource, clock: Clock, *, cache_size: int = CACHE_SIZE) -> None:
        self._tenants = tenants
        self._clock = clock
        self._cache_size = cache_size
        self._verified: OrderedDict[bytes, _Verified] = OrderedDict()
        self._keys: OrderedDict[tuple[str, str], tuple[Key, Verify | None]] = OrderedDict()

    def verify(self, token: str) -> Claims:
        """The token's content. Raises `NotAllowed` with `token-invalid` or `token-expired`."""
        if len(token) > limits.TOKEN.default or not token.isascii():
            _refuse()
        # Tokens are remembered by a digest, so that no list of live ones lies in memory.
        digest = hashlib.sha256(token.encode()).digest()
        known = self._verified.get(digest)
        if known is not None and self._tenants.get(known.claims.tenant) is known.tenant:
            if self._now() >= known.claims.expires_at + LEEWAY:
                del self._verified[digest]
                raise NotAllowed("token-expired")
            self._verified.move_to_end(digest)
            return known.claims
        self._verified.pop(digest, None)
        found = self._verify(token)
        self._verified[digest] = found
        if len(self._verified) > self._cache_size:
            self._verified.popitem(last=False)
        return found.claims

    def _now(self) -> float:
        return self._clock.now_ms() / 1000

    def _verify(self, token: str) -> _Verified:
        try:
            parts = take_apart(token)
        except ValueError:
            _refuse()
        tenant = self._tenant(parts.payload.get("tenant"))
        key = _key(tenant, parts.header)
        verify = self._ready(tenant, key)
        if verify is None or not verify(parts.signed, parts.signature):
            _refuse()
        now = self._now()
        claims = _claims(parts, tenant, key.kid, now)
        if why := Revoked(tenant, now).why(claims):
            _refuse(why)
        return _Verified(claims, tenant)

    def _tenant(self, name: object) -> Tenant:
        """The claim is not proven yet: it only says whose keys to try."""
        if not isinstance(name, str) or NAME.fullmatch(name) is None:
            _refuse()
        tenant = self._tenants.get(name)
        if tenant is None or tenant.state == "deleted":
            _refuse()
        return tenant

    def _ready(self, tenant: Tenant, key: Key) -> Verify | None:
        """The key's check; None when the key must not be used."""
        place = (tenant.name, key.kid)
        held = self._keys.get(place)
        if held is None or held[0] != key:
            try:
                held = (key, verifying(key))
            except KeyProblem as problem:
                held = (key, None)
                get_logger().warning("an unusable signing key", tenant=tenant.name, kid=key.kid, problem=str(problem))
            self._keys[place] = held
            if len(self._keys) > _KEYS_SIZE:
                self._keys.popitem(last=False)
        self._keys.move_to_end(place)
        return held[1]


def _refuse(why: str | None = None) -> NoReturn:
    raise NotAllowed("token-invalid", why and f"The token is not valid: {why}.")


def _key(tenant: Tenant, header: dict[str, Any]) -> Key:
    active = [key for key in tenant.keys if key.active]
    if "kid" in header:
        kid = header["kid"]
        if not isinstance(kid, str) or not 0 < len(kid) <= _LONGEST_KID:
            _refuse()
        active = [key for key in active if key.kid == kid]
    if len(active) != 1:
        _refuse()
    # The key decides. The header only may agree, so that no token chooses how it is checked.
    if header.get("alg") != active[0].algorithm:
        _refuse()
    return active[0]


def _claims(parts: CompactToken, tenant: Tenant, kid: str, now: float) -> Claims:
    payload = parts.payload
    if payload.get("aud") != AUDIENCE:
        _refuse(f"`aud` must be the string `{AUDIENCE}`")
    expires_at = _seconds(payload, "exp")
    if expires_at is None:
        _refuse("`exp` is missing")
    if now >= expires_at + LEEWAY:
        raise NotAllowed("token-expired")
    if expires_at > now + limits.TOKEN_LIFE.default + LEEWAY:
        _refuse("`exp` is more than 24 hours ahead")
    issued_at = _seconds(payload, "iat")
    for name, moment in (("nbf", _seconds(payload, "nbf")), ("iat", issued_at)):
        if moment is not None and moment > now + LEEWAY:
            _refuse(f"`{name}` is in the future")
    if not isinstance(payload.get("jti", ""), str):
        _refuse("`jti` must be a string")
    reader = _text(payload, "sub", limits.READER_ID.default)
    if not reader:
        _refuse("`sub` is missing")
    return Claims(
        tenant=tenant.name,
        reader=reader,
        name=_name(payload) or reader,
        expires_at=expires_at,
        role=_role(payload),
        avatar=_avatar(payload),
        pages=_pages(payload),
        scopes=_scopes(payload),
        kid=kid,
        issued_at=expires_at - limits.TOKEN_LIFE.default if issued_at is None else issued_at,
    )


def _seconds(payload: dict[str, Any], name: str) -> int | None:
    """Seconds since the epoch, a fraction cut off: a NumericDate may have one (RFC 7519 §2). bool is no number here."""
    value = payload.get(name)
    if value is None and name not in payload:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < 2**53:
        _refuse(f"`{name}` must be seconds since 1970")
    return int(value)


def _text(payload: dict[str, Any], name: str, most: int) -> str:
    """A string of at most `most` bytes of UTF-8 without NUL; "" when it is missing."""
    value = payload.get(name, "")
    if not isinstance(value, str) or "\0" in value or _bytes(value) > most:
        _refuse(f"`{name}` must be a string of at most {most} bytes without NUL")
    return value


def _bytes(value: str) -> float:
    """Length in UTF-8; infinite for lone surrogates, which have none."""
    try:
        return len(value.encode())
    except UnicodeEncodeError:
        return float("inf")


def _name(payload: dict[str, Any]) -> str:
    name = _text(payload, "name", 4 * limits.NAME.default)
    if len(name) > limits.NAME.default or any(ord(letter) < 32 or ord(letter) == 127 for letter in name):
        _refuse(f"`name` must be one line of at most {limits.NAME.default} characters")
    return name


def _role(payload: dict[str, Any]) -> Role:
    try:
        return Role(payload.get("role", Role.COMMENTER))
    except ValueError:
        _refuse("`role` must be `reader`, `commenter` or `moderator`")


def _avatar(payload: dict[str, Any]) -> str | None:
    avatar = _text(payload, "avatar", limits.AVATAR.default)
    if not avatar:
        return None
    if not avatar.startswith(("https://", "http://")) or any(letter <= " " for letter in avatar):
        _refuse("`avatar` must be an http or https address")
    return avatar


def _pages(payload: dict[str, Any]) -> tuple[str, ...]:
    pages = payload.get("pages", ["*"])
    most, longest = limits.PATTERNS.default, limits.PATTERN.default
    if not isinstance(pages, list) or len(pages) > most:
        _refuse(f"`pages` must be a list of at most {most} patterns")
    for pattern in pages:
        if not isinstance(pattern, str) or "\0" in pattern or not 1 <= _bytes(pattern) <= longest:
            _refuse(f"a pattern in `pages` must be a string of 1 to {longest} bytes without NUL")
    return tuple(pages)


def _scopes(payload: dict[str, Any]) -> frozenset[str]:
    scope = payload.get("scope", "")
    said = scope.split(" ") if isinstance(scope, str) else scope
    if not isinstance(said, list) or not all(isinstance(part, str) for part in said):
        _refuse("`scope` must be a string or a list of strings")
    return SCOPES.intersection(said)
