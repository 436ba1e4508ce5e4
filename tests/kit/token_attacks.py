"""Attacks on tokens by name. Each makes one token that no gateway may accept (tests/runtime/test_tokens.py)."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any, TypeAlias

from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from kit.tokens import MISSING, NOW, dump, key_pair, segment, signature, token
from parley import limits
from parley.tenants import Algorithm

Make: TypeAlias = Callable[[], str]


def with_header(**members: Any) -> Make:
    return lambda: token(header=members)


def with_payload(**members: Any) -> Make:
    return lambda: token(payload=members)


def unsigned(alg: Any, tail: str = "") -> Make:
    def make() -> str:
        head, body, _ = token(header={"alg": alg, "kid": MISSING}).split(".")
        return f"{head}.{body}.{tail}"

    return make


def edited(edit: Callable[[str], str], algorithm: Algorithm = "HS256") -> Make:
    return lambda: edit(token(algorithm))


def confused(public_of: Algorithm, kid: str) -> Make:
    """Signed with HMAC, the public key as the secret: what a library that trusts the header would accept."""

    def make() -> str:
        pem = key_pair(public_of, f"{public_of}-1")[0].material
        head = segment(dump({"alg": "HS256", "typ": "JWT", "kid": kid}))
        body = token().split(".")[1]
        made = hmac.new(pem.encode(), f"{head}.{body}".encode(), hashlib.sha256).digest()
        return f"{head}.{body}.{segment(made)}"

    return make


def own_key(member: str) -> Make:
    """Signed with the attacker's key, which the header brings along."""

    def make() -> str:
        private = key_pair("RS256", "attacker")[1]
        numbers = {"kty": "RSA", "kid": "RS256-1", "alg": "RS256", "n": "AQAB", "e": "AQAB"}
        brought = {
            "jwk": numbers,
            "jku": "https://evil.test/jwks.json",
            "x5u": "https://evil.test/chain.pem",
            "x5c": [base64.b64encode(b"certificate").decode()],
        }
        return token("RS256", header={member: brought[member]}, signed_with=("RS256", private))

    return make


def harmless_but_refused(member: str, value: Any) -> Make:
    """Properly signed by the tenant, and still no: the member asks for another reading of the token."""
    return with_header(**{member: value})


def es256_signature(raw: bytes) -> Make:
    return edited(lambda whole: f"{whole.rpartition('.')[0]}.{segment(raw)}", "ES256")


def der_signature() -> str:
    """ES256's signature as DER, the other usual encoding."""
    head, _, last = token("ES256").rpartition(".")
    raw = base64.urlsafe_b64decode(last + "==")
    return f"{head}.{segment(encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:])))}"


def loose_bits(whole: str) -> str:
    """The last character changed in bits that no byte holds: lenient decoders read the same signature."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return whole[:-1] + alphabet[alphabet.index(whole[-1]) | 1]


PAYLOAD = {"aud": "parley", "tenant": "acme", "sub": "u1", "exp": NOW + 600}
BODY = json.dumps(PAYLOAD)
HEAD = '{"alg":"HS256","typ":"JWT","kid":"HS256-1"}'

ATTACKS: dict[str, Make] = {
    # no signature
    "alg none": unsigned("none"),
    "alg None": unsigned("None"),
    "alg NONE": unsigned("NONE"),
    "alg nOnE": unsigned("nOnE"),
    "alg none with a signature": unsigned("none", "AAAA"),
    "alg none with a dot less": edited(lambda whole: ".".join([segment('{"alg":"none"}'), whole.split(".")[1]])),
    "alg empty": unsigned("", "AAAA"),
    "alg null": unsigned(None, "AAAA"),
    "alg list": unsigned(["HS256"], "AAAA"),
    "alg missing": with_header(alg=MISSING),
    "alg lower case": with_header(alg="hs256"),
    "alg with a space": with_header(alg="HS256 "),
    "alg HS512": with_header(alg="HS512"),
    "alg PS256 for an RSA key": lambda: token("RS256", header={"alg": "PS256"}),
    "alg ES384 for a P-256 key": lambda: token("ES256", header={"alg": "ES384"}),
    "alg Ed25519 name": lambda: token("EdDSA", header={"alg": "Ed25519"}),
    "signature stripped": edited(lambda whole: whole.rpartition(".")[0] + "."),
    "signature stripped with its dot": edited(lambda whole: whole.rpartition(".")[0]),
    "signature of zeros": edited(lambda whole: f"{whole.rpartition('.')[0]}.{segment(bytes(32))}"),
    "signature cut": edited(lambda whole: f"{whole.rpartition('.')[0]}.{segment(bytes(16))}"),
    "signature of another token": lambda: (
        f"{token(payload={'sub': 'root'}).rpartition('.')[0]}." + token().rpartition(".")[2]
    ),
    "payload swapped": lambda: ".".join(
        [token().split(".")[0], token(payload={"role": "moderator"}).split(".")[1], token().split(".")[2]]
    ),
    # the wrong key
    "HS/RS confusion, kid of the RSA key": confused("RS256", "RS256-1"),
    "HS/RS confusion, kid of the HMAC key": confused("RS256", "HS256-1"),
    "HS/ES confusion": confused("ES256", "ES256-1"),
    "HS/EdDSA confusion": confused("EdDSA", "EdDSA-1"),
    "RSA token with the HMAC kid": lambda: token("RS256", header={"kid": "HS256-1"}),
    "header says RS256, kid is the ES256 key": lambda: token("RS256", header={"kid": "ES256-1"}),
    "signed with another key": lambda: token(signed_with=("HS256", key_pair("HS256", "attacker")[1])),
    "signed with another RSA key": lambda: token("RS256", signed_with=("RS256", key_pair("RS256", "attacker")[1])),
    "signed with another P-256 key": lambda: token("ES256", signed_with=("ES256", key_pair("ES256", "attacker")[1])),
    "signed with another Ed25519 key": lambda: token("EdDSA", signed_with=("EdDSA", key_pair("EdDSA", "e")[1])),
    "unknown kid": with_header(kid="nobody's"),
    "kid is a path": with_header(kid="../../dev/null"),
    "kid is SQL": with_header(kid="x' UNION SELECT 'AAAA"),
    "kid empty": with_header(kid=""),
    "kid null": with_header(kid=None),
    "kid number": with_header(kid=1),
    "kid list": with_header(kid=["HS256-1"]),
    "kid object": with_header(kid={"kid": "HS256-1"}),
    "kid in another case": with_header(kid="hs256-1"),
    "kid with NUL": with_header(kid="HS256-1\0"),
    "kid huge": with_header(kid="k" * 4_000),
    "inactive key": lambda: token(header={"kid": "old"}, signed_with=("HS256", key_pair("HS256", "old")[1])),
    "inactive key without kid": lambda: token(
        header={"kid": MISSING}, payload={"tenant": "single"}, signed_with=("HS256", key_pair("HS256", "old")[1])
    ),
    "no kid, several active keys": with_header(kid=MISSING),
    "kid of another tenant": lambda: token(
        "ES256", header={"kid": "globex-1"}, signed_with=("ES256", key_pair("ES256", "globex-1")[1])
    ),
    "same kid, another tenant's key": lambda: token(signed_with=("HS256", key_pair("HS256", "x")[1])),
    "own key, another tenant's name": with_payload(tenant="globex"),
    "jwk brings the key": own_key("jwk"),
    "jku brings the key": own_key("jku"),
    "x5u brings the key": own_key("x5u"),
    "x5c brings the key": own_key("x5c"),
    "jwk beside a good signature": harmless_but_refused("jwk", {"kty": "oct"}),
    "jku beside a good signature": harmless_but_refused("jku", "https://acme.test/keys"),
    "crit": harmless_but_refused("crit", ["exp"]),
    "crit empty": harmless_but_refused("crit", []),
    "b64 false": harmless_but_refused("b64", False),
    "zip": harmless_but_refused("zip", "DEF"),
    "nested: cty JWT": harmless_but_refused("cty", "JWT"),
    "typ of something else": harmless_but_refused("typ", "secevent+jwt"),
    "typ number": harmless_but_refused("typ", 1),
    "typ null": harmless_but_refused("typ", None),
    # form
    "empty": lambda: "",
    "dots": lambda: "..",
    "nested JWE: five segments": edited(lambda whole: whole + ".AAAA.AAAA"),
    "four segments": edited(lambda whole: whole + ".AAAA"),
    "trailing dot": edited(lambda whole: whole + "."),
    "leading dot": edited(lambda whole: "." + whole),
    "JWS as JSON": lambda: json.dumps(dict(zip(("protected", "payload", "mac"), token().split("."), strict=True))),
    "padding": edited(lambda whole: whole + "="),
    "padding in the header": lambda: token(header=HEAD + " ").replace(".", "==.", 1),
    "leading space": edited(lambda whole: " " + whole),
    "trailing newline": edited(lambda whole: whole + "\n"),
    "newline within": edited(lambda whole: whole[:20] + "\n" + whole[20:]),
    "tab within the signature": edited(lambda whole: whole[:-5] + "\t" + whole[-5:]),
    "Bearer before it": edited(lambda whole: "Bearer " + whole),
    "quotes around it": edited(lambda whole: f'"{whole}"'),
    "trailing bytes": edited(lambda whole: whole + "AAAA"),
    "trailing NUL": edited(lambda whole: whole + "\0"),
    "loose bits in the last character": edited(loose_bits),
    "loose bits, ES256": edited(loose_bits, "ES256"),
    "standard base64 alphabet": lambda: token(payload={"name": "\x7f?>" + "ÿ" * 9 + "?>?>"}).replace("_", "/") + "/",
    "percent-encoded": edited(lambda whole: whole.replace(".", "%2E")),
    "full-width dot": edited(lambda whole: whole.replace(".", "．")),
    "full-width letter": edited(lambda whole: whole.replace("e", "ｅ", 1)),
    "zero-width space": edited(lambda whole: whole + "\u200b"),
    "lone surrogate": edited(lambda whole: whole + "\ud800"),
    "oversize": with_payload(filler="x" * limits.TOKEN.default),
    "oversize garbage": lambda: "a" * 10_000_000,
    # JSON
    "header no JSON": lambda: token(header="hello"),
    "header list": lambda: token(header="[]"),
    "header with a duplicate alg": lambda: token(header='{"alg":"none","alg":"HS256","kid":"HS256-1"}'),
    "header with a duplicate kid": lambda: token(header='{"alg":"HS256","kid":"old","kid":"HS256-1"}'),
    "duplicate spelt with an escape": lambda: token(header='{"alg":"none","\\u0061lg":"HS256","kid":"HS256-1"}'),
    "header with trailing text": lambda: token(header=HEAD + "x"),
    "header with a BOM": lambda: token(header="\ufeff" + HEAD),
    "header in UTF-16": lambda: _raw(HEAD.encode("utf-16"), BODY.encode()),
    "payload in UTF-16": lambda: _raw(HEAD.encode(), BODY.encode("utf-16")),
    "payload no UTF-8": lambda: _raw(HEAD.encode(), BODY.encode().replace(b"u1", b"\xff\xfe")),
    "payload overlong UTF-8": lambda: _raw(HEAD.encode(), BODY.encode().replace(b"acme", b"\xc1\xa1cme")),
    "payload no JSON": lambda: token(payload="acme"),
    "payload list": lambda: token(payload=f"[{BODY}]"),
    "payload string": lambda: token(payload=json.dumps(BODY)),
    "payload empty object": lambda: token(payload="{}"),
    "payload with a comment": lambda: token(payload=BODY + "/**/"),
    "payload with a trailing comma": lambda: token(payload=BODY[:-1] + ",}"),
    "duplicate sub": lambda: token(payload=BODY[:-1] + ',"sub":"root"}'),
    "duplicate tenant": lambda: token(payload=BODY[:-1] + ',"tenant":"acme"}'),
    "duplicate exp": lambda: token(payload='{"exp":1,' + BODY[1:]),
    "duplicate in an ignored claim": lambda: token(payload=BODY[:-1] + ',"x":{"a":1,"a":2}}'),
    "nested 1,000 deep": lambda: token(payload=BODY[:-1] + ',"x":' + "[" * 1_500 + "]" * 1_500 + "}"),
    "number of 5,000 digits": lambda: token(payload=BODY[:-1] + ',"x":' + "9" * 5_000 + "}"),
    "NaN": lambda: token(payload=BODY[:-1] + ',"x":NaN}'),
    # audience and times
    "aud missing": with_payload(aud=MISSING),
    "aud of another service": with_payload(aud="billing"),
    "aud in another case": with_payload(aud="Parley"),
    "aud with a suffix": with_payload(aud="parley.evil.test"),
    "aud list": with_payload(aud=["parley"]),
    "aud list with others": with_payload(aud=["parley", "billing"]),
    "aud null": with_payload(aud=None),
    "aud object": with_payload(aud={"parley": True}),
    "aud empty": with_payload(aud=""),
    "expired": with_payload(exp=NOW - 11),
    "expired to the second": with_payload(exp=NOW - 10),
    "expired long ago": with_payload(exp=0),
    "no exp": with_payload(exp=MISSING),
    "exp null": with_payload(exp=None),
    "exp too far": with_payload(exp=NOW + 86_400 + 11),
    "exp in milliseconds": with_payload(exp=NOW * 1000),
    "exp huge": with_payload(exp=10**300),
    "exp negative": with_payload(exp=-1),
    "exp string": with_payload(exp=str(NOW + 600)),
    "exp true": with_payload(exp=True),
    "exp NaN": lambda: token(payload=BODY.replace(str(NOW + 600), "NaN")),
    "exp Infinity": lambda: token(payload=BODY.replace(str(NOW + 600), "Infinity")),
    "exp infinite by overflow": lambda: token(payload=BODY.replace(str(NOW + 600), "1e999")),
    "exp list": with_payload(exp=[NOW + 600]),
    "nbf in the future": with_payload(nbf=NOW + 11),
    "nbf string": with_payload(nbf="0"),
    "nbf null": with_payload(nbf=None),
    "iat in the future": with_payload(iat=NOW + 11),
    "iat true": with_payload(iat=True),
    # tenant
    "unknown tenant": with_payload(tenant="initech"),
    "deleted tenant": lambda: token(
        "EdDSA",
        header={"kid": "only"},
        payload={"tenant": "gone"},
        signed_with=("EdDSA", key_pair("EdDSA", "only")[1]),
    ),
    "tenant missing": with_payload(tenant=MISSING),
    "tenant null": with_payload(tenant=None),
    "tenant list": with_payload(tenant=["acme"]),
    "tenant object": with_payload(tenant={"name": "acme"}),
    "tenant number": with_payload(tenant=1),
    "tenant empty": with_payload(tenant=""),
    "tenant in capitals": with_payload(tenant="ACME"),
    "tenant with a Cyrillic а": with_payload(tenant="аcme"),
    "tenant full-width": with_payload(tenant="ａｃｍｅ"),
    "tenant with NUL": with_payload(tenant="acme\0"),
    "tenant with a newline": with_payload(tenant="acme\n"),
    "tenant with a zero-width space": with_payload(tenant="acme\u200b"),
    "tenant is a pattern": with_payload(tenant="*"),
    # reader
    "sub missing": with_payload(sub=MISSING),
    "sub empty": with_payload(sub=""),
    "sub null": with_payload(sub=None),
    "sub number": with_payload(sub=7),
    "sub list": with_payload(sub=["u1"]),
    "sub with NUL": with_payload(sub="u1\0root"),
    "sub huge": with_payload(sub="u" * 201),
    "sub huge in bytes": with_payload(sub="ж" * 101),
    "sub lone surrogate": with_payload(sub="\ud800"),
    # the rest
    "role unknown": with_payload(role="owner"),
    "role in capitals": with_payload(role="MODERATOR"),
    "role list": with_payload(role=["moderator"]),
    "role null": with_payload(role=None),
    "name number": with_payload(name=1),
    "name huge": with_payload(name="n" * 201),
    "name of two lines": with_payload(name="Ann\nmoderator"),
    "name with NUL": with_payload(name="Ann\0"),
    "avatar script": with_payload(avatar="javascript:alert(1)"),
    "avatar data": with_payload(avatar="data:text/html,x"),
    "avatar protocol-relative": with_payload(avatar="//evil.test/a.png"),
    "avatar with a newline": with_payload(avatar="https://acme.test/\na.png"),
    "avatar huge": with_payload(avatar="https://acme.test/" + "a" * 1_024),
    "pages string": with_payload(pages="*"),
    "pages null": with_payload(pages=None),
    "pages of numbers": with_payload(pages=[1]),
    "pages too many": with_payload(pages=["*"] * 51),
    "pages pattern empty": with_payload(pages=[""]),
    "pages pattern huge": with_payload(pages=["p" * 513]),
    "pages pattern with NUL": with_payload(pages=["a\0b"]),
    "scope number": with_payload(scope=1),
    "scope list of numbers": with_payload(scope=[1]),
    "scope object": with_payload(scope={"admin": True}),
    "scope null": with_payload(scope=None),
    "jti number": with_payload(jti=1),
    "ES256 r and s zero": es256_signature(bytes(64)),
    "ES256 r and s of ones": es256_signature(b"\xff" * 64),
    "ES256 r = order": es256_signature(
        bytes.fromhex("FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551") + bytes(31) + b"\1"
    ),
    "ES256 cut": es256_signature(bytes(63)),
    "ES256 too long": es256_signature(bytes(96)),
    "ES256 as DER": der_signature,
}


def _raw(head: bytes, body: bytes) -> str:
    signed = f"{segment(head)}.{segment(body)}"
    return f"{signed}.{segment(signature(signed, 'HS256', key_pair('HS256', 'HS256-1')[1]))}"
