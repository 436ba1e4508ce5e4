"""What is fuzzed: everything that takes bytes from strangers before it knows who they are, and what must hold of it."""

import base64
import json
from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from kit.fuzzing import Target
from kit.tokens import CLOCK, NOW, dump, segment, signature
from parley.claims import Claims
from parley.client_frames import Do, addressed, parse, parse_do
from parley.errors import Refusal
from parley.limits import FRAME
from parley.tenants import Algorithm, Key, Tenant
from parley_gateway.core.client_address import client_address, parse_address
from parley_gateway.core.frame_reader import FrameProblem, FrameReader, close_code
from parley_gateway.core.operation import accept, check_anchor
from parley_gateway.core.session import Refuse, Session
from parley_gateway.core.websocket_frame import CLOSE
from parley_runtime.jwk_set import BadKeySet, read_key_set
from parley_runtime.tokens import TokenVerifier

_SIZE = FRAME.default
_CLAIMS = Claims(tenant="acme", reader="u1", name="Ann", expires_at=2**40)
_PROXIES = [ip_network("10.0.0.0/8")]
#: Keys that are always the same, so that a seed repeats its run, and the corpus holds tokens that are good.
_SECRET = base64.urlsafe_b64encode(bytes(32)).decode().rstrip("=")
_PRIVATE = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32))
_PUBLIC = _PRIVATE.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
_SIGNING: dict[Algorithm, str] = {
    "HS256": _SECRET,
    "EdDSA": _PRIVATE.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
}
_TENANT = Tenant("acme", 1, [Key("h", "HS256", _SECRET), Key("e", "EdDSA", _PUBLIC)])
_VERIFIER = TokenVerifier({"acme": _TENANT}, CLOCK, cache_size=1)


def signed(algorithm: Algorithm, **members: Any) -> str:
    """A token of the tenant that is fuzzed, valid but for the `members` of its payload."""
    header = dump({"alg": algorithm, "kid": {"HS256": "h", "EdDSA": "e"}[algorithm]})
    payload = dump({"aud": "parley", "tenant": "acme", "sub": "u1", "exp": NOW + 600, **members})
    text = f"{segment(header)}.{segment(payload)}"
    return f"{text}.{segment(signature(text, algorithm, _SIGNING[algorithm]))}"


_VALID = frozenset(signed(algorithm) for algorithm in ("HS256", "EdDSA"))


def websocket_frames(data: bytes) -> None:
    """The first byte says in which pieces the rest arrives: the pieces must not matter."""
    size, stream = (data[:1] or b"\x00")[0] + 1, data[1:]
    whole = _read([stream])
    assert _read([stream[at : at + size] for at in range(0, len(stream), size)]) == whole
    for opcode, payload in whole[0]:
        assert len(payload) <= _SIZE
        if opcode == CLOSE:
            try:
                code = close_code(payload)
            except FrameProblem:
                continue
            assert code is None or (1000 <= code < 5000 and code not in (1004, 1005, 1006, 1015))


def _read(pieces: list[bytes]) -> tuple[list[tuple[int, bytes]], int | None]:
    reader = FrameReader(_SIZE)
    got: list[tuple[int, bytes]] = []
    try:
        for piece in pieces:
            got += reader.feed(piece)
    except FrameProblem as problem:
        return got, problem.code
    return got, None


def client_frames(data: bytes) -> None:
    """What is taken is taken the same way again; what is refused is refused with words; a session never breaks."""
    addressed(data)
    session = Session(0.0)
    session.receive_text(b'{"t":"hello","v":1,"client":"00000000-0000-4000-8000-000000000001","token":"x"}', 0.0)
    session.logged_in(_CLAIMS)
    action = session.receive_text(data, 1.0)
    try:
        frame = parse(data)
    except Refusal as refusal:
        assert isinstance(action, Refuse) and action.refusal.code == refusal.code
        assert refusal.message and refusal.help
        return
    assert parse(msgspec.json.encode(frame)) == frame
    if isinstance(frame, Do):
        _operation(frame)


def operations_over_http(data: bytes) -> None:
    """The body of an operation."""
    try:
        do = parse_do(data, "p")
    except Refusal:
        return
    _operation(do)


def _operation(do: Do) -> None:
    try:
        operation = accept(do, _CLAIMS)
    except Refusal:
        return
    assert len(msgspec.json.encode(operation)) < 4 * _SIZE


def anchors(data: bytes) -> None:
    """An anchor that is accepted is small, is the same when it is accepted again, and can be stored."""
    try:
        do = parse_do(b'{"broadcastId":"b","op":"relink","anchor":' + data + b"}", "p")
        if do.anchor is None:
            return
        anchor = check_anchor(do.anchor)
    except Refusal:
        return
    assert check_anchor(anchor) == anchor
    stored = msgspec.json.encode(anchor)
    assert len(stored) < 8_192
    assert not any("\0" in text for text in _texts(json.loads(stored)))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for item in [*value, *value.values()] if isinstance(value, dict) else value:
            yield from _texts(item)


def tokens(data: bytes) -> None:
    """No text but one of the tokens that were signed gets in."""
    text = data.decode("latin-1")
    try:
        claims = _VERIFIER.verify(text)
    except Refusal as refusal:
        assert refusal.code in ("token-invalid", "token-expired")
        assert len(text) < 32 or text not in f"{refusal.message} {refusal.help}"
        return
    part = text.rpartition(".")[0]
    # Both algorithms make one signature only of one text, so whatever gets in is byte for byte what a key signed.
    assert text in {f"{part}.{segment(signature(part, name, private))}" for name, private in _SIGNING.items()}
    assert claims.tenant == "acme" and claims.reader


def key_sets(data: bytes) -> None:
    """A tenant's JWK set."""
    try:
        keys = read_key_set(data)
    except BadKeySet:
        return
    assert all(0 < len(key.kid) <= 200 and key.algorithm != "HS256" for key in keys)


def forwarded(data: bytes) -> None:
    """Whatever a client wrote into the header, the address that the proxy adds behind it is the one."""
    said = data.decode("latin-1").replace("\r", "").replace("\n", "")
    for header, mine in (("X-Forwarded-For", "8.8.8.8"), ("Forwarded", "for=8.8.8.8")):
        found = client_address("10.0.0.1", header, [f"{said}, {mine}"], _PROXIES)  # type: ignore[arg-type]
        assert found == parse_address("8.8.8.8")
        assert client_address("10.0.0.1", header, [said], _PROXIES) is not None  # type: ignore[arg-type]


_JSON_WORDS = [
    b'{"t":"do"', b'"page":', b'"op":', b'"broadcastId":', b'"anchor":', b'"quote":', b'"exact":', b'"prefix":',
    b'"suffix":', b'"tail":', b'"length":', b'"position":', b'"start":', b'"end":', b'"hint":', b'"text":', b'"chat":',
    b'"comment":', b'"emoji":', b'"on":', b'"since":', b'"epoch":', b'"seq":', b"true", b"null", b"-1", b"1e999",
    b"9223372036854775808", b"[", b"]", b"{", b"}", b",", b":", b"\\ud800", b"\\ud83d\\ude00", b"\xf0\x9f\x98\x80",
]  # fmt: skip
_TOKEN_WORDS = [part.encode() for made in sorted(_VALID) for part in made.split(".")] + [b".", b"=", b"eyJ", b"e30"]

TARGETS = {
    target.name: target
    for target in (
        Target(
            "websocket-frames",
            websocket_frames,
            ["core/frame_reader.py"],
            [
                b"\x81\x80",
                b"\x01\x80",
                b"\x80\x80",
                b"\x88\x82",
                b"\x89\x80",
                b"\xfe\x00\x7e",
                b"\xff" + b"\x00" * 8,
                b"\x03\xe8",
            ],
        ),
        Target(
            "client-frames", client_frames, ["client_frames.py", "core/session.py", "core/operation.py"], _JSON_WORDS
        ),
        Target("operations-over-http", operations_over_http, ["client_frames.py", "core/operation.py"], _JSON_WORDS),
        Target("anchors", anchors, ["client_frames.py", "core/operation.py"], _JSON_WORDS),
        Target("tokens", tokens, ["compact_token.py", "parley_runtime/tokens.py"], _TOKEN_WORDS),
        Target(
            "key-sets", key_sets, ["jwk_set.py", "parley_runtime/keys.py"], [b'"kty":', b'"crv":', b'"kid":', b'"EC"']
        ),
        Target("forwarded", forwarded, ["core/client_address.py"], [b"for=", b'"', b",", b"[::1]", b"10.0.0.2", b";"]),
    )
}
